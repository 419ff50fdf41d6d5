"""Against servers that break rules, stall, or vanish."""

import asyncio
import ctypes
import gc
import logging
import re
import socket
import ssl
import struct
import zlib
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from mod_openai_realtime.realtime import attempt
from mod_openai_realtime.realtime.endpoint import TlsSettings
from mod_openai_realtime.realtime.sending import BINARY, CONGESTED_BYTES

from .conftest import Bench, Recorder, answer_handshake

TEXT, PING, PONG, CLOSE = 0x1, 0x9, 0xA, 0x8
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10


def frame(first_byte: int, payload: bytes = b"") -> bytes:
    size = len(payload)
    if size < 126:
        return bytes([first_byte, size]) + payload
    if size < 65536:
        return struct.pack("!BBH", first_byte, 126, size) + payload
    return struct.pack("!BBQ", first_byte, 127, size) + payload


async def answered(bench: Bench, answer: bytes, **settings: Any) -> tuple[Any, ...]:
    """What is told of an attempt at a server that answers the handshake so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/?key=hidden", **settings)
    return await recorder.until("failed")


async def sent(bench: Bench, data: bytes, extra: bytes = b"", **settings: Any) -> tuple[Recorder, asyncio.Queue[bytes]]:
    """A connection on which the server sends `data` right behind its handshake, and reads until the end."""
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_handshake(reader, writer, extra, data)
        while chunk := await reader.read(65536):
            received.put_nowait(chunk)

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False, **settings)
    return recorder, received


def unmask(data: bytes) -> tuple[int, bytes]:
    """The opcode and the payload of a short frame of the client's."""
    assert data[1] & 0x80
    size = data[1] & 0x7F
    mask, payload = data[2:6], data[6 : 6 + size]
    return data[0] & 0xF, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@pytest.mark.parametrize(
    ("answer", "error", "status"),
    [
        (b"HTTP/1.1 401 sk-secret\r\n\r\n", "HTTP 401 Unauthorized", 401),
        (b"HTTP/1.1 500\r\n\r\n", "HTTP 500 Internal Server Error", 500),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n", "HTTP 403 Forbidden", 403),
        (b"HTTP/1.1 520 Odd\r\n\r\n", "HTTP 520", 520),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n", "HTTP 302 Found", 302),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP 200 OK", 200),
        (b"SSH-2.0-x\r\n\r\n", "Server's answer is not HTTP", 0),
        (b"\xff\xfe\r\n\r\n", "Server's answer is not HTTP", 0),
        (b"x" * 20_000, "Server's answer is not HTTP", 0),
        (b"", "Connection closed during the handshake", 0),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpg", "Connection closed during the handshake", 0),
    ],
)
async def test_bad_answers_are_failed_attempts_with_a_reason(
    bench: Bench, answer: bytes, error: str, status: int
) -> None:
    event = await answered(bench, answer)
    assert (event[1], event[2], event[4]) == (1, error, status)


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\n",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: sk-secret\r\n",
        b"Upgrade: websocket\r\nbroken sk-secret\r\n",
    ],
)
async def test_a_wrong_handshake_is_a_failed_attempt(bench: Bench, headers: bytes) -> None:
    event = await answered(bench, b"HTTP/1.1 101 Switching Protocols\r\n" + headers + b"\r\n")
    assert event[2].startswith("Invalid WebSocket handshake: ")
    assert "sk-secret" not in event[2]
    assert event[4] == 101


