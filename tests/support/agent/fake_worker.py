"""The worker's end of a host's socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TypeVar

from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.host import AgentHost

A = TypeVar("A")


class FakeWorker:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._messages = m.HostMessages()
        self.told: list[m.ToWorker] = []
        self.n = 1

    @classmethod
    async def attached(cls, host: AgentHost) -> FakeWorker:
        """With the host at the other end of a socket pair."""
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        theirs.setblocking(False)
        await host.attach(theirs)
        return cls(reader, writer)

    async def welcome(self, spool: str = "/tmp") -> m.Hello:
        hello = await self.next(m.Hello)
        self.send(m.Welcome(m.PROTOCOL, 0, spool))
        return hello

    def send(self, *messages: m.ToHost) -> None:
        for message in messages:
            self.write(m.encode(message))

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def next(self, kind: type[A]) -> A:
        """The next of this kind; what comes before it is passed over."""
        while True:
            for index, message in enumerate(self.told):
                if isinstance(message, kind):
                    del self.told[: index + 1]
                    return message
            self.told.clear()
            data = await self._reader.read(1 << 16)
            if not data:
                raise EOFError
            self.told += self._messages.feed(data)

    async def act(self, kind: type[A], call: int) -> A:
        """The next act of this kind of the call."""
        while True:
            acts = await self.next(m.Acts)
            for act in acts.acts:
                if isinstance(act, kind) and acts.call == call:
                    return act

    async def closed(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def eof(self) -> None:
        while await self._reader.read(1 << 16):
            pass

    def close(self) -> None:
        self._writer.close()
