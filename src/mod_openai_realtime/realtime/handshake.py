"""What a server answers to the WebSocket handshake. Sans-I/O.

The WebSocket library takes one spelling of an agreement; RFC 6455 and HTTP allow many, and proxies use them. So the
answer is read as HTTP here, and an agreement is written anew in the library's spelling.
"""

from __future__ import annotations

import h11

from .failures import ConnectError, from_head, from_status

LONGEST_HEAD_BYTES = 32 * 1024
"""Of a head: it is parsed at once, which takes 9 ms where it is all lines of a few bytes. A proxy's own limit is 4 to
16 KiB."""

MAX_INTERIM = 8
"""Answers before the answer (`100 Continue`, `103 Early Hints`), LONGEST_HEAD_BYTES of them altogether. A server could
go on with them until the time is over, and each is parsed."""

LONGEST_BODY_BYTES = 16 * 1024
"""Of a refusal's body, so much is read: more than is shown, as what must not be shown of it may be long."""

MAX_BODY_PIECES = 64
"""In so many pieces at most: each chunk of a body that comes in chunks is parsed."""

_SWITCHING_PROTOCOLS = 101
_BEGINNING = b"HTTP/"


class Answer:
    """Fed with what the server sends, until there is an `agreement`, or it is `over`."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD_BYTES)
        # The request itself is the library's; this is what of it matters to how an answer is read.
        offer = [("Host", "-"), ("Connection", "Upgrade"), ("Upgrade", "websocket")]
        self._http.send(h11.Request(method="GET", target="/", headers=offer))
        self._http.send(h11.EndOfMessage())
        self._head = b""
        self._status = 0
        self._body = bytearray()
        self._interim = self._interim_bytes = 0
        self._pieces = 0
        self.agreement: bytes | None = None
        """The head of an answer that agrees, in the library's spelling, and all that came behind it."""
        self.extensions: list[str] = []
        """The values of the agreement's `Sec-WebSocket-Extensions`."""
        self.over = False
        """It is a refusal, and no more of it is wanted."""

    def feed(self, data: bytes) -> None:
        """Raises ConnectError where the answer is no HTTP, or is an agreement that RFC 6455 forbids."""
        if not self.refused:
            self._begin(self._head + data)
        try:
            self._http.receive_data(data)
            while not self.over and self.agreement is None:
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                self._take(event)
        except h11.RemoteProtocolError:
            if not self.refused:
                raise from_head(self._head, "malformed header") from None
            self.over = True

    @property
    def refused(self) -> bool:
        """The head of a refusal has come."""
        return self._status != 0

    def refusal(self) -> ConnectError:
        """Why the server does not agree, with what of the body has come."""
        return from_status(self._status, bytes(self._body))

    def _begin(self, head: bytes) -> None:
        """Of the answer that comes next, so much has come."""
        self._head = head
        if head[: len(_BEGINNING)] != _BEGINNING[: len(head)]:
            raise from_head(b"", "")

    def _take(self, event: object) -> None:
        if isinstance(event, h11.InformationalResponse):
            behind = self._http.trailing_data[0]
            if event.status_code == _SWITCHING_PROTOCOLS:
                self.agreement = self._agree(event) + behind
            else:
                self._interim += 1
                self._interim_bytes += len(self._head) - len(behind)
                if self._interim > MAX_INTERIM or self._interim_bytes > LONGEST_HEAD_BYTES:
                    raise ConnectError("Server's answer does not come to an end")
                self._begin(behind)
        elif isinstance(event, h11.Response):
            self._status = event.status_code
        elif isinstance(event, h11.Data):
            self._body += event.data
            self._pieces += 1
            self.over = len(self._body) >= LONGEST_BODY_BYTES or self._pieces >= MAX_BODY_PIECES
        else:
            self.over = True

    def _agree(self, answer: h11.InformationalResponse) -> bytes:
        """RFC 6455, section 4.1; but whether the key was understood is left to the library, which has made it. A length
        or an encoding of a body, which some proxies add, means nothing here (RFC 9112, section 6.3)."""
        if set(_listed(answer, b"upgrade")) != {"websocket"}:
            raise _invalid("no upgrade to websocket")
        if "upgrade" not in _listed(answer, b"connection"):
            raise _invalid("the connection is not upgraded")
        accepted = set(_values(answer, b"sec-websocket-accept"))
        if len(accepted) != 1:
            raise _invalid("no sec-websocket-accept, or several")
        self.extensions = [value.decode("latin-1") for value in _values(answer, b"sec-websocket-extensions")]
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accepted.pop() + b"\r\n\r\n"
        )


def _invalid(detail: str) -> ConnectError:
    return from_status(_SWITCHING_PROTOCOLS, detail=detail)


def _values(answer: h11.InformationalResponse, name: bytes) -> list[bytes]:
    return [value for header, value in answer.headers if header == name]


def _listed(answer: h11.InformationalResponse, name: bytes) -> list[str]:
    """What the headers of this name list, in lower case."""
    words = b",".join(_values(answer, name)).decode("latin-1").lower().split(",")
    return [word.strip() for word in words if word.strip()]
