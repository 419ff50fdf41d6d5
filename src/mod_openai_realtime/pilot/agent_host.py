"""The worker's end of the connection of one agent host. What is said on it is in agent/messages.py."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Protocol, cast

from ..agent.messages import PROTOCOL, Acts, Agents, Hello, HostMessages, ProtocolError, Welcome, encode
from ..observe.printable import printable
from ..realtime.share import RoundRobin, Share

if TYPE_CHECKING:
    from .agent_call import AgentCall

logger = logging.getLogger(__name__)

MAX_UNREAD_BYTES = 32 << 20
"""What a host that reads nothing may have waiting; a minute of a hundred busy calls is a tenth of it."""

HELLO_S = 5.0
"""So long after it has connected a host has to say who it is."""


class HostListener(Protocol):
    """The worker's agents."""

    def host_ready(self, host: AgentHost, /) -> None:
        """It has said which agents it has, or that they have changed."""

    def host_lost(self, host: AgentHost, /) -> None: ...


class AgentHost(asyncio.Protocol):
    """Lives as long as the connection. A host that breaks the protocol, or does not read, is one that has died."""

    def __init__(self, listener: HostListener, worker: int, spool: str, round_robin: RoundRobin | None = None) -> None:
        """`round_robin`: the worker's; None: one of its own."""
        self._listener = listener
        self._round_robin = round_robin or RoundRobin()
        self._share = Share()
        self._bodies: deque[bytes] = deque()  # of messages that wait for their turn
        self._worker = worker
        self._spool = spool
        self._messages = HostMessages()
        self._transport: asyncio.Transport | None = None
        self._hello: Hello | None = None
        self._patience: asyncio.TimerHandle | None = None
        self.agents: frozenset[str] = frozenset()
        self.calls: dict[int, AgentCall] = {}

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's derive from nothing
        self._patience = asyncio.get_running_loop().call_later(HELLO_S, self.end, "it has not said who it is")

    def data_received(self, data: bytes) -> None:
        waits = bool(self._bodies)
        try:
            self._bodies.extend(self._messages.bodies(data))
        except ProtocolError as error:
            self.end(str(error))
        if not waits and self._work_off() and self._transport is not None:
            self._transport.pause_reading()
            self._round_robin.wait(self._go_on)

    def _go_on(self) -> bool:
        if self._work_off():
            return True
        if self._transport is not None:
            self._transport.resume_reading()
        return False

    def _work_off(self) -> bool:
        """A turn; whether there is more. What an agent does has a worker work, and audio waits for nobody."""
        share = self._share
        share.renew()
        while self._bodies and self._transport is not None and share.left > 0:
            share.begin()
            body = self._bodies.popleft()
            try:
                self._take(self._messages.read(body))
            except ProtocolError as error:
                self.end(str(error))
            share.count(len(body))
            share.end()
        return bool(self._bodies) and self._transport is not None

    def connection_lost(self, error: Exception | None) -> None:
        self._lose()

    # -- what it says

    def _take(self, message: Hello | Agents | Acts) -> None:
        if isinstance(message, Acts):
            call = self.calls.get(message.call)
            if call is not None:  # else it has ended, or another host has it
                call.acts(message)
        elif isinstance(message, Hello):
            self._greet(message)
        elif self._hello is None:
            raise ProtocolError("it has not said who it is")
        else:
            self.agents = frozenset(message.agents)
            self._listener.host_ready(self)

    def _greet(self, hello: Hello) -> None:
        if self._hello is not None:
            raise ProtocolError("a second hello")
        if hello.protocol != PROTOCOL:
            raise ProtocolError(f"it speaks protocol {hello.protocol}, this engine {PROTOCOL}: restart the engine")
        if self._patience is not None:
            self._patience.cancel()
        self._hello = hello
        self.agents = frozenset(hello.agents)
        self.tell(encode(Welcome(protocol=PROTOCOL, worker=self._worker, spool=self._spool)))
        self._listener.host_ready(self)

    # -- what the worker wants of it

    @property
    def id(self) -> str:
        """What it calls itself; "" before it has said so."""
        return self._hello.host if self._hello is not None else ""

    @property
    def generation(self) -> int:
        return self._hello.generation if self._hello is not None else -1

    def has(self, agent: str) -> bool:
        """Whether new calls of the agent may be given to it."""
        if self._hello is None:
            return False
        private = agent.startswith(f"@{self._hello.host}/")
        return private or agent in self.agents

    def tell(self, frame: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(frame)
        if self._transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self.end("it reads nothing")

    def end(self, why: str) -> None:
        """It is given up."""
        if self._transport is None:
            return
        logger.error("agent host %s: connection ended: %s", self._name, printable(why))
        self._transport.abort()
        self._lose()

    def close(self) -> None:
        """The worker ends; calls are not given to another host any more."""
        self.calls.clear()
        if self._transport is not None:
            self._transport.close()

    @property
    def _name(self) -> str:
        return str(self._hello.pid) if self._hello is not None else "(unknown)"

    def _lose(self) -> None:
        if self._transport is None:
            return
        self._transport = None
        if self._patience is not None:
            self._patience.cancel()
        self._listener.host_lost(self)
