"""Cores that do not sleep, so that a figure doesn't depend on how busy the rest of the machine is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_DEVICE = Path("/dev/cpu_dma_latency")


@contextlib.contextmanager
def cores_awake(wanted: bool = True) -> Iterator[bool]:
    """Have idle cores wait for work instead of sleeping; gives whether that is so.

    Whoever wakes a sleeping core pays for it, and more on a virtual machine: the same work costs more where little else
    is done. The kernel keeps this up as long as the file is open. It takes root.
    """
    if not wanted:
        yield False
        return
    try:
        device = os.open(_DEVICE, os.O_WRONLY)
    except OSError:
        yield False
        return
    try:
        os.write(device, (0).to_bytes(4, "little"))
        yield True
    finally:
        os.close(device)
