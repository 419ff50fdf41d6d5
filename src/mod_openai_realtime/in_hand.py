"""Which channel a worker is working for, in memory that outlives it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .later import Later

CELL_BYTES = 64
"""A channel's uuid has 36 characters, unless an application chose another; of a longer one this much counts."""


def cell(uuid: str) -> bytes:
    """As it is kept; the last byte is zero."""
    return uuid.encode("utf-8", "replace")[: CELL_BYTES - 1].ljust(CELL_BYTES, b"\0")


class InHand:
    """Of one channel: whatever is done for it stands between begin() and end(), so that a worker that dies of it does
    so with its uuid in hand. Between them nothing is done for another channel."""

    __slots__ = ("mark", "memory")

    def __init__(self, memory: memoryview, uuid: str) -> None:
        """`memory`: the worker's, of CELL_BYTES."""
        self.memory = memory
        self.mark = cell(uuid)

    def begin(self) -> None:
        self.memory[:] = self.mark

    def end(self) -> None:
        self.memory[0] = 0

    def run(self, work: Callable[[], None]) -> None:
        self.begin()
        try:
            work()
        finally:
            self.end()

    def later(self, later: Later) -> Later:
        """As `later`, for this channel."""
        return lambda wait_s, work: later(wait_s, partial(self.run, work))


NOBODYS = InHand(memoryview(bytearray(CELL_BYTES)), "")
"""Where nobody looks at it."""
