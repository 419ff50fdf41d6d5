"""A stream before it is one: from the `start` to its media bug."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Protocol

from ..pilot.error_event import error_body
from ..stream.state import IllegalMoveError
from . import reasons
from .command import Start
from .log_level import LOG_WARNING
from .module_port import ModulePort

logger = logging.getLogger(__name__)


class OpeningState(Enum):
    ASKED = "asked"  # for the bug; who gave the command waits
    AWAITED = "awaited"  # the channel's media is to come; the command was answered
    HELD = "held"  # the bug is on; what the stream is to be is yet to come from its agent
    OPENED = "opened"
    FAILED = "failed"
    GIVEN_UP = "given up"  # the bug, should it come, is let go of


MOVES: dict[OpeningState, frozenset[OpeningState]] = {
    OpeningState.ASKED: frozenset(OpeningState) - {OpeningState.ASKED},
    OpeningState.AWAITED: frozenset(OpeningState) - {OpeningState.ASKED, OpeningState.AWAITED},
    OpeningState.HELD: frozenset({OpeningState.OPENED, OpeningState.FAILED, OpeningState.GIVEN_UP}),
    OpeningState.OPENED: frozenset(),
    OpeningState.FAILED: frozenset(),
    OpeningState.GIVEN_UP: frozenset(),
}


class Launch(Protocol):
    """Makes the stream of a media bug."""

    def __call__(self, opening: Opening, fields: Mapping[str, str], fd: int, /) -> bool:
        """`fields`: of OPENED; `fd`: of the memory, and the caller's to close. False: the stream comes later. Raises
        FactsError."""


class Opening:
    """Tells who asked what became of it: by a reply while one is waited for, then by an event."""

    def __init__(
        self,
        number: int,
        start: Start,
        request: int,
        port: ModulePort,
        launch: Launch,
        over: Callable[[str], None] | None = None,
    ) -> None:
        """`request`: the command's; 0 where nobody waits for a reply. `over`: told why there will be no stream."""
        self.number = number
        self.start = start
        self.launch = launch
        self.state = OpeningState.ASKED
        self._request = request
        self._port = port
        self._over = over

    @property
    def name(self) -> str:
        return self.start.stream

    def ask(self, fields: Mapping[str, str]) -> None:
        """`fields`: of OPEN."""
        self._port.open(self.number, self._request, fields)

    def hold(self) -> None:
        """The media bug is on, and the command is answered; the stream comes later."""
        waited_for = self.state is OpeningState.ASKED
        self._move(OpeningState.HELD)
        if waited_for:
            self._succeed()

    def media_to_come(self) -> None:
        """The module waits for the channel's media."""
        if self.state is OpeningState.ASKED:
            self._move(OpeningState.AWAITED)
            self._succeed()

    def opened(self) -> None:
        waited_for = self.state is OpeningState.ASKED
        self._move(OpeningState.OPENED)
        if waited_for:
            self._succeed()

    def fail(self, reason: str) -> None:
        """`reason`: the contract's text."""
        waited_for, held = self.state is OpeningState.ASKED and self._request != 0, self.state is OpeningState.HELD
        self._move(OpeningState.FAILED)
        if self._over is not None:
            self._over(reason)
        if held:
            self._port.close(self.number, failure=reason)
        if waited_for:
            self._port.refuse(self._request, reason, self.start.selector)
        else:
            # The command was told that it succeeded.
            self._port.log(self.number, self.name, LOG_WARNING, f"start failed: {reason}")
            self._port.event(self.number, self.name, "error", error_body(reason))

    def give_up(self, request: int = 0) -> None:
        """By a command of that number."""
        held = self.state is OpeningState.HELD
        self._move(OpeningState.GIVEN_UP)
        if held:
            self._port.close(self.number, request)
        if self._over is not None:
            self._over("")

    def _succeed(self) -> None:
        if self._request:
            self._port.reply(self._request, reasons.SUCCESS)

    def _move(self, new: OpeningState) -> None:
        """Raises IllegalMoveError, changing nothing."""
        if new not in MOVES[self.state]:
            raise IllegalMoveError(f"opening {self.state.value} -> {new.value}")
        logger.debug("opening %d %s: %s -> %s", self.number, self.name, self.state.value, new.value)
        self.state = new
