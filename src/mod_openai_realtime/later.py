"""Timers, as those who want one see them: an event loop's, or a test's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Has a function called after so many seconds, on the event loop."""