@pytest.mark.parametrize("deflate", [True, False])
async def test_an_extension_that_can_not_be_kept_to_is_a_failed_attempt(bench: Bench, deflate: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bits = b"; server_max_window_bits=99" if deflate else b""
        await answer_handshake(reader, writer, b"Sec-WebSocket-Extensions: permessage-deflate" + bits + b"\r\n")
        await reader.read()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", deflate=deflate)
    event = await recorder.until("failed")
    assert event[2].startswith("Invalid WebSocket handshake: ")
    assert "connected" not in recorder.names


async def test_a_server_that_never_answers_is_given_up_in_time(bench: Bench) -> None:
    gone: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        gone.put_nowait(await reader.read())

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", connect_timeout_s=0.05)
    assert (await recorder.until("failed"))[2] == "Connection timed out"
    assert await asyncio.wait_for(gone.get(), 20) == b""


async def test_a_stop_during_the_handshake_ends_at_once_and_leaves_no_socket(bench: Bench) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        gone.set()

    port = await bench.raw_server(serve)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    await asyncio.wait_for(asked.wait(), 20)
    endpoint.stop()
    await asyncio.sleep(0)
    assert recorder.events == [("ended",)]
    await asyncio.wait_for(gone.wait(), 20)


async def test_a_connection_that_breaks_without_a_close_frame_is_1006(bench: Bench) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_handshake(reader, writer)
        await writer.drain()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    assert await recorder.until("disconnected", 2) == ("disconnected", 1006, "Connection lost")


async def test_a_reset_is_1006(bench: Bench) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_handshake(reader, writer)
        await reader.readexactly(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    port = await bench.raw_server(serve)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False)
    await recorder.until("connected")
    endpoint.send_text(b"hello")
    assert (await recorder.until("disconnected"))[1] == 1006
    await recorder.until("ended")


async def test_a_server_that_stops_reading_fills_a_buffer_that_is_told_and_stop_is_bounded(bench: Bench) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_handshake(reader, writer)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    port = await bench.raw_server(serve)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    await recorder.until("connected")
    assert endpoint.buffered_bytes == 0
    while endpoint.buffered_bytes < 1_000_000:
        assert endpoint.send_binary(b"x" * 100_000)
    endpoint.stop()
    await recorder.until("ended")
    assert recorder.events[-2:] == [("disconnected", 1006, "No answer to the close frame"), ("ended",)]
    assert endpoint.buffered_bytes == 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_congested_connection_says_so_once_each_way_and_keeps_what_was_sent_from_a_buffer_that_is_used_again(
    bench: Bench, server_tls: ssl.SSLContext, tls: bool
) -> None:
    reads, all_read, got = asyncio.Event(), asyncio.Event(), []

    async def read(connection: ServerConnection) -> None:
        await reads.wait()
        while (message := await connection.recv()) != "the last":
            got.append(message)
        all_read.set()
        await connection.wait_closed()

    port = await bench.serve(read, ssl=server_tls if tls else None)
    endpoint, recorder = bench.endpoint(f"ws{'s' * tls}://127.0.0.1:{port}/", deflate=False, tls=TlsSettings("NONE"))
    await recorder.until("connected")
    buffer, sent = bytearray(100_016), []
    send = endpoint.send_buffer
    assert send is not None
    while not recorder.named("congested"):
        assert endpoint.buffered_bytes <= CONGESTED_BYTES
        sent.append(bytes([len(sent) % 256]) * 100_000)
        buffer[16:] = sent[-1]
        send(BINARY, buffer, 16)
    assert endpoint.buffered_bytes > CONGESTED_BYTES
    assert recorder.named("congested") == [("congested", True)]
    endpoint.send_text(b"the last")
    reads.set()
    async with asyncio.timeout(20):
        await all_read.wait()
    assert got == sent
    assert endpoint.buffered_bytes == 0 and recorder.named("congested")[1:] == [("congested", False)]


async def test_what_comes_in_one_segment_with_the_handshake_is_not_lost(bench: Bench) -> None:
    recorder, _ = await sent(bench, frame(FIN | TEXT, b"early") + frame(FIN | CLOSE, b"\x03\xe9bye"))
    await recorder.until("ended")
    assert recorder.events == [
        ("connected",),
        ("text", b"early"),
        ("disconnected", 1001, "bye"),
        ("ended",),
    ]


@pytest.mark.parametrize(
    ("payload", "code", "reason", "echoed"),
    [
        (b"", 1005, "", 1000),
        (b"\x03\xe8", 1000, "", 1000),
        (b"\x0f\xa0maximum\r\nduration\x00", 4000, "maximum  duration ", 4000),
    ],
)
async def test_close_frames_are_reported_and_answered(
    bench: Bench, payload: bytes, code: int, reason: str, echoed: int
) -> None:
    recorder, received = await sent(bench, frame(FIN | CLOSE, payload))
    await recorder.until("ended")
    assert recorder.named("disconnected") == [("disconnected", code, reason)]
    assert unmask(await received.get()) == (CLOSE, echoed.to_bytes(2, "big"))


@pytest.mark.parametrize(
    "data",
    [
        frame(FIN | CLOSE, b"\x03"),
        frame(FIN | CLOSE, b"\x03\xe8\xff"),
        frame(FIN | CLOSE, b"\x00\x01"),
        *(frame(FIN | CLOSE, code.to_bytes(2, "big")) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535)),
        frame(FIN | RSV1 | TEXT, b"a"),
        frame(FIN | RSV2 | TEXT, b"a"),
        *(frame(FIN | reserved | opcode) for reserved in (RSV1, RSV2, RSV3) for opcode in (PING, PONG, CLOSE)),
        frame(FIN | 0x3, b"a"),
        frame(FIN | 0x0, b"a"),
        frame(TEXT, b"a") + frame(FIN | TEXT, b"a"),
        frame(PONG, b"a"),
        bytes([FIN | TEXT, 0x81, 0, 0, 0, 0, 1]),
    ],
)
async def test_a_violation_of_the_protocol_ends_the_connection(bench: Bench, data: bytes) -> None:
    recorder, received = await sent(bench, data)
    event = await recorder.until("disconnected")
    assert event[1] == 1006
    assert event[2].startswith("Protocol error: ")
    await recorder.until("ended")
    opcode, payload = unmask(await received.get())
    assert opcode == CLOSE
    assert payload[:2] in (b"\x03\xea", b"\x03\xef")


