"""What a receive buffer has grown to, and needs no more, is the kernel's again."""

from __future__ import annotations

import mmap
import os

from websockets.asyncio.server import ServerConnection

from mod_openai_realtime.realtime.unused_memory import WORTHWHILE_BYTES, UnusedMemory

from .conftest import Bench

MIB = 1 << 20


def test_what_has_become_free_is_given_back_but_for_the_pages_at_its_ends() -> None:
    buffer = bytearray(b"x" * 8 * MIB)
    unused = UnusedMemory()
    unused.note(memoryview(buffer)[-1000:])
    unused.note(memoryview(buffer)[1000:-1000])
    assert buffer[:1000] == buffer[-1000:] == b"x" * 1000
    assert buffer.count(b"x") <= 2000 + 2 * mmap.PAGESIZE


def test_nothing_is_given_back_while_a_buffer_is_being_filled_or_for_a_little() -> None:
    buffer = bytearray(b"x" * 8 * MIB)
    unused = UnusedMemory()
    unused.note(memoryview(buffer)[:WORTHWHILE_BYTES])
    for start in range(6 * MIB, 8 * MIB, 1000):
        unused.note(memoryview(buffer)[start:])
    assert buffer.count(b"x") == len(buffer)


async def test_a_connection_that_had_a_large_message_does_not_keep_its_memory(bench: Bench) -> None:
    sent = [os.urandom(24 * MIB), os.urandom(7 * MIB), b"small", os.urandom(3 * MIB)] + [b"small"] * 3

    async def send(connection: ServerConnection) -> None:
        for message in sent:
            await connection.send(message)
        await connection.wait_closed()

    port = await bench.serve(send, compression=None)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", deflate=False)
    await recorder.until("binary", len(sent) - 1)
    assert [message for _, message in recorder.named("binary")] == sent[1:]
    assert recorder.named("dropped")
