"""What follows from what happens in a call: decided by brain.py, carried out by driver.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import messages
from .actions import Run, Stop


@dataclass(frozen=True, slots=True)
class Do:
    """The worker is asked for it."""

    act: messages.Act


@dataclass(frozen=True, slots=True)
class Hook:
    """A method of the agent's is called, after those before it."""

    name: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolve:
    """Who waits under this number has the answer, or an exception."""

    waiter: int
    value: Any


@dataclass(frozen=True, slots=True)
class Tell:
    """A line in the log. `level`: as in messages.Log."""

    level: messages.Level
    text: str


Effect = Do | Hook | Resolve | Tell | Run | Stop
