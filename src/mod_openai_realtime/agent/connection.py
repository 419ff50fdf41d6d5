"""An agent host's connection to one worker, over the worker's private Unix socket."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from . import messages as m

logger = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 16 << 20
"""Past it the worker reads nothing any more: the connection is given up."""


class Listener(Protocol):
    """The host."""

    def connected(self, connection: Connection, /) -> None: ...
    def message(self, connection: Connection, message: m.OfCall, /) -> None: ...
    def disconnected(self, connection: Connection, /) -> None: ...


class Connection(asyncio.Protocol):
    """Says Hello, waits for Welcome, then hands on what comes. Closes at anything that is none of the protocol."""

    def __init__(self, hello: m.Hello, listener: Listener) -> None:
        self._hello = hello
        self._listener = listener
        self._reader = m.WorkerMessages()
        self._transport: asyncio.Transport | None = None
        self.welcome: m.Welcome | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def spool(self) -> str | None:
        return self.welcome.spool if self.welcome is not None else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.send(self._hello)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                self._received(message)
        except m.ProtocolError as error:
            self.close(f"the worker breaks the protocol: {error}")

    def _received(self, message: m.ToHost) -> None:
        if isinstance(message, m.Welcome):
            if self.welcome is not None or message.protocol != m.PROTOCOL:
                raise m.ProtocolError(f"protocol {message.protocol}, not {m.PROTOCOL}")
            self.welcome = message
            self._listener.connected(self)
        elif self.welcome is None:
            raise m.ProtocolError("the first message is no welcome")
        else:
            self._listener.message(self, message)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if not self.closed.done():
            self.closed.set_result(None)
        self._listener.disconnected(self)

    def send(self, message: m.ToWorker) -> None:
        """Lost where there is no connection. Raises ProtocolError where it can't be sent."""
        frame = m.encode(message)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(frame)
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.close("the worker reads nothing")

    def close(self, why: str | None = None) -> None:
        if why is not None:
            logger.error("the connection to a worker is given up: %s", why)
        if self._transport is not None:
            self._transport.abort()
