"""The call of an agent, as what is done to it sees it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from ..switch.execution import ExecuteKind
from .agent_call import Reason


class LiveCall(Protocol):
    @property
    def uuid(self) -> str: ...
    def freeswitch(self, kind: ExecuteKind, name: str, arguments: str | None = None, /) -> asyncio.Future[str | None]:
        """See Link.execute."""

    def stream_command(self, words: str, /) -> str:
        """A command on the agent's own stream: its answer. Raises CommandRefusedError or CommandError."""

    async def until_sent(self) -> None:
        """What the channel has taken of the agent's voice has gone out: a hang-up at this moment would cut it."""

    def leaving(self, reason: Reason, /) -> None:
        """The channel is about to end (`hang_up`) or to go elsewhere (`transferred`), because the agent wants it."""

    def staying(self) -> None:
        """It does not, after all."""

    def left(self) -> None:
        """It is elsewhere."""


class ActionError(Exception):
    """It could not be done; the text is for the agent."""
