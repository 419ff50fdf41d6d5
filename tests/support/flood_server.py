"""A server that sends without measure, each path in its own way, and reads whatever comes: a process of its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import chain, count, repeat
from pathlib import Path
from types import TracebackType
from typing import Self

from mod_openai_realtime.processes import die_with_parent

MESSAGE_BYTES = 8 << 20  # the largest that is taken
DEEPEST = 128
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _PING = 0x1, 0x9
_FIN, _DEFLATED = 0x80, 0x40
_BATCH = 2000  # small frames are written so many at once
_WAIT_S = 1.0  # before it begins
_FOLDER = str(Path(__file__).resolve().parent)


def frame(head: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes([head, size]) + payload
    if size < 1 << 16:
        return bytes([head, 126]) + size.to_bytes(2, "big") + payload
    return bytes([head, 127]) + size.to_bytes(8, "big") + payload


def deflated(message: bytes) -> bytes:
    """As one frame."""
    stream = zlib.compressobj(9, wbits=-15)
    return frame(_FIN | _DEFLATED | _TEXT, (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4])


def _lists() -> bytes:
    return deflated(b'{"type":"rate_limits.updated","a":[' + b"[]," * ((MESSAGE_BYTES - 64) // 3) + b"0]}")


def _fields() -> bytes:
    """Of a message that the engine acts on, and nearly as deep as may be."""
    deep = b"[" * (DEEPEST - 4) + b"]" * (DEEPEST - 4) + b","
    return deflated(b'{"type":"session.updated","session":{"a":[' + deep * (MESSAGE_BYTES // len(deep) - 1) + b"0]}}")


def _long(head: bytes, unit: bytes, tail: bytes = b'"}') -> bytes:
    return deflated(head + unit * ((MESSAGE_BYTES - 256) // len(unit)) + tail)


def _delta(number: int) -> bytes:
    text = b'{"type":"response.output_audio.delta","response_id":"r","item_id":"i%d","delta":"AAAA"}' % number
    return frame(_FIN | _TEXT, text)


def _once(make: Callable[[], bytes], times: int = 1) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([make()] * times)


def _parts(number: int) -> bytes:
    """Of an item that is nothing but parts, which say nothing."""
    item = b'{"id":"i%d","type":"message","role":"user","content":[%s0]}' % (number, b"0," * 49_000)
    return deflated(b'{"type":"conversation.item.created","item":' + item + b"}")


def _rates() -> Iterator[bytes]:
    """What waits to be played is converted each time."""
    for _ in range(17):
        yield frame(_FIN | _TEXT, b'{"type":"response.output_audio.delta","delta":"%s"}' % (b"AAAA" * 160_000))
    for at in count():
        output = b'{"output":{"format":{"type":"audio/pcm","rate":%d}}}' % (8000, 48000)[at % 2]
        yield frame(_FIN | _TEXT, b'{"type":"session.updated","session":{"audio":' + output + b"}}")
        yield frame(_FIN | _TEXT, b'{"type":"response.output_audio.delta","item_id":"i%d","delta":"AAAA"}' % (at % 2))


FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "none": lambda: iter(()),
    "json": _once(_lists),
    "json20": _once(_lists, 20),
    "session20": _once(_fields, 20),
    "strings": _once(lambda: _long(b'{"type":"x","a":"', b"a"), 20),
    "umlauts": _once(lambda: _long(b'{"type":"x","a":"', "ä".encode()), 20),
    "errors": _once(lambda: _long(b'{"type":"error","error":{"message":"', b"sk-", b'"}}'), 20),
    "escapes": _once(lambda: _long(b'{"type":"error","error":{"message":"', rb"\u202e", b'"}}'), 20),
    "prompts": _once(lambda: _long(b'{"type":"session.updated","session":{"instructions":"', b"a", b'"}}'), 20),
    "slashes": _once(lambda: _long(b'{"type":"response.output_audio.delta","delta":"', rb"\/"), 20),
    "done": _once(lambda: _long(b'{"type":"response.done","response":{"id":"', b"a", b'"}}'), 20),
    "pings": lambda: repeat(frame(_FIN | _PING, b"") * _BATCH),
    "texts": lambda: repeat(frame(_FIN | _TEXT, b"1") * _BATCH),
    "fragments": lambda: repeat(frame(_TEXT, b"") + frame(0, b"") * _BATCH + frame(_FIN, b"")),
    "bombs": lambda: repeat(deflated(bytes(4 * MESSAGE_BYTES - 64))),
    "items": lambda: (b"".join(map(_delta, range(at, at + 500))) for at in range(0, 50_000, 500)),
    "parts": lambda: map(_parts, count()),
    "rates": _rates,
    "garbage": lambda: (deflated(os.urandom(64) + b"[" * MESSAGE_BYTES) for _ in count()),
}
"""By the path of the connection."""

HANDSHAKES: dict[str, tuple[bytes, bytes]] = {
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * _BATCH),
    "crumbs": (b"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * _BATCH),
}
"""The same, of answers to the handshake that have no end: how they begin, and go on."""


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    path = request.split(b" ")[1].decode()[1:]
    if path in HANDSHAKES:
        await _flood(writer, chain(HANDSHAKES[path][:1], repeat(HANDSHAKES[path][1])))
        return
    key = next(line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    deflate = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if b"permessage-deflate" in request else b""
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + deflate
        + b"Sec-WebSocket-Accept: "
        + accept
        + b"\r\n\r\n"
    )
    reading = asyncio.ensure_future(_read(reader))
    await asyncio.sleep(_WAIT_S)
    await _flood(writer, FLOODS[path](), reading)


async def _flood(
    writer: asyncio.StreamWriter, pieces: Iterator[bytes], reading: asyncio.Future[None] | None = None
) -> None:
    try:
        for data in pieces:
            writer.write(data)
            await writer.drain()
        if reading is not None:
            await reading
    except ConnectionError:
        pass
    finally:
        if reading is not None:
            reading.cancel()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


def _run() -> None:
    # As far as the machine goes it is somebody else's: it waits for its turn.
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    async def main() -> None:
        server = await asyncio.start_server(_serve, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())


class FloodServer:
    """The server in its process; a context manager."""

    def __enter__(self) -> Self:
        command = [*die_with_parent("KILL"), sys.executable, __file__]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": _FOLDER})
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def url(self, flood: str) -> str:
        return f"ws://127.0.0.1:{self._port}/{flood}"


if __name__ == "__main__":
    _run()
