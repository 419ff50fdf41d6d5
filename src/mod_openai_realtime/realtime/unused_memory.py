"""Memory that a buffer has, and does not need for now.

The WebSocket library's receive buffer grows with the largest frame, and never shrinks: a server that has once sent
32 MiB would have them of each call for as long as it lasts.
"""

from __future__ import annotations

import ctypes
import mmap

WORTHWHILE_BYTES = 1 << 20
"""A frame of more has made the buffer larger than it need be."""

_DONT_NEED = mmap.MADV_DONTNEED
_madvise = ctypes.CDLL(None).madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def release(memory: memoryview) -> None:
    """What is in it is of no interest any more: the kernel gets its whole pages back."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    start = -(-address // mmap.PAGESIZE) * mmap.PAGESIZE
    size = (address + len(memory) - start) // mmap.PAGESIZE * mmap.PAGESIZE
    if size > 0:
        _madvise(start, size, _DONT_NEED)  # where it fails, nothing has changed
