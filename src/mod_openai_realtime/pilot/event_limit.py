"""How many of a server's messages become `json` events: what FreeSWITCH and its listeners can take, and no more."""

from __future__ import annotations

from collections.abc import Callable

from ..later import Later, Timer
from ..limits import (
    EVENT_BURST,
    EVENT_BURST_BYTES,
    EVENT_BYTES_PER_S,
    EVENT_RESERVE,
    EVENTS_PER_S,
    EVENTS_TOLD_EVERY_S,
)
from ..token_bucket import TokenBucket


class EventLimit:
    """Of one stream. What is left out is counted, and told of every EVENTS_TOLD_EVERY_S while it goes on."""

    def __init__(self, later: Later, tell: Callable[[int], None]) -> None:
        """`tell` gets how many have been left out since it was called last."""
        self._later = later
        self._tell = tell
        self._events = TokenBucket(EVENT_BURST, EVENTS_PER_S)
        self._bytes = TokenBucket(EVENT_BURST_BYTES, EVENT_BYTES_PER_S)
        self._untold = 0
        self._timer: Timer | None = None
        self.left_out = 0
        """All that have been."""

    def admit(self, kind: str | None, size: int, now_ns: int) -> bool:
        """Whether a message of this `type` and so many bytes may become an event. `now_ns`: CLOCK_MONOTONIC."""
        reserve = EVENT_RESERVE if kind is not None and kind.endswith(".delta") else 0
        if self._events.left(now_ns) >= reserve + 1 and self._bytes.left(now_ns) > 0:
            self._events.spend(1)
            self._bytes.spend(size)
            return True
        self.left_out += 1
        self._untold += 1
        if self._timer is None:
            self._timer = self._later(EVENTS_TOLD_EVERY_S, self._report)
        return False

    def _report(self) -> None:
        self._timer = None
        untold, self._untold = self._untold, 0
        self._tell(untold)

    def finish(self) -> None:
        """The stream ends: what was not told yet is told now."""
        if self._timer is not None:
            self._timer.cancel()
            self._report()
