"""Who may hold a connection for metrics, and for how long."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from threads import in_thread

from mod_openai_realtime.accepting import PAUSE_S
from mod_openai_realtime.observe.metrics import CONNECTION_S, MAX_CONNECTIONS, MetricsServer


class Rig:
    def __init__(self) -> None:
        self.now = 0.0
        listener = socket.create_server(("127.0.0.1", 0))
        self.server = MetricsServer(listener, CollectorRegistry(auto_describe=False), lambda: self.now)
        self.address: tuple[str, int] = listener.getsockname()
        self._served = in_thread(lambda: self.server.serve_forever(poll_interval=0.01))

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=30)

    def scrape(self) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.address[1]}/metrics", timeout=30) as answer:
            return int(answer.status)

    def close(self) -> None:
        self.server.shutdown()
        self._served.result(60)
        self.server.server_close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.close()


@pytest.mark.parametrize("begun", [b"", b"GET /metrics HTTP/1.1\r\nHost: "])
def test_a_connection_that_asks_nothing_or_not_all_is_ended(rig: Rig, begun: bytes) -> None:
    with rig.connect() as idle:
        idle.sendall(begun)
        assert rig.scrape() == 200, "it was accepted after the other"
        rig.now = CONNECTION_S + 1
        while idle.recv(4096):
            pass
        assert rig.scrape() == 200


def test_the_oldest_connection_makes_room(rig: Rig) -> None:
    idle = [rig.connect() for _ in range(MAX_CONNECTIONS + 3)]
    for oldest in idle[:3]:
        assert oldest.recv(1) == b""
    assert rig.scrape() == 200
    assert idle[3].recv(1) == b""
    idle[-1].sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    assert idle[-1].recv(15) == b"HTTP/1.0 200 OK"
    for connection in idle:
        connection.close()


def test_without_a_descriptor_nothing_is_accepted_for_a_second(caplog: pytest.LogCaptureFixture) -> None:
    class Exhausted(socket.socket):
        def accept(self) -> tuple[socket.socket, Any]:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    class Pauses(threading.Event):
        waits: list[float | None] = []  # noqa: RUF012

        def wait(self, timeout: float | None = None) -> bool:
            self.waits.append(timeout)
            return False

    listener = Exhausted()
    listener.bind(("127.0.0.1", 0))
    server = MetricsServer(listener, CollectorRegistry(auto_describe=False), lambda: 0.0)
    pauses = server._stopping = Pauses()
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            server.handle_request()
    server.server_close()
    assert pauses.waits == [PAUSE_S] * 5
    assert len(caplog.records) == 1
