"""What a receive buffer has grown to, and needs no more, is the kernel's again."""

from __future__ import annotations

import ctypes
import mmap
import os
import ssl

import pytest
from websockets.asyncio.server import ServerConnection

from mod_openai_realtime.realtime import websocket
from mod_openai_realtime.realtime.endpoint import TlsSettings
from mod_openai_realtime.realtime.unused_memory import release

from .conftest import Bench

MIB = 1 << 20


def test_what_is_free_is_given_back_but_for_the_pages_at_its_ends() -> None:
    buffer = bytearray(b"x" * 8 * MIB)
    release(memoryview(buffer)[1000:-1000])
    assert buffer[:1000] == buffer[-1000:] == b"x" * 1000
    assert buffer.count(b"x") <= 2000 + 2 * mmap.PAGESIZE


@pytest.mark.parametrize("size", [1, mmap.PAGESIZE - 1])
def test_of_less_than_a_page_nothing_is_given_back(size: int) -> None:
    buffer = bytearray(b"x" * 4 * mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    inside = -address % mmap.PAGESIZE + 1
    release(memoryview(buffer)[inside : inside + size])
    assert buffer.count(b"x") == len(buffer)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_a_connection_that_had_a_large_message_does_not_keep_its_memory(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    server_tls: ssl.SSLContext,
    ca_file: str,
    scheme: str,
) -> None:
    released: list[int] = []

    def watched(memory: memoryview) -> None:
        released.append(len(memory))
        release(memory)

    monkeypatch.setattr(websocket, "release", watched)
    sent = [os.urandom(24 * MIB), os.urandom(7 * MIB), b"small", os.urandom(3 * MIB)] + [b"small"] * 3

    async def send(connection: ServerConnection) -> None:
        for message in sent:
            await connection.send(message)
        await connection.wait_closed()

    port = await bench.serve(send, compression=None, ssl=server_tls if scheme == "wss" else None)
    _, recorder = bench.endpoint(f"{scheme}://127.0.0.1:{port}/", deflate=False, tls=TlsSettings(ca_file))
    await recorder.until("binary", len(sent) - 1)
    assert [message for _, message in recorder.named("binary")] == sent[1:]
    assert recorder.named("dropped")
    assert len(released) == 3 and all(each > 24 * MIB for each in released)
