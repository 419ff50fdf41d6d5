"""Where sound begins and ends, to the sample."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from audio.g711 import Pcm16


@dataclass(frozen=True)
class Segment:
    """Samples ``start`` to ``end`` (exclusive)."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, samples: Pcm16) -> Pcm16:
        return samples[self.start : self.end]


def sounding(samples: Pcm16, rate: int, threshold: int = 200, bridge_ms: float = 10) -> list[Segment]:
    """The stretches that sound: from the first to the last sample above ``threshold``.

    Quiet of up to ``bridge_ms`` between two of them belongs to the sound (each tone crosses zero). The edges of a tone
    that starts at phase 0 lie a few samples inside it.
    """
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > threshold)
    if len(loud) == 0:
        return []
    breaks = np.flatnonzero(np.diff(loud) > bridge_ms * rate / 1000)
    starts = np.concatenate(([loud[0]], loud[breaks + 1]))
    ends = np.concatenate((loud[breaks], [loud[-1]])) + 1
    return [Segment(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]


def gaps(samples: Pcm16, rate: int, threshold: int = 200, shortest_ms: float = 10) -> list[Segment]:
    """The quiet stretches longer than ``shortest_ms`` between the first sound and the last."""
    parts = sounding(samples, rate, threshold, shortest_ms)
    return [Segment(before.end, after.start) for before, after in itertools.pairwise(parts)]
