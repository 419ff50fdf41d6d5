"""The floor under everything: what the kernel and the TLS library take for a message, without any code of ours.

The reader is a process of its own that waits, as a server does: waking it is part of what a send costs.
"""

from __future__ import annotations

import multiprocessing
import socket
import ssl
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest
import trustme
from pytest_benchmark.fixture import BenchmarkFixture

MESSAGE_BYTES = 1336  # 20 ms at 24 kHz as an append message in a frame


def _drain(owner: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        owner.send(server.getsockname()[1])
        client, _ = server.accept()
        with client:
            while client.recv(1 << 16):
                pass


@pytest.fixture
def drained() -> Iterator[socket.socket]:
    """A connection whose other end reads all that comes, in its own process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_drain, args=(theirs,), daemon=True)
    process.start()
    with socket.create_connection(("127.0.0.1", ours.recv())) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection
    process.join(10)
    ours.close()
    theirs.close()


def test_send_over_tcp(benchmark: BenchmarkFixture, drained: socket.socket) -> None:
    assert benchmark(drained.send, bytes(MESSAGE_BYTES)) == MESSAGE_BYTES


def test_encrypt(benchmark: BenchmarkFixture) -> None:
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        for side in tuple(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    message = bytes(MESSAGE_BYTES)

    def encrypt() -> int:
        client.write(message)
        return len(to_server.read())

    assert benchmark(encrypt) > MESSAGE_BYTES
