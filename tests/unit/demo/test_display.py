"""What a reader of the plain lines gets to see."""

import io
from typing import Any

from rich.console import Console

from mod_openai_realtime.demo.display import Display
from mod_openai_realtime.demo.journal import Entry
from mod_openai_realtime.demo.verdict import Check, Verdict


def shown(call: Any, *entries: Entry) -> str:
    console = Console(file=io.StringIO(), width=80)
    display = Display(console, call.record().originals)
    with display.live(lambda: call.record().origin_ns, lambda: (0.0, 0.0)):
        for entry in entries or call.record().entries:
            display.show(entry)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_course_of_the_call_can_be_read(call: Any) -> None:
    text = shown(call)
    for part in ("“question”", "connected", "start", "the server understood: “wait”", "disconnected: 1000"):
        assert part in text


def test_the_delay_of_an_answer_is_counted_from_the_callers_last_sound(call: Any) -> None:
    # The line begins at 2.6 s and lasts 1 s; the event comes at 4.22 s.
    assert "begins to speak, 620 ms after the caller's last sound" in shown(call)


def test_an_interruption_is_named_though_its_cause_is_told_after_its_effect(call: Any) -> None:
    assert shown(call).count("the caller interrupts the agent") == 1


def test_long_lines_are_not_broken() -> None:
    console = Console(file=io.StringIO(), width=40)
    Display(console, {}).verdict(Verdict([Check("a name", False, "x" * 100)]))
    assert isinstance(console.file, io.StringIO)
    assert f"FAIL  a name  {'x' * 100}\n" in console.file.getvalue()
