"""What each worker does, in memory that all of the engine's processes see."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .usage import KINDS

LATENESS_BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_BUCKETS = len(LATENESS_BOUNDS_MS) + 1


class Figure(StrEnum):
    """A figure's kind, where it is one of the metrics by itself."""

    GAUGE = "gauge"
    COUNTER = "counter"


def _metric(kind: Figure, meaning: str) -> Any:
    return field(default=0, metadata={"kind": kind, "meaning": meaning})


@dataclass(slots=True)
class WorkerFigures:
    """Of one worker, since it was started. A figure that is declared here is on the board, and among the metrics."""

    present: int = 0
    channels: int = _metric(Figure.GAUGE, "channels with a link to this worker")
    streams: int = _metric(Figure.GAUGE, "streams that are up")
    overloaded: int = _metric(Figure.GAUGE, "1 where ticks of the last second were so late that calls are at risk")
    ticks: int = 0
    missed_ticks: int = _metric(Figure.COUNTER, "ticks of the media clock that a stalled event loop has missed")
    lateness_us: int = 0  # sum over all ticks
    underruns: int = _metric(Figure.COUNTER, "frames that ran short in the middle of a response")
    lost_slots: int = _metric(Figure.COUNTER, "frames of caller audio that were overwritten before they were read")
    faults: int = _metric(Figure.COUNTER, "positions in shared memory that made no sense")
    lateness: list[int] = field(default_factory=lambda: [0] * _BUCKETS)
    usage: list[int] = field(default_factory=lambda: [0] * len(KINDS))  # in the order of KINDS


_SCALARS = tuple(name for name in WorkerFigures.__slots__ if name not in ("lateness", "usage"))
_SIZE = len(_SCALARS) + _BUCKETS + len(KINDS)


class Board:
    """One row a worker, written by it alone. Made by the supervisor before it forks.

    Rows are copied without a lock: a reader may see a row half new, which for figures does no harm.
    """

    def __init__(self, workers: int, hosts: int = 0) -> None:
        """`hosts`: processes that agents run in, each with a cell of its own behind the rows."""
        self.workers = max(1, workers)
        self.hosts = hosts
        self._memory = mmap.mmap(-1, (self.workers * _SIZE + hosts) * 8)
        self._cells = memoryview(self._memory).cast("q")
        self._own = 0

    def host_was_blocked(self, host: int, blocked_s: float) -> None:
        """User code has kept an agent host from going on, by a process that is host `host`."""
        self._cells[self.workers * _SIZE + host] += round(blocked_s * 1e6)

    @property
    def agents_blocked_s(self) -> float:
        """Of all hosts there are and have been."""
        return sum(self._cells[self.workers * _SIZE :].tolist()) / 1e6

    def join(self, index: int) -> None:
        """This process is worker `index` from now on."""
        self._own = index
        self.publish(WorkerFigures(present=1))

    def publish(self, figures: WorkerFigures) -> None:
        row = array("q", [getattr(figures, name) for name in _SCALARS])
        row.extend(figures.lateness)
        row.extend(figures.usage)
        start = self._own * _SIZE
        self._cells[start : start + _SIZE] = row

    def count_channels(self, channels: int) -> None:
        """Between two publishings: what the next channel's worker is chosen by."""
        self._cells[self._own * _SIZE + _SCALARS.index("channels")] = channels

    def count_streams(self, streams: int) -> None:
        self._cells[self._own * _SIZE + _SCALARS.index("streams")] = streams

    def ticks(self, index: int) -> int:
        """Of worker `index`, as it last said."""
        return self._cells[index * _SIZE + _SCALARS.index("ticks")]

    def absent(self, index: int) -> None:
        """Worker `index` has ended: nobody waits for it to accept."""
        self._cells[index * _SIZE : (index + 1) * _SIZE] = array("q", [0] * _SIZE)

    def rows(self) -> list[WorkerFigures]:
        return [self._row(self._cells[at * _SIZE : (at + 1) * _SIZE].tolist()) for at in range(self.workers)]

    @staticmethod
    def _row(cells: Sequence[int]) -> WorkerFigures:
        scalars = dict(zip(_SCALARS, cells, strict=False))
        lists = list(cells[len(_SCALARS) :])
        return WorkerFigures(**scalars, lateness=lists[:_BUCKETS], usage=lists[_BUCKETS:])

    def least_loaded(self) -> bool:
        """Whether no other worker has fewer channels than this one."""
        rows = self.rows()
        return all(not row.present or row.channels >= rows[self._own].channels for row in rows)

    def streams(self) -> int:
        """Of all workers together."""
        return sum(row.streams for row in self.rows())
