"""How much of a worker's time one connection takes before all others have their turn."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

TURN_NS = 2_000_000
"""So long at most. A tick of the media clock comes every 10 ms, and a worker may have several such servers."""

# What frames and bytes count for at least, so that a turn has an end whatever the clock says: a ping is answered in
# 4 us, and 250 kB of audio, 5 s of it, are taken in 0.3 ms.
FRAME_NS, BYTE_NS = 4_000, 8

REST_NS = 100_000_000
"""After so long all others have had their turns, unless the worker itself has stood still."""

READ_BYTES = 16 << 10
"""So much is read at once: what has been read and is not worked off has to wait somewhere."""


class Share:
    """A connection's present turn. It lasts until it is spent, however long that takes: who is never done for long
    gives way now and then all the same."""

    __slots__ = ("_begun", "_clock", "_since", "left")

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """`clock` counts ns. That of this thread alone would be fairer to who is interrupted by the machine, and gives
        way too early; it takes a system call, twice a message: a twentieth of what the message costs."""
        self._clock = clock
        self._begun = self._since = clock()
        self.left = TURN_NS

    def renew(self) -> None:
        self.left = TURN_NS
        self._since = self._clock()

    def is_over(self) -> bool:
        """To be asked once nothing is left. Who has spent it little by little, as with audio that comes at the pace at
        which it is heard, is in another turn by now; who owes as much as a turn is not."""
        if self.left > -TURN_NS and self._clock() - self._since >= REST_NS:
            self.renew()
        return self.left <= 0

    def count(self, size: int) -> None:
        """A frame, or a part of one, of so many bytes; inflated ones are counted as such."""
        self.left -= FRAME_NS + BYTE_NS * size

    def begin(self) -> None:
        """Work begins whose time is not known before; end() takes it off."""
        self._begun = self._clock()

    def end(self) -> None:
        self.left -= self._clock() - self._begun


class RoundRobin:
    """Of all connections of an event loop that have more to do than a turn allows one has its turn in each turn of the
    loop, so that there are no more such in it however many wait."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], bool]] = deque()

    def wait(self, work: Callable[[], bool]) -> None:
        """`work` is called until it says with False that nothing is left."""
        self._waiting.append(work)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        work, more = self._waiting[0], False
        try:
            more = work()
        finally:
            self._waiting.popleft()
            if more:
                self._waiting.append(work)
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
