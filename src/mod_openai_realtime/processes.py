"""Processes that are started for a while."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable


def die_with_parent(signal_name: str) -> list[str]:
    """A prefix that has the kernel send the signal if we are killed; it runs the command under its own pid."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, "--"] if setpriv else []


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks at what other processes do, of which nothing tells."""
    for _ in range(10_000):
        if condition():
            return
        signal.sigtimedwait([], 0.003)
    raise AssertionError("it never came to that")
