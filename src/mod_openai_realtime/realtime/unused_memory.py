"""Memory that a buffer has, and does not need for now.

The WebSocket library's receive buffer grows with the largest frame, and never shrinks: a server that has once sent
32 MiB would have them of each call for as long as it lasts.
"""

from __future__ import annotations

import ctypes
import mmap

WORTHWHILE_BYTES = 1 << 20

_DONT_NEED = mmap.MADV_DONTNEED
_madvise = ctypes.CDLL(None).madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class UnusedMemory:
    """Of one buffer."""

    __slots__ = ("free",)

    def __init__(self) -> None:
        self.free = 0
        """Bytes, as noted last."""

    def note(self, rest: memoryview) -> None:
        """`rest` is free, and what is in it of no interest. Where it has become much more than it was, the kernel gets
        its pages back."""
        free = len(rest)
        if free > self.free + WORTHWHILE_BYTES:
            _release(rest)
        self.free = free


def _release(memory: memoryview) -> None:
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    start = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
    size = (address + len(memory) - start) // mmap.PAGESIZE * mmap.PAGESIZE
    _madvise(start, size, _DONT_NEED)  # where it fails, nothing has changed
