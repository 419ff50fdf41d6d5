"""Requests other than GET, on the port of the WebSocket: its library reads no body of a request."""

from dataclasses import dataclass

import h11
from websockets.asyncio.server import ServerConnection

_BODY_LIMIT_BYTES = 1024 * 1024
_HEAD_LIMIT_BYTES = 64 * 1024
_LONGEST_METHOD = len(b"CONNECT ")


@dataclass(frozen=True)
class Posted:
    """A whole request. `body` None: it was longer than 1 MiB, or was no HTTP."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


class Client(ServerConnection):
    """A client's connection. Of a request with a body, the library is told the path only; `posted` has the rest."""

    posted: Posted | None = None
    _head = b""
    _reader: h11.Connection | None = None
    _is_get = False

    def data_received(self, data: bytes) -> None:
        if self._is_get:
            super().data_received(data)
        elif self._reader is not None:
            self._read(data)
        elif self.posted is None:
            self._head += data
            method, blank, _ = self._head.partition(b" ")
            if method == b"GET" and blank:
                self._is_get = True
            elif blank or len(self._head) > _LONGEST_METHOD:
                self._begin(method)
                return
            else:
                return
            data, self._head = self._head, b""
            super().data_received(data)

    def _begin(self, method: bytes) -> None:
        self._asked: h11.Request | None = None
        self._body = b""
        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT_BYTES)
        data, self._head = self._head, b""
        self._read(data)

    def _read(self, data: bytes) -> None:
        assert self._reader is not None
        try:
            self._reader.receive_data(data)
            while (event := self._reader.next_event()) is not h11.NEED_DATA:
                if self._reader.they_are_waiting_for_100_continue:
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    self._reader.send(h11.InformationalResponse(status_code=100, headers=[]))
                if isinstance(event, h11.Request):
                    self._asked = event
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > _BODY_LIMIT_BYTES:
                        self._hand_over(None)
                        return
                else:
                    self._hand_over(self._body)
                    return
        except h11.RemoteProtocolError:
            self._hand_over(None)

    def _hand_over(self, body: bytes | None) -> None:
        asked, self._reader = self._asked, None
        method, path, headers = "", "/", {}
        if asked is not None:
            method, path = asked.method.decode("latin-1"), asked.target.decode("latin-1")
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in asked.headers}
        self.posted = Posted(method, path, headers, body)
        super().data_received(f"GET {path} HTTP/1.1\r\nHost: local\r\n\r\n".encode("latin-1"))
