"""A TCP proxy with faults, between an engine and its server. It runs on an event loop of a thread of its own."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast

from black_hole import swallow

Result = TypeVar("Result")
_CHUNK = 4096
_BUFFER_BYTES = 16 << 10  # of the kernel's, so that a stall is soon felt
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no time, so a reset


@dataclass
class Way:
    """What happens to the bytes of one direction."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float = 0.0  # 0: as many as come
    stalled: bool = False


class FaultProxy:
    """Listens while it is entered. Its methods may be called from any thread."""

    def __init__(self, server_port: int, *, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: it is a server of wss:// to the engine, and speaks plainly to the real one."""
        self.up, self.down = Way(), Way()  # to the server, and from it
        self.answer: bytes | None = None
        """To each new connection in place of what the server says; None for the server's own."""
        self.silent = False
        """New connections are accepted, and nothing more."""
        self.drip_s = 0.0
        """Between two bytes of the server's handshake."""
        self.accepted = 0
        self.port = 0
        self._server_port = server_port
        self._tls = tls
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._full: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for each in self._full:
            each.close()

    # What goes wrong

    def listen(self) -> None:
        """Again, on the same port."""
        self._run(self._listen())

    def refuse(self) -> None:
        """Nobody listens any more; what is open stays."""
        self._run(self._close_server())

    def answer_no_connection(self) -> None:
        """The kernel leaves what comes unanswered, as a firewall does."""
        self.refuse()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(0)
        self._full.append(listener)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            self._full.append(filler)

    def answer_again(self) -> None:
        for each in self._full:
            each.close()
        self._full.clear()
        self.listen()

    def reset(self) -> None:
        """All that is open: TCP's own way to say that it is over at once."""
        self._each(lambda pair: pair.reset())

    def hang_up(self) -> None:
        """All that is open: the end of TCP, without a close frame."""
        self._each(lambda pair: pair.close())

    def vanish(self) -> None:
        """All that is open: nothing comes from there any more, not even an acknowledgement."""
        self._each(lambda pair: pair.vanish())

    def inject(self, data: bytes) -> None:
        """To the engine, on all that is open."""
        self._each(lambda pair: pair.inject(data))

    # The loop's side

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def _each(self, work: Callable[[_Pair], object]) -> None:
        async def run() -> None:
            for pair in list(self._pairs):
                work(pair)

        self._run(run())

    async def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._accepted, sock=listener, ssl=self._tls, limit=_CHUNK)

    async def _close_server(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end(self) -> None:
        await self._close_server()
        for pair in list(self._pairs):
            pair.close()
        while self._pairs:  # noqa: ASYNC110 - turns of the loop are waited for
            await asyncio.sleep(0.01)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        pair = _Pair(self, reader, writer)
        self._pairs.add(pair)
        try:
            await pair.run(self._server_port)
        except (OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            self._pairs.discard(pair)
            pair.abort()


class _Pair:
    """The engine's connection, and the one that was made to the server for it."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._task = asyncio.current_task()
        self._server: asyncio.StreamWriter | None = None
        self._vanished = False

    @property
    def _socket(self) -> socket.socket:
        return cast(socket.socket, self._writer.get_extra_info("socket"))

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()
        assert self._task is not None
        self._task.cancel()

    def vanish(self) -> None:
        self._vanished = True
        swallow(self._socket)
        if self._server is not None:
            self._server.transport.abort()

    def inject(self, data: bytes) -> None:
        self._writer.write(data)

    def abort(self) -> None:
        self._writer.transport.abort()
        if self._server is not None:
            self._server.transport.abort()

    async def run(self, server_port: int) -> None:
        proxy = self._proxy
        if proxy.silent:
            await asyncio.Event().wait()
        if proxy.answer is not None:
            await self._reader.readuntil(b"\r\n\r\n")
            self._writer.write(proxy.answer)
            await self._writer.drain()
            self._writer.close()
            return
        reader, self._server = await asyncio.open_connection("127.0.0.1", server_port, limit=_CHUNK)
        up = asyncio.create_task(self._pump(self._reader, self._server, proxy.up))
        down = asyncio.create_task(self._down(reader))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            if self._vanished:
                await asyncio.Event().wait()
            if not up.done():
                await self._writer.drain()
                self._writer.close()
        finally:
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _down(self, reader: asyncio.StreamReader) -> None:
        if self._proxy.drip_s:
            for byte in await reader.readuntil(b"\r\n\r\n"):
                self._writer.write(bytes([byte]))
                await asyncio.sleep(self._proxy.drip_s)
        await self._pump(reader, self._writer, self._proxy.down)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        """What comes in goes out later, in its order."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1000)
        loop = asyncio.get_running_loop()

        async def send() -> None:
            while True:
                due, data = await waiting.get()
                await asyncio.sleep(due - loop.time())
                writer.write(data)
                await writer.drain()
                if not data:
                    return

        sending = asyncio.create_task(send())
        due = 0.0
        try:
            while True:
                while way.stalled:  # noqa: ASYNC110 - another thread sets it
                    await asyncio.sleep(0.02)
                data = await reader.read(_CHUNK)
                if not data:
                    break
                late = way.delay_s + random.random() * way.jitter_s
                due = max(due, loop.time() + late)
                await waiting.put((due, data))
                if way.bytes_per_s:
                    await asyncio.sleep(len(data) / way.bytes_per_s)
            await waiting.put((due, b""))
            await sending
        finally:
            sending.cancel()
