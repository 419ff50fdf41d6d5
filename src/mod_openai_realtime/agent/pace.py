"""How much an agent may want of its call: what a worker can do beside the audio of all others, and no more."""

from __future__ import annotations

from ..token_bucket import TokenBucket

BURST, PER_S = 500, 200
"""Requests: client events, and whatever FreeSWITCH is to do. A minute of own audio in messages of 20 ms fits."""

BURST_BYTES, BYTES_PER_S = 8 << 20, 1 << 20
"""The same in bytes; the last one of a burst may be of any size."""

MAX_EVENT_BYTES = 4 << 20
"""Of one client event; the API has 256 KiB of audio, or a session with a hundred tools, 50 kB."""


class Pace:
    """Of one call."""

    def __init__(self) -> None:
        self._requests = TokenBucket(BURST, PER_S)
        self._bytes = TokenBucket(BURST_BYTES, BYTES_PER_S)

    def wait_s(self, size: int, now: float) -> float:
        """One request more, of so many bytes: how long it has to wait; 0 for nearly all. `now` in seconds."""
        now_ns = round(now * 1e9)
        debts = (-self._requests.left(now_ns) / PER_S, -self._bytes.left(now_ns) / BYTES_PER_S)
        self._requests.spend(1)
        self._bytes.spend(size)
        return max(0.0, *debts)