@pytest.mark.parametrize(
    "wrong",
    [
        frame(FIN | CLOSE, b"\x00\x01"),
        frame(FIN | CLOSE, b"\x13\x88"),
        frame(FIN | CLOSE, b"\x03\xe8\xff"),
        frame(FIN | RSV2 | PING),
        frame(FIN | 0x3),
        frame(PING),
    ],
)
async def test_nothing_is_told_of_what_comes_behind_a_violation(bench: Bench, wrong: bytes) -> None:
    late = frame(FIN | TEXT, b"late") + frame(FIN | PING) + frame(FIN | CLOSE, b"\x03\xe8")
    recorder, received = await sent(bench, wrong + late)
    await recorder.until("ended")
    assert ("text", b"late") not in recorder.events
    [disconnected] = recorder.named("disconnected")
    assert disconnected[1] == 1006
    assert disconnected[2].startswith("Protocol error: ")
    frames = await received.get()
    assert frames[0] == FIN | CLOSE
    assert len(frames) == 2 + 4 + (frames[1] & 0x7F)


@pytest.mark.parametrize(
    "wrong", [frame(FIN | 0x3), frame(FIN | CLOSE, b"\x03"), frame(FIN | RSV2 | TEXT) + frame(FIN | 0x3)]
)
async def test_a_violation_leaves_no_trace_in_the_log(
    bench: Bench, wrong: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    recorder, _ = await sent(bench, wrong)
    await recorder.until("ended")
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert caplog.records == []


@pytest.mark.parametrize(
    ("rest", "asked"),
    [
        ("", "/"),
        ("/", "/"),
        ("?", "/?"),
        ("/?", "/?"),
        ("?x=/&y=?", "/?x=/&y=?"),
        ("/a//b;c=1;d?x;y", "/a//b;c=1;d?x;y"),
        ("//b/%2e/../?", "//b/%2e/../?"),
    ],
)
async def test_a_server_is_asked_for_path_and_query_as_they_stand(bench: Bench, rest: str, asked: str) -> None:
    lines: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        lines.put_nowait(await reader.readline())

    port = await bench.raw_server(serve)
    bench.endpoint(f"ws://127.0.0.1:{port}{rest}", reconnect=False)
    async with asyncio.timeout(20):
        assert await lines.get() == f"GET {asked} HTTP/1.1\r\n".encode()


async def test_no_mask_can_be_foreseen(bench: Bench) -> None:
    seed = ctypes.CDLL(None).srandom
    masks: list[bytes] = []
    for _ in range(2):
        # As two processes begin.
        seed(1)
        _, received = await sent(bench, frame(FIN | PING, b"?"))
        masks.append((await received.get())[2:6])
    assert masks[0] != masks[1]


@pytest.mark.parametrize(
    "data",
    [
        frame(FIN | TEXT, b"\xff\xfe"),
        frame(TEXT, b"\xc3") + frame(FIN, b"("),
        frame(FIN | TEXT, b"\xed\xa0\x80"),
    ],
)
async def test_a_text_that_is_no_utf_8_ends_the_connection(bench: Bench, data: bytes) -> None:
    recorder, received = await sent(bench, frame(FIN | TEXT, "schön".encode()) + data + frame(FIN | TEXT, b"late"))
    assert await recorder.until("disconnected") == ("disconnected", 1006, "Protocol error: a text is not UTF-8")
    assert recorder.named("text") == [("text", "schön".encode())]
    opcode, payload = unmask(await received.get())
    assert (opcode, payload[:2]) == (CLOSE, (1007).to_bytes(2, "big"))


async def test_a_character_over_two_frames_is_one(bench: Bench) -> None:
    recorder, _ = await sent(bench, frame(TEXT, b"\xc3") + frame(FIN, b"\xb6"))
    assert await recorder.until("text") == ("text", "ö".encode())


async def test_whole_text_messages_are_offered_and_what_was_taken_is_not_told(bench: Bench) -> None:
    offered: list[bytes] = []

    def take_audio(payload: memoryview) -> bool:
        offered.append(bytes(payload))
        if payload[:5] == b"fault":
            raise ValueError("a fault of ours")
        return payload[:5] == b"audio"

    data = b"".join(
        [
            frame(FIN | TEXT, b"audio"),
            frame(FIN | TEXT, b"else"),
            frame(FIN | BINARY, b"audio"),
            frame(TEXT, b"au"),
            frame(FIN, b"dio"),
            frame(FIN | TEXT, b"audio" + b"a" * 1000),
            frame(FIN | TEXT, b"fault"),
            frame(FIN | TEXT, b"audio again"),
            frame(FIN | TEXT, b"end"),
        ]
    )
    recorder, _ = await sent(bench, data, take_audio=take_audio, max_message_bytes=1000)
    await recorder.until("text", 3)
    assert offered == [b"audio", b"else", b"fault", b"audio again", b"end"]
    told = [event for event in recorder.events if event[0] in ("text", "binary", "dropped")]
    assert told == [
        ("text", b"else"),
        ("binary", b"audio"),
        ("text", b"audio"),
        ("dropped", "incoming message over 1000 bytes dropped"),
        ("text", b"end"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        frame(FIN | RSV1 | TEXT, b"audio"),
        frame(FIN | RSV2 | TEXT, b"audio"),
        frame(TEXT, b"au") + frame(FIN | TEXT, b"audio"),
    ],
)
async def test_what_breaks_the_protocol_is_not_offered(bench: Bench, wrong: bytes) -> None:
    offered: list[bytes] = []
    recorder, _ = await sent(bench, wrong, take_audio=lambda payload: not offered.append(bytes(payload)))
    event = await recorder.until("disconnected")
    assert event[2].startswith("Protocol error: ")
    assert offered == []


async def test_messages_over_the_limit_are_dropped_and_the_connection_lives(bench: Bench) -> None:
    data = frame(FIN | TEXT, b"a" * 1001) + frame(TEXT, b"a" * 900) + frame(FIN, b"a" * 900) + frame(FIN | TEXT, b"ok")
    recorder, _ = await sent(bench, data, max_message_bytes=1000)
    await recorder.until("text")
    assert recorder.events == [
        ("connected",),
        ("dropped", "incoming message over 1000 bytes dropped"),
        ("dropped", "incoming message over 1000 bytes dropped"),
        ("text", b"ok"),
    ]


async def test_a_frame_far_over_the_limit_ends_the_connection_before_it_is_read(bench: Bench) -> None:
    recorder, _ = await sent(bench, struct.pack("!BBQ", FIN | TEXT, 127, 2**40))
    event = await recorder.until("disconnected")
    assert event[1] == 1006
    assert "exceeding max allowed size" in event[2]


async def test_compressed_messages_over_the_limit_are_dropped_and_the_next_is_read(bench: Bench) -> None:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)

    def squeezed(message: bytes) -> bytes:
        return frame(FIN | RSV1 | TEXT, (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4])

    data = squeezed(b"hello world") + squeezed(b"hello world" * 200) + squeezed(b"hello world")
    extra = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    recorder, _ = await sent(bench, data, extra, max_message_bytes=1000)
    await recorder.until("text", 2)
    assert recorder.names == ["connected", "text", "dropped", "text"]
    assert recorder.events[-1] == ("text", b"hello world")


async def test_a_fault_in_the_listener_costs_one_message_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def faulty(self: Recorder, payload: bytes) -> None:
        raise LookupError

    monkeypatch.setattr(Recorder, "on_text", faulty)
    recorder, _ = await sent(bench, frame(FIN | TEXT, b"sk-secret") + frame(FIN | 0x2, b"binary"))
    await recorder.until("binary")
    assert recorder.names == ["connected", "binary"]
    assert "LookupError" in caplog.text
    assert "sk-secret" not in caplog.text


async def test_no_log_line_of_any_level_tells_key_query_or_payload(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(1)
    monkeypatch.setattr(attempt._library_log, "parent", logging.getLogger())
    for answer in (b"HTTP/1.1 401 sk-key\r\n\r\nsk-key", b"garbage sk-key\r\n\r\n", b""):
        headers = (("Authorization", "Bearer sk-key"),)
        event = await answered(bench, answer, headers=headers, reconnect=False)
        assert not re.search("sk-key|hidden", repr(event))
    recorder, _ = await sent(bench, frame(FIN | TEXT, b"sk-payload") + frame(FIN | 0x3, b"sk-payload"))
    await recorder.until("ended")
    assert caplog.records
    assert not re.search("sk-key|hidden|sk-payload", caplog.text)
