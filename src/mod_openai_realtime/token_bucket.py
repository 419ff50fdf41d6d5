"""How much may happen: a burst at once, then so much a second."""

from __future__ import annotations


class TokenBucket:
    """Times, handed in, are CLOCK_MONOTONIC in ns."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left = float(burst)
        self._at_ns = 0

    def left(self, now_ns: int) -> float:
        left = self._left + self._per_s * (now_ns - self._at_ns) / 1e9
        self._at_ns = now_ns
        self._left = left if left < self._burst else self._burst
        return self._left

    def spend(self, amount: float) -> None:
        """May leave a debt, which is paid before anything is left again."""
        self._left -= amount
