"""The agent that talks to the other party of an attended transfer."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from .agent import Agent, setting
from .call import Call
from .errors import CallError
from .tools import tool

EXCUSE_S = 10.0  # so long at most for telling a party that the caller is gone

_SHARED = ("url", "model", "voice", "noise_reduction", "transcription", "turn_detection")

_INSTRUCTIONS = """\
You work for somebody who is on the telephone with a caller, and you have just called a colleague of theirs. The caller
waits on another line and does not hear you. Tell the colleague, in a few words and in the language of what follows,
what the caller wants, and ask whether they take the call. Call `accept` once they agree, and `decline` where they do
not, or where nobody is there (an answering machine). Say nothing else, and promise nothing.

What the colleague has to know: """
_EXCUSE = "The caller has hung up meanwhile. Tell the colleague so in one short sentence, and say goodbye."


class Asker(Protocol):
    """Who wants to know what the other party says."""

    def agreed(self) -> None: ...
    def refused(self) -> None: ...
    def other_gone(self) -> None: ...
    def agent_gone(self, why: str, /) -> None: ...


class Consultant(Agent):
    """Speaks with the endpoint, the model and the voice of the agent that asks."""

    greeting = "Say who you work for, if you know it, and tell the colleague what this is about."
    max_duration_s = 300.0  # the caller waits

    def __init__(self, briefing: str, agent: Agent, asker: Asker) -> None:
        super().__init__(instructions=_INSTRUCTIONS + briefing)
        for name in _SHARED:
            value = setting(agent, name, ...)
            if value is not ...:
                setattr(self, name, value)
        self.key, self.audio = agent.key, agent.audio
        self.connect_timeout_s = agent.connect_timeout_s
        self._asker = asker
        self._lost_at: float | None = None

    @tool(reply=False)
    async def accept(self, call: Call) -> None:
        """The colleague takes the call."""
        await call.heard()
        self._asker.agreed()

    @tool(reply=False)
    async def decline(self, call: Call) -> None:
        """The colleague does not take the call, or nobody is there."""
        await call.heard()
        self._asker.refused()

    async def on_connect(self, call: Call, restored: bool) -> None:
        self._lost_at = None
        if restored:
            await call.reply("You were cut off in the midst. Go on with what you were saying to the colleague.")

    async def on_error(self, call: Call, error: str) -> None:
        """The other party is not left waiting, nor the caller, where the endpoint stays away."""
        if _connected(call):
            return
        now = asyncio.get_running_loop().time()
        self._lost_at = now if self._lost_at is None else self._lost_at
        if now - self._lost_at >= self.connect_timeout_s:
            self._asker.agent_gone(error)

    async def on_end(self, call: Call, reason: str) -> None:
        if reason == "failed":
            self._asker.agent_gone("the agent could not speak to the other party")
        elif reason == "hang_up":
            self._asker.refused()  # nobody has said anything, or there was no end to it
        else:
            self._asker.other_gone()

    def begin_excuse(self) -> None:
        """The caller is gone: the other party is told, and hung up on."""
        if hasattr(self, "call"):
            self.call._driver.begin(self._excuse(), "excuse")

    async def _excuse(self) -> None:
        with contextlib.suppress(CallError):
            if _connected(self.call):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EXCUSE_S):
                        await self.call.reply(_EXCUSE, interruptible=False)
            await self.call.hang_up(when="now")


def _connected(call: Call) -> bool:
    return call._driver.brain.connected
