"""Of which channels workers have died.

A channel outlives its worker, and another takes it up. One whose server, caller or application finds a fault that ends
a process would end each of them, and every other call of it would be interrupted each time.
"""

from __future__ import annotations

import mmap
import signal

from ..in_hand import CELL_BYTES, InHand, cell

ENOUGH = 2
"""With the first one it may have been by chance."""
REMEMBERED = 64
"""The newest channels of which a worker has died."""
_FROM_OUTSIDE = (0, -signal.SIGKILL, -signal.SIGTERM)
"""Exit codes that say nothing of what was in hand: told to end, or killed."""


class Deaths:
    """Made by the supervisor, before it forks. It alone counts; workers say what they have in hand, and ask.

    Memory is read without a lock: a channel may be seen with a death too few, and its worker dies once more.
    """

    def __init__(self, workers: int) -> None:
        self._memory = memoryview(mmap.mmap(-1, (workers + REMEMBERED) * CELL_BYTES))
        self._workers = workers
        self._own = self._at(0)
        self._next = 0

    def _at(self, index: int) -> memoryview:
        return self._memory[index * CELL_BYTES : (index + 1) * CELL_BYTES]

    def join(self, index: int) -> None:
        """This process is worker `index` from now on."""
        self._own = self._at(index)

    def in_hand(self, uuid: str) -> InHand:
        """For what this worker does for that channel."""
        return InHand(self._own, uuid)

    def worker_ended(self, index: int, exit_code: int | None) -> str:
        """Counts. Returns the uuid of the channel that it has died of; empty: of none."""
        in_hand = self._at(index)
        kept = bytes(in_hand)
        in_hand[0] = 0
        if not kept[0] or exit_code in _FROM_OUTSIDE:
            return ""
        place = self._find(kept)
        if place is None:
            place = self._at(self._workers + self._next)
            self._next = (self._next + 1) % REMEMBERED
            place[:] = kept
        place[-1] = min(place[-1] + 1, 255)
        return kept.rstrip(b"\0").decode("utf-8", "replace")

    def were_enough(self, uuid: str) -> bool:
        """So many workers have died of that channel that none takes it up any more."""
        place = self._find(cell(uuid))
        return place is not None and place[-1] >= ENOUGH

    def _find(self, kept: bytes) -> memoryview | None:
        for index in range(self._workers, self._workers + REMEMBERED):
            place = self._at(index)
            if place[0] and place[:-1] == kept[:-1]:
                return place
        return None
