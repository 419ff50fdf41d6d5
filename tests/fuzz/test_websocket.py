"""A server's frames, good or bad: each whole message before the first fault is told of, the connection ends once, with
a code and a reason that may be shown, and nothing goes wrong on the way.

An input is a byte of settings, and all that the server sends behind its answer to the handshake.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import struct
import zlib
from typing import Any

import uvloop
from fuzzing import fuzz
from hypothesis import strategies as st

from mod_openai_realtime.realtime.endpoint import Endpoint, EndpointSettings
from mod_openai_realtime.realtime.receiving import TakeAudio

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1, RSV2 = 0x80, 0x40, 0x20
LIMIT = 4096  # of a message
AGREED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
ANSWER = AGREED + b"%bSec-WebSocket-Accept: %b\r\n\r\n"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
EXTENSIONS = (b"", b"permessage-deflate", b"permessage-deflate; server_no_context_takeover")


class Faults(logging.Handler):
    """Records of what no server may bring about."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))


class Listener:
    take_audio: TakeAudio | None = None

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.messages: list[tuple[int, bytes]] = []
        self.ended = asyncio.Event()

    def on_connected(self) -> None:
        self.events.append(("connected",))

    def on_text(self, payload: bytes) -> None:
        self.messages.append((TEXT, payload))

    def on_binary(self, payload: bytes) -> None:
        self.messages.append((BINARY, payload))

    def on_disconnected(self, code: int, reason: str) -> None:
        self.events.append(("disconnected", code, reason))

    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        self.events.append(("failed", error))

    def on_dropped(self, why: str) -> None:
        assert why.isprintable()

    def on_congested(self, congested: bool) -> None: ...

    def on_ended(self) -> None:
        self.ended.set()


class Server:
    """Says `data` behind its handshake, then ends its half, and waits for the client to end its own."""

    def __init__(self) -> None:
        self.data, self.extension = b"", b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))[19:]
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
            extension = b"Sec-WebSocket-Extensions: %b\r\n" % self.extension if self.extension else b""
            writer.write(ANSWER % (extension, accept) + self.data)
            writer.write_eof()
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


def is_utf_8(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def plain_messages(data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    """By RFC 6455, without extensions: the messages of `data` up to its end or its first fault, and whether it has one
    or a close frame; then what stands before it may be left out, too."""
    messages: list[tuple[int, bytes]] = []
    at, kind, message = 0, CONTINUATION, b""
    while len(data) - at >= 2:
        first, length, head = data[at], data[at + 1] & 0x7F, 2
        opcode, fin, masked = first & 0x0F, bool(first & FIN), data[at + 1] & 0x80
        # A fault as soon as it is there: what stands behind it may never come.
        if first & 0x70 or masked or opcode not in (CONTINUATION, TEXT, BINARY, PING, PONG):
            return messages, True
        if opcode >= CLOSE and (not fin or length > 125):
            return messages, True
        if length >= 126:
            head = 4 if length == 126 else 10
            if len(data) - at < head:
                break
            length = int.from_bytes(data[at + 2 : at + head], "big")
            if length < (126 if head == 4 else 65536):
                return messages, True  # not the shortest form (section 5.2)
        if len(data) - at < head + length:
            return messages, length > LIMIT
        payload = data[at + head : at + head + length]
        at += head + length
        if opcode >= CLOSE:
            continue
        if (opcode == CONTINUATION) is (kind == CONTINUATION):
            return messages, True
        kind, message = opcode or kind, message + payload
        if fin:
            if len(message) <= LIMIT:
                if kind == TEXT and not is_utf_8(message):
                    return messages, True
                messages.append((kind, message))
            kind, message = CONTINUATION, b""
    return messages, False


class Bench:
    def __init__(self) -> None:
        self.server = Server()
        self.faults = Faults()
        self.strays: list[str] = []

    async def open(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.strays.append(str(context)))
        self._listening = await asyncio.start_server(self.server.serve, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._listening.close()
        await asyncio.sleep(0)

    async def connect(self, settings: int, data: bytes) -> Listener:
        self.server.data, self.server.extension = data, EXTENSIONS[settings % len(EXTENSIONS)]
        listener = Listener()
        uri = f"ws://127.0.0.1:{self.port}/"
        endpoint = Endpoint(EndpointSettings(uri, reconnect=False, max_message_bytes=LIMIT), listener)
        endpoint.start()
        async with asyncio.timeout(60):
            await listener.ended.wait()
        return listener


def read(runner: asyncio.Runner, bench: Bench, data: bytes) -> None:
    settings, sent = data[:1], data[1:]
    listener = runner.run(bench.connect(settings[0] if settings else 0, sent))
    assert bench.faults.seen == [] and bench.strays == []
    assert [event[0] for event in listener.events] == ["connected", "disconnected"], listener.events
    _, code, reason = listener.events[1]
    assert 1000 <= code <= 4999 and reason.isprintable()
    assert all(len(message) <= LIMIT for _, message in listener.messages)
    if not bench.server.extension:
        messages, faulty = plain_messages(sent)
        # What comes in one segment with a fault may be lost with it; nothing else may be told.
        assert listener.messages == messages or (faulty and listener.messages == messages[: len(listener.messages)])


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    payload = draw(
        st.binary(max_size=20)
        | st.sampled_from([b"{}", b"\x03\xe8ok", b"\x00", b"\xff\xfe", b"x" * 126, b"x" * 4097, b"\x03\xed"])
    )
    first = draw(st.sampled_from([FIN] * 6 + [0, 0, FIN | RSV1, RSV1, FIN | RSV2])) | draw(
        st.sampled_from([TEXT] * 4 + [BINARY, CONTINUATION, CLOSE, PING, PONG, 3, 11])
    )
    if first & RSV1 and draw(st.booleans()):
        packer = zlib.compressobj(wbits=-15)
        payload = (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    size = (
        len(payload)
        if draw(st.integers(0, 9))
        else draw(st.sampled_from([0, 125, 126, 65536, 2**31, 2**63, 2**64 - 1]))
    )
    mask = 0x80 if draw(st.integers(0, 19)) == 0 else 0
    if size < 126 and draw(st.integers(0, 9)):
        return bytes([first, size | mask]) + payload
    if size < 65536 and draw(st.integers(0, 9)):
        return struct.pack("!BBH", first, 126 | mask, size) + payload
    return struct.pack("!BBQ", first, 127 | mask, size) + payload


inputs = st.tuples(st.integers(0, 2), st.lists(frames(), max_size=8)).map(
    lambda each: bytes([each[0]]) + b"".join(each[1])
)


def test_websocket() -> None:
    bench = Bench()
    logging.getLogger("mod_openai_realtime").addHandler(bench.faults)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(bench.open())
            try:
                fuzz("websocket", lambda data: read(runner, bench, data), inputs)
            finally:
                runner.run(bench.close())
    finally:
        logging.getLogger("mod_openai_realtime").removeHandler(bench.faults)
