"""SIP messages as they come (RFC 3261, 7)."""

from __future__ import annotations

import re
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

    @property
    def of(self) -> str:
        """The method of the request that this answers."""
        return self.header("CSeq").partition(" ")[2]


@dataclass(frozen=True)
class Request(Message):
    method: str

    def response(self, status: int, to: str, contact: str, sdp: str = "") -> str:
        """`to` stands in To, where a request has no tag before there is a dialog."""
        kept = [
            f"{key}: {to if key.lower() == 'to' else value}"
            for key, value in self.headers
            if key.lower() in _OF_THE_REQUEST
        ]
        lines = [f"SIP/2.0 {status} {REASONS.get(status, 'Answer')}", *kept, f"Contact: {contact}"]
        lines += ["Content-Type: application/sdp"] if sdp else []
        return "\r\n".join([*lines, f"Content-Length: {len(sdp.encode())}", "", sdp])


_OF_THE_REQUEST = frozenset({"via", "from", "to", "call-id", "cseq"})
REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    501: "Not Implemented",
}
_PORT = 5060


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


def uri_of(address: str) -> str:
    """Of what stands in From, To or Contact: `"name" <sip:user@host>;tag=x`, or the URI alone."""
    found = re.search(r"<([^<>]+)>", address)
    return found[1] if found else address.split(";")[0].strip()


def address_of(uri: str) -> tuple[str, int]:
    """Host and port of a SIP URI."""
    host, _, port = uri.removeprefix("sip:").split(";")[0].rpartition("@")[2].partition(":")
    return host, int(port or _PORT)
