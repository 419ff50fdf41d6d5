"""A listener that keeps what it is told, and servers on 127.0.0.1 that behave as a test wants."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
import uvloop
from transports import all_accepted, all_closed
from websockets.asyncio.server import serve
from websockets.utils import accept_key

from mod_openai_realtime.realtime.endpoint import BackoffLimits, Endpoint, EndpointSettings
from mod_openai_realtime.realtime.receiving import TakeAudio
from mod_openai_realtime.realtime.share import RoundRobin

QUICK = BackoffLimits(shortest_ms=1.0, longest_ms=8.0)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass
class Recorder:
    """An EndpointListener; `events` are (name, arguments…) in the order of the calls."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    take_audio: TakeAudio | None = None
    bodies: list[str] = field(default_factory=list)
    """Of the answers of failed attempts."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def _note(self, *event: Any) -> None:
        self.events.append(event)
        self._changed.set()

    def on_connected(self) -> None:
        self._note("connected")

    def on_text(self, payload: bytes) -> None:
        self._note("text", payload)

    def on_binary(self, payload: bytes) -> None:
        self._note("binary", payload)

    def on_disconnected(self, code: int, reason: str) -> None:
        self._note("disconnected", code, reason)

    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        self._note("failed", retries, error, wait_ms, http_status)
        self.bodies.append(body)

    def on_dropped(self, why: str) -> None:
        self._note("dropped", why)

    def on_congested(self, congested: bool) -> None:
        self._note("congested", congested)

    def on_ended(self) -> None:
        self._note("ended")

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [event for event in self.events if event[0] == name]

    @property
    def names(self) -> list[str]:
        return [event[0] for event in self.events]

    async def until(self, name: str, count: int = 1) -> tuple[Any, ...]:
        """The `count`-th event of that name, once it is there."""
        while len(self.named(name)) < count:
            await self.changed()
        return self.named(name)[count - 1]

    async def changed(self) -> None:
        """Until there is another event."""
        self._changed.clear()
        async with asyncio.timeout(20):
            await self._changed.wait()


class Bench:
    """Makes endpoints and servers, and ends them with the test."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._endpoints: list[tuple[Endpoint, Recorder]] = []
        self._round_robin = RoundRobin()
        # Pushed first, so done last: a server that is gone keeps no endpoint waiting for its close frame.
        stack.push_async_callback(self._all_ended)

    def stop(self) -> None:
        for endpoint, _ in self._endpoints:
            endpoint.stop()

    async def _all_ended(self) -> None:
        for _, recorder in self._endpoints:
            await recorder.until("ended")
        await all_closed()

    def endpoint(self, uri: str, *, take_audio: TakeAudio | None = None, **settings: Any) -> tuple[Endpoint, Recorder]:
        """A started endpoint with its recorder."""
        recorder = Recorder(take_audio=take_audio)
        endpoint = Endpoint(
            EndpointSettings(uri, **settings), recorder, random=lambda: 0.5, limits=QUICK, round_robin=self._round_robin
        )
        self._endpoints.append((endpoint, recorder))
        endpoint.start()
        return endpoint, recorder

    async def raw_server(self, serve: Serve, tls: ssl.SSLContext | None = None) -> int:
        """A server that does with each connection what `serve` says; returns its port."""
        tasks: set[asyncio.Task[None]] = set()

        async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await serve(reader, writer)
            except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
                pass
            finally:
                tasks.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=tls)

        async def end() -> None:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._stack.push_async_callback(end)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def serve(self, handler: Any, **options: Any) -> int:
        """A well-behaved WebSocket server (the websockets library); returns its port."""
        server = await self._stack.enter_async_context(serve(handler, "127.0.0.1", 0, **options))
        port: int = next(iter(server.sockets)).getsockname()[1]
        return port


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        made = Bench(stack)
        yield made
        made.stop()
        await all_accepted()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(tmp_path: Path, authority: trustme.CA) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def server_tls(authority: trustme.CA) -> Iterator[ssl.SSLContext]:
    """A server's context with a certificate for 127.0.0.1 and localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    yield context


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def answer_handshake(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, extra: bytes = b"", after: bytes = b""
) -> None:
    """Accept a WebSocket by hand: `extra` are header lines, `after` goes out in the same segment."""
    request = await reader.readuntil(b"\r\n\r\n")
    key = next(line for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + extra
        + b"Sec-WebSocket-Accept: "
        + accept_key(key[19:].decode()).encode()
        + b"\r\n\r\n"
        + after
    )
