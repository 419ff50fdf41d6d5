"""How long the caller waited for an answer, and how much of it was heard."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from ..limits import MAX_ITEM_IDS

# Responses whose audio has come, but whose end has not: more than that are not under way at once.
MAX_RESPONSES = 16


@dataclass(frozen=True, slots=True)
class Played:
    """A response's audio is over in the caller's ear. `heard_at_ns`: CLOCK_MONOTONIC of its first frame, 0 for none.
    `received_ms`: how much of it had come by then."""

    response: str | None
    heard_at_ns: int
    heard_ms: int
    interrupted: bool
    session: int = 0
    received_ms: int = 0


@dataclass(slots=True)
class _Answer:
    asked_ns: int | None  # end of the caller's speech, by the server's event
    first_delta_ns: int
    waits_ns: int | None  # since when playback waits, or did
    items: list[str] = field(default_factory=list)


class TurnClock:
    """When the caller of one session had spoken. Only speech starts it: a `committed` that follows none (an idle
    timeout, a commit by hand while nothing was heard) asks for nothing that the caller waits for.

    Times, handed in, are CLOCK_MONOTONIC in ns.
    """

    def __init__(self) -> None:
        self._asked_ns: int | None = None
        self._by_hand = False
        self._speaking = False

    @property
    def speaking(self) -> bool:
        """By what the server has told."""
        return self._speaking

    def speech_started(self) -> None:
        self._asked_ns = None
        self._speaking = True

    def speech_stopped(self, now_ns: int) -> None:
        """Of several events for one turn the first counts."""
        self._speaking = False
        if self._asked_ns is None:
            self._asked_ns, self._by_hand = now_ns, False

    def committed(self, now_ns: int) -> None:
        """What a server says that tells when speech begins, but not when it ends."""
        if self._speaking:
            self.speech_stopped(now_ns)

    def application_commits(self, now_ns: int) -> None:
        """While the caller is heard: that is the turn's end, until it is refused."""
        self._asked_ns, self._by_hand = now_ns, True

    def commit_refused(self) -> None:
        if self._by_hand:
            self._asked_ns = None

    def take(self) -> int | None:
        """The end of the turn that is answered now, which no other answer has; None for none."""
        asked_ns, self._asked_ns = self._asked_ns, None
        return asked_ns


class TurnFigures:
    """Answers of a stream, from their first delta to their end in the caller's ear, which may be in a later session.
    Times, handed in, are CLOCK_MONOTONIC in ns. A turn without speech before it (a greeting) has no latency."""

    def __init__(self) -> None:
        self._waits = False
        self._answers: OrderedDict[tuple[int, str | None], _Answer] = OrderedDict()

    def playback_waits(self, waits: bool, now_ns: int) -> None:
        """It waits (paused, or the channel on hold), or goes on: what is heard only then tells nothing of latency."""
        if waits and not self._waits:
            for answer in self._answers.values():
                answer.waits_ns = answer.waits_ns or now_ns
        self._waits = waits

    def delta(self, session: int, clock: TurnClock, response: str | None, item: str | None, now_ns: int) -> None:
        """Audio of an answer has come and will be played."""
        answer = self._answers.get((session, response))
        if answer is None:
            # Only the first answer to a turn is the one that was waited for.
            answer = self._answers[session, response] = _Answer(clock.take(), now_ns, now_ns if self._waits else None)
            if len(self._answers) > MAX_RESPONSES:
                self._answers.popitem(last=False)
        if item is not None and len(answer.items) < MAX_ITEM_IDS and item not in answer.items:
            answer.items.append(item)

    def played(self, played: Played) -> dict[str, Any] | None:
        """The body of the `turn` event, once a response's audio is over; None where nothing is known of it."""
        answer = self._answers.pop((played.session, played.response), None)
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
            "received_ms": played.received_ms,
            "interrupted": played.interrupted,
        }


def _ms(start_ns: int | None, end_ns: int | None) -> int | None:
    return None if start_ns is None or end_ns is None else round(max(0, end_ns - start_ns) / 1e6)
