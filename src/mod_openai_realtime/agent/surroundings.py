"""What a driver needs around it; a host has all of it, and so has a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..later import Timer
from . import messages as m

if TYPE_CHECKING:
    from .agent import Agent
    from .driver import Driver


class WorkerLine(Protocol):
    """The way to the worker, or what stands in for it."""

    def acts(self, acts: m.Acts, /) -> None: ...


class Clock(Protocol):
    """An event loop is one."""

    def time(self) -> float: ...
    def call_at(self, when: float, callback: Callable[[], None], /) -> Timer: ...


class Host(Protocol):
    """What the calls of a process share."""

    def spool(self, driver: Driver, /) -> str | None:
        """The worker's folder for audio that is to be played; None: the system's for temporary files."""

    def private(self, make: Callable[[], Agent], /) -> str:
        """A name by which a worker is given an agent that has no other; forget() takes it back."""

    def forget(self, name: str, /) -> None: ...
    def ended(self, driver: Driver, /) -> None: ...
