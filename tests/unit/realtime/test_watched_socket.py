"""An attempt that ends in its first turns, and the numbers that its sockets leave to those of others."""

import asyncio
import socket
import struct

import pytest

from mod_openai_realtime.realtime.watched_socket import WatchedSocket

from .conftest import Bench

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: a close resets the connection."""


async def all_new_sockets_are_read(count: int) -> None:
    """They take the lowest numbers that are free."""
    loop = asyncio.get_running_loop()
    pairs = [socket.socketpair() for _ in range(count)]
    unread = {ours for ours, _ in pairs}
    read = asyncio.Event()

    def take(ours: socket.socket) -> None:
        assert ours.recv(1) == b"x"
        unread.discard(ours)
        loop.remove_reader(ours)
        if not unread:
            read.set()

    for ours, peer in pairs:
        ours.setblocking(False)
        loop.add_reader(ours, take, ours)
        peer.send(b"x")
    try:
        async with asyncio.timeout(10):
            await read.wait()
    finally:
        for ours, peer in pairs:
            loop.remove_reader(ours)
            ours.close()
            peer.close()


async def test_a_socket_is_not_watched_any_more_once_it_is_closed() -> None:
    sock = WatchedSocket(socket.AF_INET, asyncio.get_running_loop())
    asyncio.get_running_loop().add_reader(sock, lambda: None)
    asyncio.get_running_loop().add_writer(sock, lambda: None)
    sock.close()
    sock.close()
    await all_new_sockets_are_read(4)


def test_a_socket_can_be_closed_after_its_loop() -> None:
    loop = asyncio.new_event_loop()
    sock = WatchedSocket(socket.AF_INET, loop)
    loop.close()
    sock.close()
    assert sock.fileno() == -1


@pytest.mark.parametrize("turns", range(12))
async def test_an_attempt_that_is_abandoned_in_any_turn_leaves_no_number_watched(bench: Bench, turns: int) -> None:
    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    port = await bench.raw_server(serve)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    for _ in range(turns):
        await asyncio.sleep(0)
    endpoint.stop()
    await recorder.until("ended")
    for _ in range(12):
        await asyncio.sleep(0)
    await all_new_sockets_are_read(12)


async def test_connections_that_are_reset_at_once_leave_no_number_watched(bench: Bench) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    port = await bench.raw_server(serve)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    await recorder.until("failed", 5)
    endpoint.stop()
    await recorder.until("ended")
    for _ in range(12):
        await asyncio.sleep(0)
    await all_new_sockets_are_read(12)
