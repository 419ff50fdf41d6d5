"""How long to wait before the next connection attempt.

Sans-I/O: the owner reports what happened and is told a wait in milliseconds; it keeps the clock and the timer.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .closes import Loss

FATAL_HTTP_STATUSES = frozenset({400, 401, 403, 404})
"""Answers that repeating the same request does not mend; still, a key or a deployment can be repaired during a call."""


@dataclass(frozen=True)
class BackoffLimits:
    """The bounds of the waits.

    A connection is proved good by its age alone. A first message proves nothing: an endpoint that greets and hangs up
    (quota, bad model) would otherwise be called ten times a second by every stream.
    """

    shortest_ms: float = 100.0
    longest_ms: float = 10_000.0
    proved_after_s: float = 5.0
    spread_ms: float = 250.0
    """Over so long the streams come back that a server has dropped together."""


class Backoff:
    """Once at once, then doubling waits with jitter.

    What was lost is tried again within `spread_ms`, evenly spread. After the n-th failure behind that the wait is drawn
    evenly from the upper half of `2 * shortest * 2**n`, cut at the longest wait: never under the shortest, never over
    the longest. So the streams that a restarting server drops together do not come back together.
    """

    def __init__(self, limits: BackoffLimits, random: Callable[[], float]) -> None:
        """`random` gives floats in [0, 1)."""
        self._limits = limits
        self._random = random
        self._step = 0
        self._lost = False  # since a connection proved good, one was, and tried again at once
        self._retries = 0

    @property
    def retries(self) -> int:
        """Failed attempts since the last connection that proved good."""
        return self._retries

    def after_failed_attempt(self, http_status: int, *, others: bool = False) -> float:
        """Count a failed attempt; returns the wait in ms. `http_status` is 0 where there was no HTTP answer. `others`:
        there are other servers to be asked, so an answer that will not change holds nothing up."""
        self._retries += 1
        wait_ms = self._next_wait_ms()
        return self._limits.longest_ms if http_status in FATAL_HTTP_STATUSES and not others else wait_ms

    def after_lost_connection(self, uptime_s: float, how: Loss = Loss.PASSING, *, others: bool = False) -> float:
        """A connection that had opened is gone after `uptime_s`; returns the wait in ms. `others`: as above."""
        if self.proved(uptime_s):
            self._step = 0
            self._lost = False
            self._retries = 0
        if how is Loss.FINAL and not others:
            return self._limits.longest_ms
        if how in (Loss.PASSING, Loss.EXPIRED) and not self._lost and not self._step:
            self._lost = True
            return self._limits.spread_ms * self._random()
        return self._next_wait_ms()

    def proved(self, uptime_s: float) -> bool:
        """Whether a connection of that age was a good one."""
        return uptime_s >= self._limits.proved_after_s

    def _next_wait_ms(self) -> float:
        limits = self._limits
        ceiling_ms = min(limits.longest_ms, 2 * limits.shortest_ms * 2.0**self._step)
        if ceiling_ms < limits.longest_ms:
            self._step += 1
        floor_ms = max(limits.shortest_ms, ceiling_ms / 2)
        return floor_ms + (ceiling_ms - floor_ms) * self._random()
