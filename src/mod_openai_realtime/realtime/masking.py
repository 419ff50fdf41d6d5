"""Masks of the library's own frames: pings, pongs and closes. Those of messages are native/media/framing.c's.

The library takes them from the C library's generator, which begins alike in every process unless it is seeded.
"""

from __future__ import annotations

import ctypes
import os

_seed = ctypes.CDLL(None).srandom
_seed.argtypes = [ctypes.c_uint]
_seed.restype = None


def seed_masks() -> None:
    """From the kernel: before each connection, so that what one server has seen tells nothing of another's."""
    _seed(int.from_bytes(os.urandom(4), "little"))
