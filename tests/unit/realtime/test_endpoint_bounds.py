"""What a server cannot make an endpoint keep, and how one is ended that tries."""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from mod_openai_realtime.realtime import dial
from mod_openai_realtime.realtime.sending import CONGESTED_BYTES

from .conftest import Bench, answer_handshake

PINGS = 100_000
PING_BYTES = 125
PONG_BYTES = 2 + 4 + PING_BYTES


def ping(number: int) -> bytes:
    return bytes([0x89, PING_BYTES]) + str(number).encode().rjust(PING_BYTES)


async def test_to_a_server_that_does_not_read_the_newest_pong_is_owed_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine so many pings take longer than a server may leave data unacknowledged.
    monkeypatch.setattr(dial, "UNACKNOWLEDGED_S", 300)
    done = asyncio.Event()
    pongs: list[int] = []
    may_read = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_handshake(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(PINGS):
            writer.write(ping(number))
            await writer.drain()
        writer.write(b"\x81\x04done")
        await may_read.wait()
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        while not pongs or pongs[-1] != PINGS - 1:
            frame = await reader.readexactly(PONG_BYTES)
            mask, masked = frame[2:6], frame[6:]
            pongs.append(int(bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))))
        done.set()

    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{await bench.raw_server(serve)}/", deflate=False)
    await recorder.until("text")
    assert CONGESTED_BYTES < endpoint.buffered_bytes <= CONGESTED_BYTES + PONG_BYTES
    may_read.set()
    async with asyncio.timeout(60):
        await done.wait()
    assert pongs[:1000] == list(range(1000))
    assert len(pongs) < PINGS


async def test_a_connection_that_is_ended_for_what_the_server_does_is_followed_by_another(bench: Bench) -> None:
    closed: list[tuple[int | None, str | None]] = []

    async def handler(connection: ServerConnection) -> None:
        await connection.wait_closed()
        closed.append((connection.close_code, connection.close_reason))

    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{await bench.serve(handler)}/")
    await recorder.until("connected")
    wait_ms = endpoint.fail_connection("too much of it")
    assert 0 < wait_ms <= 8
    assert recorder.events[-1] == ("disconnected", 1008, "too much of it")
    assert not endpoint.connected
    await recorder.until("connected", 2)
    assert closed == [(1008, "too much of it")]
    endpoint.stop()
    assert endpoint.fail_connection("again") == 0


async def test_while_reading_is_paused_nothing_comes_of_this_connection_or_the_next(bench: Bench) -> None:
    connections: list[ServerConnection] = []

    async def handler(connection: ServerConnection) -> None:
        connections.append(connection)
        await connection.wait_closed()

    uri = f"ws://127.0.0.1:{await bench.serve(handler)}/"
    endpoint, recorder = bench.endpoint(uri)
    await recorder.until("connected")
    _, other = bench.endpoint(uri)
    await other.until("connected")
    endpoint.pause_reading("one")
    endpoint.pause_reading("two")
    await connections[0].send("kept")
    await connections[1].send("sent after it")
    await other.until("text")
    assert recorder.named("text") == []
    endpoint.resume_reading("one")
    endpoint.resume_reading("nobody's")
    await connections[1].send("again")
    await other.until("text", 2)
    assert recorder.named("text") == []

    endpoint.fail_connection("another")
    await recorder.until("connected", 2)
    await connections[2].send("of the next")
    await connections[1].send("and again")
    await other.until("text", 3)
    assert recorder.named("text") == []
    endpoint.resume_reading("two")
    assert await recorder.until("text") == ("text", b"of the next")
