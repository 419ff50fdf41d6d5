"""The call on the screen, as it happens: lines, and on a terminal a clock and two level meters below them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..local.g711 import Samples
from .journal import Entry
from .sound import LOUD, extent
from .tape import RATE
from .verdict import Verdict

_METER_CELLS = 24
_SPEECH_LEVEL = 0.25
"""Fills a meter."""
_TOGETHER_NS = 200_000_000
"""What an interruption causes may be told before the interruption itself, by less than this."""
_STYLES = {"caller": "bold cyan", "agent": "bold green", "command": "dim", "event": "", "barge-in": "bold red"}
_TOLD_AT_ONCE = {
    "connect": "connected",
    "session.created": "session created",
    "session.updated": "session updated",
    "input_audio_buffer.speech_stopped": "the server hears the end of the caller's turn",
    "openai_speech_stop": "the agent is silent",
}


class Display:
    """`show` is for a journal's listener: it may be called from any thread."""

    def __init__(self, console: Console, originals: dict[str, Samples]) -> None:
        """`originals`: each line of the caller's, as it sounds at RATE; may be filled in before the call."""
        self._console = console
        self._originals = originals
        self._lock = threading.Lock()
        self._origin: Callable[[], int] = time.monotonic_ns
        self._levels: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)
        self._agent_until_ns: float = -inf
        self._caller_until_ns: int | None = None

    def say(self, text: str) -> None:
        """A line outside the call."""
        self._console.print(Text(text), soft_wrap=True)

    @contextmanager
    def live(self, origin_ns: Callable[[], int], levels: Callable[[], tuple[float, float]]) -> Iterator[None]:
        """While a call runs: `origin_ns` is when it began, `levels` are the caller's and the agent's, 0 to 1."""
        self._origin, self._levels = origin_ns, levels
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, get_renderable=self._meters, refresh_per_second=12, transient=True):
            yield

    def show(self, entry: Entry) -> None:
        with self._lock:
            told = self._told(entry)
            if told is not None:
                who, text = told
                at_s = (entry.time_ns - self._origin()) / 1e9
                line = Text.assemble((f"{at_s:7.2f} s  ", "dim"), (f"{who:9}", _STYLES[who]), (text, _STYLES[who]))
                self._console.print(line, soft_wrap=True)

    def verdict(self, verdict: Verdict) -> None:
        width = max(len(check.name) for check in verdict.checks)
        self._console.print()
        for check in verdict.checks:
            mark = ("pass", "green") if check.passed else ("FAIL", "bold red")
            detail = (check.detail, "dim" if check.passed else "red")
            self._console.print(Text.assemble(mark, f"  {check.name:{width}}  ", detail), soft_wrap=True)

    def _told(self, entry: Entry) -> tuple[str, str] | None:
        if entry.source == "caller":
            sound = extent(self._originals[entry.body], level=LOUD)
            self._caller_until_ns = entry.time_ns + (sound.end if sound else 0) * 1_000_000_000 // RATE
            return "caller", f"“{entry.body}”"
        if entry.source == "command":
            return "command", f"{entry.name} {_short(entry.body['arguments'])}: {entry.body['reply']}"
        return self._told_event(entry.server_type or entry.name, entry)

    def _told_event(self, name: str, entry: Entry) -> tuple[str, str] | None:
        body = entry.body
        if name == "openai_speech_start":
            self._agent_until_ns = inf
            until, self._caller_until_ns = self._caller_until_ns, None
            delay = "" if until is None else f", {(entry.time_ns - until) / 1e6:.0f} ms after the caller's last sound"
            return "agent", f"begins to speak{delay}"
        if name == "input_audio_buffer.speech_started":
            if entry.time_ns - self._agent_until_ns < _TOGETHER_NS:
                return "barge-in", "the caller interrupts the agent"
            return "event", "the server hears the caller"
        if name == "openai_speech_stop":
            self._agent_until_ns = entry.time_ns
        if name in _TOLD_AT_ONCE:
            return "event", _TOLD_AT_ONCE[name]
        if name == "response.output_audio_transcript.done":
            return "agent", f"“{body['transcript']}”"
        if name == "conversation.item.input_audio_transcription.completed":
            return "event", f"the server understood: “{body['transcript']}”"
        if name == "conversation.item.truncated":
            return "event", f"the server knows that {body['audio_end_ms']} ms of the answer were heard"
        if name == "disconnect":
            return "event", f"disconnected: {body['message']['code']}"
        if name == "error" or name.endswith(".failed"):
            return "barge-in", f"{name}: {body}"
        return None

    def _meters(self) -> Text:
        caller, agent = self._levels()
        at_s = max(0.0, (time.monotonic_ns() - self._origin()) / 1e9)
        return Text.assemble(
            (f"{at_s:7.2f} s  ", "bold"),
            ("caller ", "cyan"),
            (_meter(caller), "cyan"),
            ("  agent ", "green"),
            (_meter(agent), "green"),
        )


def _meter(level: float) -> str:
    full = min(_METER_CELLS, round(level / _SPEECH_LEVEL * _METER_CELLS))
    return "█" * full + "·" * (_METER_CELLS - full)


def _short(arguments: list[str]) -> str:
    return " ".join(each if len(each) <= 64 else f"{each[:24]}…" for each in arguments)
