"""A worker's own count of what it does, published once a second."""

from __future__ import annotations

from collections.abc import Iterable

from .._media import StreamMemory, Ticker
from ..observe.board import WorkerFigures
from ..observe.usage import Usage

# Playback is 200 ms ahead: ticks this late leave half of that.
OVERLOAD_LATENESS_NS = 100_000_000


class Figures:
    """Counts of ended streams are kept, so that sums only grow."""

    def __init__(self) -> None:
        self._ended = (0, 0, 0)
        self.usage = Usage()
        """Of all streams, as their servers tell it."""

    def stream_ended(self, memory: StreamMemory) -> None:
        self._ended = _sum(self._ended, memory)

    def snapshot(self, channels: int, streams: int, memories: Iterable[StreamMemory], ticker: Ticker) -> WorkerFigures:
        """The figures up to now; starts a new second for `overloaded`."""
        counts = self._ended
        for memory in memories:
            counts = _sum(counts, memory)
        underruns, lost_slots, faults = counts
        return WorkerFigures(
            present=1,
            channels=channels,
            streams=streams,
            overloaded=int(ticker.take_worst() >= OVERLOAD_LATENESS_NS),
            ticks=ticker.ticks,
            missed_ticks=ticker.missed_ticks,
            lateness_us=ticker.lateness_ns // 1000,
            underruns=underruns,
            lost_slots=lost_slots,
            faults=faults,
            lateness=ticker.lateness,
            usage=list(self.usage.counts.values()),
        )


def _sum(counts: tuple[int, int, int], memory: StreamMemory) -> tuple[int, int, int]:
    underruns, lost, faults = counts
    return underruns + memory.underruns, lost + memory.capture_dropped, faults + memory.faults
