"""What follows from a message: decided by understanding.py, carried out by the stream, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from ..dialect.messages import ServerMessage
from .restoration import Outcome
from .session import PartName


@dataclass(frozen=True, slots=True)
class Which:
    """Which responses that wait to be heard, or are being heard, are meant: all that fulfil what is set."""

    session: int | None = None
    responses: frozenset[str | None] | None = None
    interruptible: bool = False
    """Only those that the caller may interrupt."""


EVERYTHING = Which()


@dataclass(frozen=True, slots=True)
class Play:
    """Audio of a response that may be heard."""

    name: PartName
    audio: bytes
    """In the format that is in effect."""
    interruptible: bool
    message: ServerMessage | None
    """Where it was parsed."""


@dataclass(frozen=True, slots=True)
class EndAudio:
    """All audio has come of the response that was queued last."""


@dataclass(frozen=True, slots=True)
class ForgetHalf:
    """Of a sample that two messages share the second half does not come: what comes next begins with a whole one."""


@dataclass(frozen=True, slots=True)
class Silence:
    """These are not heard any more. `tell`: the server is told how much of them was."""

    which: Which
    tell: bool


@dataclass(frozen=True, slots=True)
class Disown:
    """The server knows already, from the application, how much of this item was heard."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Send:
    """A message of the engine's own."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Warn:
    """Something is wrong with a message. Each text is told once."""

    text: str


@dataclass(frozen=True, slots=True)
class Forward:
    """The message is an event of the call's. `kind`: its `type`."""

    kind: str | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class Restored:
    """The server has answered all that the session was restored with."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Expires:
    """The server has said when it ends the session, in seconds of Unix time."""

    at: float


@dataclass(frozen=True, slots=True)
class Expired:
    """The session has come to its end: nothing that is said to it counts any more."""


Effect = Play | EndAudio | ForgetHalf | Silence | Disown | Send | Warn | Forward | Restored | Expires | Expired
