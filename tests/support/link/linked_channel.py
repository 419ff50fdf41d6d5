"""A channel between a switch that is stepped by hand and a scripted WebSocket endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from timers import Timers
from transports import all_accepted, all_closed
from websockets.asyncio.server import ServerConnection, serve

from link.channel_of_test import channel_of_test, real_endpoint
from link.switch import LinkSwitch
from mod_openai_realtime.engine.figures import Figures
from mod_openai_realtime.engine.worker import Streams
from mod_openai_realtime.observe.usage import Usage
from mod_openai_realtime.pilot.agent_calls import AgentCalls


class Server:
    """Takes connections; what it got is in `texts` and `binaries`, oldest first."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.texts: list[dict[str, Any]] = []
        self.binaries: list[bytes] = []
        self.news = asyncio.Condition()

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        await self.greet()
        await self._notify()
        async for message in connection:
            if isinstance(message, str):
                self.texts.append(json.loads(message))
                await self.answer(self.texts[-1])
            else:
                self.binaries.append(message)
            await self._notify()
        await self._notify()

    async def greet(self) -> None:
        """To a new connection: nothing."""

    async def answer(self, message: dict[str, Any]) -> None:
        """To a message: nothing."""

    async def _notify(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(condition)

    async def say(self, **message: Any) -> None:
        await self.connections[-1].send(json.dumps(message))


class LinkedChannel:
    """What a test has of it. `url`: the server's."""

    def __init__(
        self, url: str, switch: LinkSwitch, streams: Streams, timers: Timers, usage: Usage, agents: AgentCalls
    ) -> None:
        self.url, self.switch, self.streams = url, switch, streams
        self.timers, self.usage, self.agents = timers, usage, agents

    def tick(self) -> None:
        """The media clock, once."""
        for stream in self.streams.poller.ready():
            stream.tick()


@contextlib.asynccontextmanager
async def linked_channel(
    server: Server, temp_dir: Path, agents: frozenset[str] = frozenset()
) -> AsyncIterator[LinkedChannel]:
    """`agents`: the names of those that the engine was started with; the server is theirs, where they name none."""
    async with serve(server.handle, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        streams, timers, usage = Streams(Figures()), Timers(), Usage()
        url = f"ws://127.0.0.1:{port}/v1/realtime?model=m"
        calls = AgentCalls(agents, timers.later, url)
        of_switch, of_worker = {"temp_dir": str(temp_dir)}, {"usage": usage, "later": timers.later, "agents": calls}
        with channel_of_test(real_endpoint, streams, of_switch, **of_worker) as (channel, switch):
            yield LinkedChannel(url, switch, streams, timers, usage, calls)
            channel.on_link_lost()
            await all_accepted()
            for connection in server.connections:
                await connection.wait_closed()
    await all_closed()
