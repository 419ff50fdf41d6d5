"""What the end of a connection says about the next one. Sans-I/O."""

from __future__ import annotations

from enum import Enum, auto

_AT_ONCE = frozenset({1001, 1005, 1006, 1011, 1012, 1013})
_POLICY_VIOLATION = 1008
_PRIVATE_CODES = range(4000, 5000)
_GOING_AWAY = 1001
_EXPIRED = "maximum duration"


class Loss(Enum):
    """How a connection was lost that nobody here has closed."""

    PASSING = auto()
    """The network, or a server that goes or is overloaded: the next attempt comes at once."""
    EXPIRED = auto()
    """The session was as old as one may get. A new one has nothing to wait for."""
    FINAL = auto()
    """The server does not want this client: the same again does not mend it."""
    OTHER = auto()
    """A server that says goodbye for no reason, or dislikes what it got (RFC 6455, section 7.4)."""


def loss(code: int, reason: str) -> Loss:
    """Of a close code: the server's, or 1005 and 1006 where it told none."""
    if code == _GOING_AWAY and _EXPIRED in reason.lower():
        return Loss.EXPIRED
    if code in _AT_ONCE:
        return Loss.PASSING
    if code == _POLICY_VIOLATION or code in _PRIVATE_CODES:
        return Loss.FINAL
    return Loss.OTHER
