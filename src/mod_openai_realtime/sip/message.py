"""SIP messages as they come (RFC 3261, 7)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str:
        """The first of that name; "" where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(frozen=True)
class Response(Message):
    status: int
    reason: str


@dataclass(frozen=True)
class Request(Message):
    method: str

    def response(self, status: int, reason: str, contact: str, body: str = "") -> str:
        """With `body` an SDP."""
        kept = [f"{key}: {value}" for key, value in self.headers if key.lower() in _OF_THE_REQUEST]
        lines = [f"SIP/2.0 {status} {reason}", *kept, f"Contact: {contact}"]
        lines += ["Content-Type: application/sdp"] if body else []
        return "\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body])


_OF_THE_REQUEST = frozenset({"via", "from", "to", "call-id", "cseq"})


def parsed(data: bytes) -> Request | Response | None:
    """None: it is none."""
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = tuple((key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines))
    words = first.split(" ", 2)
    if len(words) < 2:
        return None
    if words[0] == "SIP/2.0":
        if not words[1].isdigit():
            return None
        return Response(headers, body, int(words[1]), words[2] if len(words) > 2 else "")
    return Request(headers, body, words[0])
