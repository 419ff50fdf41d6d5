"""The media clock: every 10 or 20 ms, over those streams of a worker that have something to do.

Nothing that is heard depends on its being on time: playback is kept some hundred milliseconds ahead in the ring, and
caller audio waits there. A late tick costs latency, never samples.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from .._media import Poller, Ticker
from ..observe.board import LATENESS_BOUNDS_MS

logger = logging.getLogger(__name__)

TICK_NS = 10_000_000
# With many streams one tick for every packet of 20 ms: a tenth less CPU, for 5 ms more until caller audio is sent. With
# few the CPU is of no consequence.
BUSY_TICK_NS = 20_000_000
BUSY_STREAMS = 100


class Ticked(Protocol):
    def tick(self) -> None: ...


def make_ticker(poller: Poller) -> Ticker:
    """What ticks, without anything that says when; a test tells it the time itself."""
    return Ticker(poller, _work, TICK_NS, tuple(bound * 1_000_000 for bound in LATENESS_BOUNDS_MS))


def set_pace(ticker: Ticker, streams: int) -> None:
    """Tick as suits so many streams. Raises OSError."""
    ticker.set_interval(BUSY_TICK_NS if streams >= BUSY_STREAMS else TICK_NS)


def _work(streams: list[Ticked]) -> None:
    for stream in streams:
        try:
            stream.tick()
        except Exception:
            # A fault in one stream is that stream's alone.
            logger.exception("tick of a stream failed")


class MediaClock:
    """A ticker driven by the kernel's timer, which the event loop waits for as for any other descriptor."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ticker: Ticker) -> None:
        self._loop = loop
        self._ticker = ticker
        self._timer: int | None = None

    def start(self) -> None:
        """Raises OSError."""
        self._timer = self._ticker.arm()
        self._loop.add_reader(self._timer, self._ticker.fire)

    def stop(self) -> None:
        if self._timer is not None:
            self._loop.remove_reader(self._timer)
            self._ticker.disarm()
            self._timer = None
