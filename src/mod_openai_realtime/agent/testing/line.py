"""What a caller's telephone and the channel at its other end are to a test, whichever switch is between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

RATE = 8000  # Hz, of the call


@dataclass(frozen=True, slots=True)
class Dialling:
    """What the switch is told with a call."""

    number: str
    """The caller's."""
    dialled: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the channel."""


@dataclass(frozen=True, slots=True)
class News:
    """An event of the module's, for this channel: the part of its subclass behind `::`, and its body."""

    kind: str
    body: str


class Line(Protocol):
    """Of one call."""

    @property
    def uuid(self) -> str:
        """Of the channel."""

    async def begin(self, data: str) -> None:
        """The dialplan runs the agent's application with this. Raises AssertionError where the call is not taken."""

    def says(self, pcm: bytes) -> None:
        """pcm16 at RATE, from now on; silence after it."""

    async def keys(self, digits: str) -> None:
        """Returns when they have been pressed. Raises ValueError for what no telephone has."""

    async def hang_up(self) -> None:
        """The caller does; returns once the channel is gone."""

    def news(self) -> list[News]:
        """What has come since the last time, oldest first."""

    @property
    def over(self) -> bool:
        """The application has returned, or the channel is gone."""

    @property
    def state(self) -> str | None:
        """The agent's; None until the call is its."""

    def variable(self, name: str) -> str | None:
        """None where it is not set, or the channel is gone."""

    @property
    def transferred_to(self) -> str | None:
        """The extension, or the URI of a REFER."""

    async def finish(self, timeout_s: float) -> None:
        """Whatever is left of the call ends."""


class Switch(Protocol):
    """With the module loaded, and connected to the engine."""

    def line(self, dialling: Dialling) -> Line:
        """A call to be begun."""

    def close(self) -> None: ...
