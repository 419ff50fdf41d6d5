"""An event loop that nothing wakes but its own clock.

Whoever sends over loopback to a process that sleeps also pays for waking it, which it would not if that were on another
machine. A process with this loop sleeps through what comes, and takes it all a millisecond later at most.
"""

from __future__ import annotations

import asyncio
import selectors
import time

PERIOD_S = 0.001


class _OwnClockSelector(selectors.EpollSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            time.sleep(PERIOD_S if timeout is None else min(timeout, PERIOD_S))
        return super().select(0)


def own_clock_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(_OwnClockSelector())
