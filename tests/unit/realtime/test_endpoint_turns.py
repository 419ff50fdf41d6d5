"""How much of one connection is worked off in one turn of the event loop, and in which order."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from mod_openai_realtime.realtime import websocket
from mod_openai_realtime.realtime.deflate import STEP_BYTES
from mod_openai_realtime.realtime.endpoint import Endpoint, TlsSettings
from mod_openai_realtime.realtime.share import BYTE_NS, FRAME_NS, TURN_NS, Share

from .conftest import Bench, Recorder, answer_handshake
from .test_endpoint_misbehaviour import CLOSE, FIN, PING, PONG, RSV1, TEXT, frame

MIB = 1 << 20
FLOOD = 10_000
END = frame(FIN | TEXT, b"end")
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


def deflated(message: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return frame(FIN | RSV1 | TEXT, (stream.compress(message) + stream.flush(zlib.Z_FULL_FLUSH))[:-4])


def work_ns(frames: int, size: int) -> int:
    return frames * (FRAME_NS + size * BYTE_NS)


class Turns:
    """Counts the turns of the running loop."""

    def __init__(self) -> None:
        self.count = -1
        self._turn()

    def _turn(self) -> None:
        self.count += 1
        self._handle = asyncio.get_running_loop().call_soon(self._turn)

    def stop(self) -> None:
        self._handle.cancel()


@pytest_asyncio.fixture
async def turns(bench: Bench) -> AsyncIterator[Turns]:
    turns = Turns()
    yield turns
    turns.stop()


async def flooded(
    bench: Bench, data: bytes, tls: ssl.SSLContext | None = None, **settings: Any
) -> tuple[Endpoint, Recorder]:
    """A connection on which this comes as soon as it is there."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_handshake(reader, writer, DEFLATE, data)
        while await reader.read(65536):
            pass

    port = await bench.raw_server(serve, tls)
    uri = f"ws{'s' * (tls is not None)}://127.0.0.1:{port}/"
    endpoint, recorder = bench.endpoint(uri, reconnect=False, tls=TlsSettings("NONE"), **settings)
    await recorder.until("connected")
    return endpoint, recorder


