"""Waiting for what nothing tells of."""

from __future__ import annotations

import signal
from collections.abc import Callable


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks again and again. Raises AssertionError after 30 s."""
    for _ in range(10_000):
        if condition():
            return
        signal.sigtimedwait([], 0.003)
    raise AssertionError("it never came to that")
