"""An agent on a channel: a switch stepped by hand, a scripted endpoint, and a host that is played by the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from link.linked_channel import LinkedChannel, Server, linked_channel
from pilot_doubles import FakeHost

from mod_openai_realtime.agent.messages import (
    Acts,
    Begin,
    Connected,
    Event,
    Kept,
    Plan,
)

SESSION = {"type": "realtime", "instructions": "Be brief."}
DUMP = {
    "Caller-Caller-ID-Number": "+15550100",
    "Caller-Caller-ID-Name": "Ann",
    "Caller-Destination-Number": "5100",
    "Call-Direction": "inbound",
    "variable_AGENT_TABLE_SIZE": "4",
    "variable_AGENT_SHOP": "old",
    "variable_the_key": "sk-of-the-channel",
}


class Greeter(Server):
    """Greets, and answers a session.update."""

    async def greet(self) -> None:
        await self.say(type="session.created", session={})

    async def answer(self, message: dict[str, Any]) -> None:
        if message["type"] == "session.update":
            await self.say(type="session.updated", session=message["session"])


class AgentBench:
    def __init__(self, server: Greeter, channel: LinkedChannel) -> None:
        self.server, self.url, self.switch, self.timers = server, channel.url, channel.switch, channel.timers
        self._tick = channel.tick
        self.host = FakeHost(channel.agents).hello("bakery")
        self.told: list[Any] = []
        self.heard = b""
        """What the channel has sent of the agent."""

    def frame(self, pcm: bytes | None = None) -> bytes | None:
        out = self.switch.frame(pcm)
        self.heard += out or b""
        self._tick()
        return out

    async def host_told(self, kind: type[Any], count: int = 1) -> Any:
        """The `count`-th message of this type that the host was told; frames pass meanwhile."""
        async with asyncio.timeout(10):
            while True:
                self.told += self.host.told()
                found = [message for message in self.told if isinstance(message, kind)]
                if len(found) >= count:
                    return found[count - 1]
                if self.switch.bugs:
                    self.frame()
                await asyncio.sleep(0.001)

    def act(self, *acts: Any, keep: Kept | None = None) -> None:
        begin = next(message for message in self.told if isinstance(message, Begin))
        self.host.say(Acts(begin.call, self.told[-1].n, list(acts), keep))

    async def begin(self, arguments: str = "start bakery") -> Begin:
        assert await self.switch.api(arguments, api="agent") == "+OK Success"
        begin: Begin = await self.host_told(Begin)
        return begin

    async def event_told(self, kind: str) -> None:
        """The host was told of an event of this type; frames pass meanwhile."""
        number = 1
        while json.loads(bytes((await self.host_told(Event, number)).event))["type"] != kind:
            number += 1

    async def talk(self, **plan: Any) -> None:
        await self.begin()
        self.act(Plan(**{"session": SESSION, "url": self.url, **plan}))
        await self.host_told(Connected)


@asynccontextmanager
async def agent_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AgentBench]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = Greeter()
    async with linked_channel(server, tmp_path, frozenset({"bakery"})) as channel:
        channel.switch.answers["uuid_dump"] = json.dumps(DUMP)
        yield AgentBench(server, channel)