FLOODS = {
    "pings": (frame(FIN | PING) * FLOOD, work_ns(FLOOD, 0)),
    "pongs": (frame(FIN | PONG) * FLOOD, work_ns(FLOOD, 0)),
    "texts": (frame(FIN | TEXT, b"1") * FLOOD, work_ns(FLOOD, 1)),
    "fragments": (frame(TEXT) + frame(0) * FLOOD + frame(FIN), work_ns(FLOOD, 0)),
    "audio": (frame(FIN | TEXT, b"a" * 1000) * 5000, work_ns(5000, 1000)),
    "long": (deflated(b"[" + b"[]," * (8 * MIB // 3 - 2) + b"0]") * 2, work_ns(2 * 8 * MIB // STEP_BYTES, STEP_BYTES)),
    "bombs": (deflated(bytes(32 * MIB - 64)) * 2, work_ns(2 * 32 * MIB // STEP_BYTES, STEP_BYTES)),
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_takes_as_many_turns_as_it_is_much_work(
    bench: Bench, turns: Turns, flood: str, tls: bool, server_tls: ssl.SSLContext
) -> None:
    data, work = FLOODS[flood]
    _, recorder = await flooded(
        bench, data + END, server_tls if tls else None, take_audio=lambda payload: payload[:1] == b"a"
    )
    begun = turns.count
    while ("text", b"end") not in recorder.events[-1:]:
        await recorder.changed()
    # A turn is over when it is spent: no more than one step too late.
    assert turns.count - begun >= work // (TURN_NS + work_ns(1, STEP_BYTES)) - 1


@pytest.mark.parametrize("size", [1000, 4000, 13_000])
async def test_the_last_of_a_burst_does_not_wait_for_more_to_come(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, server_tls: ssl.SSLContext, size: int
) -> None:
    """Where a turn ends with the last of it in the TLS layer, and nothing left in the socket."""
    now = 0

    def slow(self: Recorder, payload: bytes) -> None:
        nonlocal now
        now += TURN_NS
        self._note("text", payload[:3])

    monkeypatch.setattr(websocket, "Share", lambda: Share(lambda: now))
    monkeypatch.setattr(Recorder, "on_text", slow)
    for count in range(1, 20):
        data = frame(FIN | TEXT, b"a" * size) * count + END
        _, recorder = await flooded(bench, data, server_tls)
        await recorder.until("text", count + 1)
        assert recorder.events[-1] == ("text", b"end")


async def test_many_floods_take_as_many_turns_as_all_of_them_are_work(bench: Bench, turns: Turns) -> None:
    begun = turns.count
    recorders = [(await flooded(bench, frame(FIN | TEXT, b"1") * FLOOD + END))[1] for _ in range(10)]
    for recorder in recorders:
        while ("text", b"end") not in recorder.events[-1:]:
            await recorder.changed()
    assert turns.count - begun >= 10 * work_ns(FLOOD, 1) // (TURN_NS + work_ns(1, 0)) - 10


async def test_others_have_their_say_while_a_flood_is_worked_off(bench: Bench) -> None:
    async def answer(connection: Any) -> None:
        async for message in connection:
            await connection.send(message)

    other, others = bench.endpoint(f"ws://127.0.0.1:{await bench.serve(answer)}/")
    await others.until("connected")
    _, recorder = await flooded(bench, frame(FIN | TEXT, b"1") * 10 * FLOOD + END)
    answers = 0
    while ("text", b"end") not in recorder.events[-1:]:
        answers += 1
        other.send_text(b"?")
        await others.until("text", answers)
    assert answers >= 20


async def test_time_that_a_message_takes_ends_a_turn(
    bench: Bench, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0
    monkeypatch.setattr(websocket, "Share", lambda: Share(lambda: now))
    of_turn: list[int] = []

    def slow(self: Recorder, payload: bytes) -> None:
        nonlocal now
        now += TURN_NS // 2
        of_turn.append(turns.count)
        self._note("text", payload)

    monkeypatch.setattr(Recorder, "on_text", slow)
    _, recorder = await flooded(bench, frame(FIN | TEXT, b"1") * 20)
    await recorder.until("text", 20)
    assert max(of_turn.count(turn) for turn in of_turn) == 2


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_everything_comes_once_and_in_the_order_in_which_it_was_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tls: bool, server_tls: ssl.SSLContext
) -> None:
    data, expected = b"", []
    for number in range(2000):
        text = b"%d" % number
        audio = b"audio %d" % number
        data += frame(FIN | TEXT, audio) + frame(FIN | PING, text)
        if number % 500 == 0:
            text += b" " * MIB
            data += deflated(text)
        elif number % 2:
            data += frame(TEXT, text[:1]) + frame(FIN | PING) + frame(0) + frame(FIN, text[1:])
        else:
            data += frame(FIN | TEXT, text)
        expected += [audio, text]
    came: list[bytes] = []

    def take_audio(payload: memoryview) -> bool:
        is_audio = payload[:5] == b"audio"
        if is_audio:
            came.append(bytes(payload))
        return is_audio

    monkeypatch.setattr(Recorder, "on_text", lambda self, payload: came.append(payload))
    _, recorder = await flooded(
        bench, data + frame(FIN | CLOSE, b"\x03\xe9"), server_tls if tls else None, take_audio=take_audio
    )
    await recorder.until("ended")
    assert came == expected
    assert recorder.events == [("connected",), ("disconnected", 1001, ""), ("ended",)]


async def test_a_stop_in_the_middle_of_a_flood_is_the_end_of_it(bench: Bench) -> None:
    endpoint, recorder = await flooded(bench, frame(FIN | TEXT, b"1") * FLOOD + deflated(bytes(8 * MIB)) * 50)
    await recorder.until("text")
    told = len(recorder.named("text"))
    assert told < FLOOD
    endpoint.stop()
    await recorder.until("ended")
    assert len(recorder.named("text")) == told


async def test_of_a_flood_behind_a_stop_nothing_is_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint, recorder = await flooded(bench, frame(FIN | TEXT, b"1") * 50 * FLOOD)
    await recorder.until("text")
    kept: list[int] = []
    monkeypatch.setattr(websocket, "_copy", lambda opcode, frame: kept.append(opcode))
    endpoint.stop()
    await recorder.until("ended")
    assert kept == []


async def test_a_connection_that_is_ended_in_a_message_tells_of_none_behind_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken_ill(self: Recorder, payload: bytes) -> None:
        self._note("text", payload)
        if payload == b"ill":
            endpoint.fail_connection("enough")

    monkeypatch.setattr(Recorder, "on_text", taken_ill)
    data = frame(FIN | TEXT, b"1") * 2000 + frame(FIN | TEXT, b"ill") + frame(FIN | TEXT, b"2") * 2000
    endpoint, recorder = await flooded(bench, data)
    await recorder.until("ended")
    assert [event[1] for event in recorder.named("text")] == [b"1"] * 2000 + [b"ill"]
    assert recorder.events[-2:] == [("disconnected", 1008, "enough"), ("ended",)]
