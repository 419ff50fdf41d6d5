"""A peer that vanishes without a word, or takes nothing any more, is lost: with and without a heart-beat."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, cast

import pytest
from black_hole import swallow

from mod_openai_realtime.realtime import dial
from mod_openai_realtime.realtime.dial import UNACKNOWLEDGED_S
from mod_openai_realtime.realtime.endpoint import Endpoint

from .conftest import Bench, Recorder, answer_handshake

LOST = ("disconnected", 1006, f"Nothing acknowledged for {UNACKNOWLEDGED_S} s")


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of 10 s: the kernel counts them by its own clock."""
    monkeypatch.setattr(dial, "UNACKNOWLEDGED_S", 1)
    for name in ("_KEEPALIVE_IDLE_S", "_KEEPALIVE_INTERVAL_S", "_KEEPALIVE_PROBES"):
        monkeypatch.setattr(dial, name, 1)


async def vanishes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer_handshake(reader, writer)
    await writer.drain()
    swallow(cast(Any, writer.get_extra_info("socket")))
    await asyncio.Event().wait()


async def reads_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer_handshake(reader, writer)
    cast(asyncio.Transport, writer.transport).pause_reading()
    await asyncio.Event().wait()


async def until_lost(endpoint: Endpoint, recorder: Recorder, message: bytes, each_s: float) -> tuple[Any, ...]:
    """What is told, where a message is sent every so often."""
    lost = asyncio.ensure_future(recorder.until("disconnected"))
    while not lost.done():
        endpoint.send_text(message)
        await asyncio.wait([lost], timeout=each_s)
    return lost.result()


async def test_where_nothing_is_acknowledged_the_connection_is_lost(bench: Bench) -> None:
    port = await bench.raw_server(vanishes)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False)
    await recorder.until("connected")
    assert await until_lost(endpoint, recorder, b"x" * 1000, 0.02) == LOST


async def test_a_peer_that_reads_nothing_is_lost(bench: Bench) -> None:
    port = await bench.raw_server(reads_nothing)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False, deflate=False)
    await recorder.until("connected")
    assert await until_lost(endpoint, recorder, b"x" * 500_000, 0.02) == LOST


async def test_a_peer_that_has_vanished_is_lost_though_nothing_is_sent(bench: Bench) -> None:
    port = await bench.raw_server(vanishes)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False)
    assert await recorder.until("disconnected") == LOST


async def test_a_peer_that_is_slow_is_not_lost(bench: Bench) -> None:
    read = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal read
        await answer_handshake(reader, writer)
        with contextlib.suppress(asyncio.IncompleteReadError):
            while chunk := await reader.read(10_000):
                read += len(chunk)
                await asyncio.sleep(0.01)

    port = await bench.raw_server(serve)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False, deflate=False)
    await recorder.until("connected")
    for _ in range(8):
        endpoint.send_text(b"x" * 250_000)
    while read < 2_000_000:
        assert recorder.names == ["connected"] or "disconnected" not in recorder.names
        await asyncio.sleep(0.01)
