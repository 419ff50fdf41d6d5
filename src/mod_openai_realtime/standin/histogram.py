"""Durations that the media threads measured."""

from dataclasses import dataclass

from .library import HISTOGRAM_BUCKETS

_STEPS = 16


def bucket_limit_ns(index: int) -> int:
    """The first nanosecond past this bucket. Below 16 ns a bucket is 1 ns wide, above it 1/16 of an octave."""
    if index < _STEPS:
        return index + 1
    exponent, step = index // _STEPS + 3, index % _STEPS
    return (_STEPS + step + 1) << (exponent - 4)


@dataclass(frozen=True)
class Histogram:
    """A snapshot: exact count, sum and maximum, and buckets of 6 % width. All times in nanoseconds."""

    count: int
    sum_ns: int
    max_ns: int
    buckets: tuple[int, ...]

    def percentile(self, q: float) -> int:
        """A bound in ns that `q` percent (0 to 100) of the durations do not pass; 0 if nothing was measured.

        Raises ValueError if `q` is no percentage.
        """
        if not 0 <= q <= 100:
            raise ValueError(f"Not a percentage: {q}")
        wanted = self.count * q / 100
        seen = 0
        for index, number in enumerate(self.buckets):
            seen += number
            if number and seen >= wanted:
                return min(bucket_limit_ns(index), self.max_ns)
        return self.max_ns

    def __sub__(self, earlier: "Histogram") -> "Histogram":
        """What was measured since an earlier snapshot; its maximum is that of the whole."""
        return Histogram(
            self.count - earlier.count,
            self.sum_ns - earlier.sum_ns,
            self.max_ns,
            tuple(now - then for now, then in zip(self.buckets, earlier.buckets, strict=True)),
        )


EMPTY = Histogram(0, 0, 0, (0,) * HISTOGRAM_BUCKETS)


@dataclass(frozen=True)
class CallbackTimes:
    """How long each callback of a media bug took, and how late the real clock stepped calls."""

    read: Histogram
    write_replace: Histogram
    late: Histogram
