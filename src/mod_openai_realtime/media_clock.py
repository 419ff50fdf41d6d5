"""The media clock: every 10 ms, over those streams of a worker that have something to do.

Nothing that is heard depends on its being on time: playback is kept some hundred milliseconds ahead in the ring, and
caller audio waits there. A late tick costs latency, never samples.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

logger = logging.getLogger(__name__)

TICK_S = 0.010


class Ticked(Protocol):
    def tick(self) -> None: ...


class MediaClock:
    """Ticks fall on multiples of TICK_S after the start; those that a stalled loop missed are counted, not made up."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        due: Callable[[], Iterable[Ticked]],
        ticked: Callable[[float, int], None] = lambda lateness_s, missed: None,
    ) -> None:
        """`due` gives the streams to tick now; they may come and go while it is worked off.

        `ticked` hears of each tick: how late it was, in seconds, and how many were missed after it.
        """
        self._loop = loop
        self._due = due
        self._ticked = ticked
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._next = self._loop.time() + TICK_S
        self._timer = self._loop.call_at(self._next, self._tick)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        lateness = self._loop.time() - self._next
        for stream in self._due():
            try:
                stream.tick()
            except Exception:
                # A fault in one stream is that stream's alone.
                logger.exception("tick of a stream failed")
        now = self._loop.time()
        behind = int((now - self._next) / TICK_S)
        self._ticked(lateness, behind)
        self._next += (behind + 1) * TICK_S
        self._timer = self._loop.call_at(self._next, self._tick)
