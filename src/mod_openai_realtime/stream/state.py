"""The life of a stream: its states, the legal moves between them, and why it ended."""

from __future__ import annotations

import logging
from enum import Enum

logger = logging.getLogger(__name__)


class State(Enum):
    OPENING = "opening"  # the module is adding the media bug
    RUNNING = "running"  # connected or connecting
    DRAINING = "draining"  # will not connect again: what is queued plays out
    CLOSING = "closing"  # the WebSocket is being closed; nothing is played or sent any more
    ENDED = "ended"


MOVES: dict[State, frozenset[State]] = {
    State.OPENING: frozenset({State.RUNNING, State.ENDED}),
    State.RUNNING: frozenset({State.DRAINING, State.CLOSING, State.ENDED}),
    State.DRAINING: frozenset({State.CLOSING, State.ENDED}),
    State.CLOSING: frozenset({State.ENDED}),
    State.ENDED: frozenset(),
}


class EndReason(Enum):
    """The values are the words of the `summary` event."""

    STOPPED = "stopped"  # by command
    HANGUP = "hangup"
    NOT_CONNECTED = "not_connected"  # no connection came up, and somebody waits for one
    NO_RECONNECT = "disconnected"  # the connection ended, and reconnecting is off
    UNLOAD = "unload"  # the module is unloaded
    SWITCH_LOST = "switch_lost"
    ENGINE_EXIT = "engine_exit"

    @property
    def close_code(self) -> int:
        """The WebSocket close code that tells the server (RFC 6455, section 7.4.1)."""
        return 1001 if self in _GOING_AWAY else 1000

    @property
    def close_reason(self) -> str:
        """What the server is told besides."""
        return _GOING_AWAY.get(self, "")


_GOING_AWAY = {
    EndReason.SWITCH_LOST: "the switch is gone",
    EndReason.ENGINE_EXIT: "the engine is shutting down",
}


class IllegalMoveError(RuntimeError):
    """A fault of ours: the state is unchanged."""


class StateMachine:
    def __init__(self, label: str) -> None:
        self._label = label
        self.state = State.OPENING

    def move(self, new: State) -> None:
        """Raises IllegalMoveError, changing nothing, where the move is not in the table."""
        if new not in MOVES[self.state]:
            raise IllegalMoveError(f"{self.state.value} -> {new.value}")
        logger.debug("%s: %s -> %s", self._label, self.state.value, new.value)
        self.state = new
