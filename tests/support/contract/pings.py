"""A far end that shows what of a WebSocket the local endpoint does not: pings."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol


class PingCounter:
    """Takes any number of connections, one after the other; answers pings, or does not. Listens while it is entered."""

    def __init__(self, *, answers: bool = True) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, name="ping-counter", daemon=True)
        self._changed = threading.Condition()
        self._connection: socket.socket | None = None
        self._ending = False
        self.pings = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._listener.getsockname()[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Shut down what the thread waits for; it closes its connection itself."""
        with self._changed:
            self._ending = True
            self._listener.shutdown(socket.SHUT_RDWR)
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def wait_pings(self, count: int, timeout_s: float = 60.0) -> None:
        """Raises AssertionError if there are fewer by then."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.pings >= count, timeout_s), f"{self.pings} pings"

    def wait_connections(self, count: int, timeout_s: float = 60.0) -> None:
        """Raises AssertionError if there are fewer by then."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.connections >= count, timeout_s), f"{self.connections}"

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self._connection = connection
                ending = self._ending
            try:
                if not ending:
                    self._serve(connection)
            except OSError:
                continue
            finally:
                connection.close()

    def _serve(self, connection: socket.socket) -> None:
        protocol = ServerProtocol()
        while data := connection.recv(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                    self._count(connections=1)
                elif getattr(event, "opcode", None) is Opcode.PING:
                    self._count(pings=1)
            pong = self._answers or not self.pings
            for chunk in protocol.data_to_send():
                if chunk and pong:
                    connection.sendall(chunk)

    def _count(self, pings: int = 0, connections: int = 0) -> None:
        with self._changed:
            self.pings += pings
            self.connections += connections
            self._changed.notify_all()
