"""A worker's own count of what it does, published once a second."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

from ._media import StreamMemory
from .board import LATENESS_BOUNDS_MS, WorkerFigures

# Playback is 200 ms ahead: ticks this late leave half of that.
OVERLOAD_LATENESS_S = 0.1
_BOUNDS_S = tuple(bound / 1000 for bound in LATENESS_BOUNDS_MS)


class Figures:
    """Counts of ended streams are kept, so that sums only grow."""

    def __init__(self) -> None:
        self._totals = WorkerFigures(present=1)
        self._worst_s = 0.0
        self._ended = (0, 0, 0)

    def tick(self, lateness_s: float, missed: int) -> None:
        """One tick of the media clock."""
        totals = self._totals
        totals.ticks += 1
        totals.missed_ticks += missed
        totals.lateness_us += int(lateness_s * 1e6)
        totals.lateness[bisect.bisect_left(_BOUNDS_S, lateness_s)] += 1
        self._worst_s = max(self._worst_s, lateness_s)

    def stream_ended(self, memory: StreamMemory) -> None:
        self._ended = _sum(self._ended, memory)

    def snapshot(self, channels: int, streams: int, memories: Iterable[StreamMemory]) -> WorkerFigures:
        """The figures up to now; starts a new second for `overloaded`."""
        totals = self._totals
        counts = self._ended
        for memory in memories:
            counts = _sum(counts, memory)
        totals.underruns, totals.lost_slots, totals.faults = counts
        totals.channels, totals.streams = channels, streams
        totals.overloaded = int(self._worst_s >= OVERLOAD_LATENESS_S)
        self._worst_s = 0.0
        return totals


def _sum(counts: tuple[int, int, int], memory: StreamMemory) -> tuple[int, int, int]:
    underruns, lost, faults = counts
    return underruns + memory.underruns, lost + memory.capture_dropped, faults + memory.faults
