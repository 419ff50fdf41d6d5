"""Messages between the module and the engine: docs/reference/link.md, without the socket."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

HEADER = struct.Struct("<IHHII")
FIELD = struct.Struct("<HI")
MAX_BODY_BYTES = 16 * 2**20
MAX_FIELDS = 4096  # a COMMAND has one for each variable that it tells of
MAX_ESCAPED_BYTES = 2 * 2**20  # as much as KEEP


class MessageType(IntEnum):
    HELLO = 1
    COMMAND = 2
    OPENED = 3
    OPEN_FAILED = 4
    CLOSED = 5
    RESUME = 6
    OPENING = 7
    HOLD = 8
    DONE = 9
    DTMF = 10
    OPEN = 16
    REPLY = 17
    EVENT = 18
    LOG = 19
    CLOSE = 20
    IDLE = 21
    KEEP = 22
    EXECUTE = 23
    INTERFACE = 24


class WireError(Exception):
    """The peer sent what is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    type: int
    stream: int
    request: int
    fields: dict[str, str]


def encode(
    kind: MessageType, *, stream: int = 0, request: int = 0, fields: Mapping[str, str | bytes] | None = None
) -> bytes:
    """One message as bytes. Raises ValueError where its body would be over the limit."""
    parts: list[bytes] = []
    for name, value in (fields or {}).items():
        name_bytes = name.encode()
        value_bytes = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        parts += (FIELD.pack(len(name_bytes), len(value_bytes)), name_bytes, value_bytes)
    body = b"".join(parts)
    if len(body) > MAX_BODY_BYTES:
        raise ValueError("message too large for the link")
    return HEADER.pack(len(body), kind, 0, stream, request) + body


class Decoder:
    """Bytes in, messages out. Buffers at most one message."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def unfinished_bytes(self) -> int:
        """Of a message that has not come whole."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take what came from the socket; yield the messages it completes. Raises WireError."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            body_bytes, kind, zero, stream, request = HEADER.unpack_from(self._buffer)
            if body_bytes > MAX_BODY_BYTES or zero != 0:
                raise WireError("not a header, or a message over the limit")
            end = HEADER.size + body_bytes
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield Message(kind, stream, request, decode_fields(body))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        # To escape 12 MiB takes 80 ms. Only a payload is so large, in which nothing but ASCII is any good.
        return value.decode("latin-1") if len(value) > MAX_ESCAPED_BYTES else value.decode("utf-8", "surrogateescape")


def decode_fields(body: bytes) -> dict[str, str]:
    """Fields of a body. Bytes that are no UTF-8 survive as surrogate escapes, in values of up to MAX_ESCAPED_BYTES.
    Raises WireError."""
    fields: dict[str, str] = {}
    at = 0
    while at < len(body):
        if at + FIELD.size > len(body):
            raise WireError("torn field")
        name_bytes, value_bytes = FIELD.unpack_from(body, at)
        at += FIELD.size
        if at + name_bytes + value_bytes > len(body):
            raise WireError("field past the end of the message")
        name = body[at : at + name_bytes].decode("utf-8", "surrogateescape")
        at += name_bytes
        fields[name] = _text(body[at : at + value_bytes])
        at += value_bytes
        if len(fields) > MAX_FIELDS:
            raise WireError("too many fields")
    return fields
