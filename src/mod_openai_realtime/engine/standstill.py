"""When a worker has stood still for so long that its calls are better off with another."""

from __future__ import annotations

LOOKS = 15
"""About as many seconds: whatever a worker is at, for all of its calls nothing has happened meanwhile."""
LOOK_S = 1.0


class Standstill:
    """Of one worker. Looks are counted, not seconds: where the whole machine stands still nobody looks either."""

    def __init__(self) -> None:
        self._ticks = -1
        self._looks = 0
        self._looked_at = 0.0

    def look(self, ticks: int, now: float) -> int:
        """`ticks`: so many its media clock has had, by its own word. `now` in seconds, of a monotonic clock. Returns
        for how many looks beyond LOOKS nothing was new; 0 for a worker that is well. What comes within LOOK_S of the
        last look is none."""
        if ticks != self._ticks:
            self._ticks, self._looks, self._looked_at = ticks, 0, now
        elif now - self._looked_at >= LOOK_S:
            self._looks, self._looked_at = self._looks + 1, now
            return max(0, self._looks - LOOKS)
        return 0
