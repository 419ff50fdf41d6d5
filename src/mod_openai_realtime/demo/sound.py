"""Questions about samples: where is there sound, and is it this one?"""

from dataclasses import dataclass

import numpy as np

from ..local.g711 import Samples

LOUD = 400
"""What speech passes and its breathing space does not; synthesised speech has no noise."""


@dataclass(frozen=True)
class Span:
    """Samples from `start` up to, not including, `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


def extent(samples: Samples, start: int = 0, end: int | None = None, level: int = 1) -> Span | None:
    """From the first to the last sample of at least this level within the bounds; None where there is none."""
    start = max(0, start)
    found = np.flatnonzero(np.abs(samples[start:end].astype(np.int32)) >= level)
    if not len(found):
        return None
    return Span(start + int(found[0]), start + int(found[-1]) + 1)


def likeness(heard: Samples, original: Samples) -> tuple[float, int]:
    """How much one sound is like another, and how many samples later it begins.

    The highest normalised cross-correlation over all shifts: 1 is the same but for loudness, speech of other words
    stays far below 0.5. Both have one rate.
    """
    if not len(heard) or not len(original):
        return 0.0, 0
    one, other = heard.astype(np.float64), original.astype(np.float64)
    size = 1 << (len(one) + len(other) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    power = float(np.sqrt(np.dot(one, one) * np.dot(other, other)))
    if power == 0.0:
        return 0.0, 0
    best = int(np.argmax(product))
    return float(product[best]) / power, best if best < len(one) else best - size
