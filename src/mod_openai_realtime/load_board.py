"""How many channels each worker has, in memory that all of them see."""

from __future__ import annotations

import mmap
import struct

_ENTRY = struct.Struct("=q")
_ABSENT = -1


class LoadBoard:
    """One entry a worker, written by it alone. Made by the supervisor before it forks."""

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, max(1, workers) * _ENTRY.size)
        self._workers = workers
        self._own = 0
        for index in range(workers):
            self.absent(index)

    def join(self, index: int) -> None:
        """This process is worker `index` from now on."""
        self._own = index
        self.publish(0)

    def publish(self, channels: int) -> None:
        _ENTRY.pack_into(self._memory, self._own * _ENTRY.size, channels)

    def absent(self, index: int) -> None:
        """Worker `index` has ended: nobody waits for it to accept."""
        _ENTRY.pack_into(self._memory, index * _ENTRY.size, _ABSENT)

    def loads(self) -> list[int]:
        """Channels of each worker; -1 where there is none."""
        return [_ENTRY.unpack_from(self._memory, index * _ENTRY.size)[0] for index in range(self._workers)]

    def least_loaded(self) -> bool:
        """Whether no other worker has fewer channels than this one."""
        loads = self.loads()
        return all(load == _ABSENT or load >= loads[self._own] for load in loads)
