"""A stream before it is one: from the `start` to its media bug."""

from __future__ import annotations

import logging
from enum import Enum

from ..pilot.error_event import error_body
from ..stream.state import IllegalMoveError
from . import reasons
from .log_level import LOG_WARNING
from .module_port import ModulePort
from .prepared import Prepared

logger = logging.getLogger(__name__)


class OpeningState(Enum):
    ASKED = "asked"  # for the bug; who gave the command waits
    AWAITED = "awaited"  # the channel's media is to come; the command was answered
    OPENED = "opened"
    FAILED = "failed"
    GIVEN_UP = "given up"  # the bug, should it come, is let go of


MOVES: dict[OpeningState, frozenset[OpeningState]] = {
    OpeningState.ASKED: frozenset(OpeningState) - {OpeningState.ASKED},
    OpeningState.AWAITED: frozenset({OpeningState.OPENED, OpeningState.FAILED, OpeningState.GIVEN_UP}),
    OpeningState.OPENED: frozenset(),
    OpeningState.FAILED: frozenset(),
    OpeningState.GIVEN_UP: frozenset(),
}


class Opening:
    """Tells who asked what became of it: by a reply while one is waited for, then by an event."""

    def __init__(self, number: int, prepared: Prepared, request: int, port: ModulePort) -> None:
        """`request`: the command's; 0 where nobody waits for a reply."""
        self.number = number
        self.prepared = prepared
        self.state = OpeningState.ASKED
        self._request = request
        self._port = port

    @property
    def name(self) -> str:
        return self.prepared.start.stream

    def ask(self) -> None:
        self._port.open(self.number, self._request, self.prepared.opening_fields())

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
        waited_for = self.state is OpeningState.ASKED and self._request != 0
        self._move(OpeningState.FAILED)
        if waited_for:
            self._port.refuse(self._request, reason, self.prepared.start.selector)
        else:
            # The command was told that it succeeded.
            self._port.log(self.number, self.name, LOG_WARNING, f"start failed: {reason}")
            self._port.event(self.number, self.name, "error", error_body(reason))

    def give_up(self) -> None:
        self._move(OpeningState.GIVEN_UP)

    def _succeed(self) -> None:
        if self._request:
            self._port.reply(self._request, reasons.SUCCESS)

    def _move(self, new: OpeningState) -> None:
        """Raises IllegalMoveError, changing nothing."""
        if new not in MOVES[self.state]:
            raise IllegalMoveError(f"opening {self.state.value} -> {new.value}")
        logger.debug("opening %d %s: %s -> %s", self.number, self.name, self.state.value, new.value)
        self.state = new
