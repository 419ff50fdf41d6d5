"""How long the caller waited for an answer, and how much of it was heard."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

# Responses whose audio has come, but whose end has not: more than that are not under way at once.
MAX_RESPONSES = 16


@dataclass(frozen=True, slots=True)
class Played:
    """A response's audio is over in the caller's ear. `heard_at_ns`: CLOCK_MONOTONIC of its first frame, 0 for none."""

    response: str | None
    heard_at_ns: int
    heard_ms: int
    interrupted: bool


@dataclass(slots=True)
class _Answer:
    asked_ns: int | None  # end of the caller's speech, by the server's event
    first_delta_ns: int
    waits_ns: int | None  # since when playback waits, or did
    items: list[str] = field(default_factory=list)


class Turns:
    """Times, handed in, are CLOCK_MONOTONIC in ns. A turn without speech before it (a greeting) has no latency."""

    def __init__(self) -> None:
        self._asked_ns: int | None = None
        self._waits = False
        self._answers: OrderedDict[str | None, _Answer] = OrderedDict()

    def caller_stopped(self, now_ns: int) -> None:
        """The server says that the caller's speech is over; of several events for one turn the first counts."""
        if self._asked_ns is None:
            self._asked_ns = now_ns

    def caller_started(self) -> None:
        self._asked_ns = None

    def playback_waits(self, waits: bool, now_ns: int) -> None:
        """It waits (paused, or the channel on hold), or goes on: what is heard only then tells nothing of latency."""
        if waits and not self._waits:
            for answer in self._answers.values():
                answer.waits_ns = answer.waits_ns or now_ns
        self._waits = waits

    def delta(self, response: str | None, item: str | None, now_ns: int) -> None:
        """Audio of an answer has come and will be played."""
        answer = self._answers.get(response)
        if answer is None:
            # Only the first answer to a turn is the one that was waited for.
            answer = self._answers[response] = _Answer(self._asked_ns, now_ns, now_ns if self._waits else None)
            self._asked_ns = None
            if len(self._answers) > MAX_RESPONSES:
                self._answers.popitem(last=False)
        if item is not None and item not in answer.items:
            answer.items.append(item)

    def played(self, played: Played) -> dict[str, Any] | None:
        """The body of the `turn` event, once a response's audio is over; None where nothing is known of it."""
        answer = self._answers.pop(played.response, None)
        if answer is None:
            return None
        heard_ns = played.heard_at_ns or None
        if heard_ns is not None and answer.waits_ns is not None and heard_ns >= answer.waits_ns:
            heard_ns = None
        return {
            "response_id": played.response,
            "item_ids": answer.items,
            "latency_ms": {
                "speech_end_to_first_delta": _ms(answer.asked_ns, answer.first_delta_ns),
                "first_delta_to_first_sample": _ms(answer.first_delta_ns, heard_ns),
                "speech_end_to_first_sample": _ms(answer.asked_ns, heard_ns),
            },
            "heard_ms": played.heard_ms,
            "interrupted": played.interrupted,
        }


def _ms(start_ns: int | None, end_ns: int | None) -> int | None:
    return None if start_ns is None or end_ns is None else round(max(0, end_ns - start_ns) / 1e6)
