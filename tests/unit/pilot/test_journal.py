"""What is told again to a host that follows another."""

from __future__ import annotations

import msgspec
import pytest

from mod_openai_realtime.agent.messages import Begin, Digit, Event, Facts, WorkerMessages
from mod_openai_realtime.pilot import journal as module
from mod_openai_realtime.pilot.journal import Journal


def numbers(journal: Journal) -> list[int]:
    return [message.n for frame in journal.frames() for message in WorkerMessages().feed(frame)]


def note(journal: Journal, count: int = 1) -> None:
    for _ in range(count):
        journal.note(Digit(1, journal.next(), "1"))


def test_what_is_worked_off_is_not_told_again() -> None:
    journal = Journal()
    note(journal, 5)
    journal.worked_off(3)
    assert numbers(journal) == [4, 5]


def test_the_beginning_is_never_told_again() -> None:
    journal = Journal()
    journal.note(Begin(1, journal.next(), "bakery", Facts("uuid")))
    note(journal)
    assert numbers(journal) == [2]


def test_past_the_bound_the_oldest_events_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REPLAYED", 3)
    journal = Journal()
    note(journal)
    journal.note(Event(1, journal.next(), msgspec.Raw(b"{}")))
    note(journal, 2)
    assert numbers(journal) == [1, 3, 4]
    note(journal)
    assert numbers(journal) == [3, 4, 5]
    assert journal.left_out == 2


def test_the_bound_is_one_of_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REPLAYED_BYTES", 1000)
    journal = Journal()
    for _ in range(4):
        journal.note(Event(1, journal.next(), msgspec.Raw(b'"' + b"x" * 400 + b'"')))
    assert numbers(journal) == [3, 4]
