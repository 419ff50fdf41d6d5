"""What an application's message says to the server, as far as it means something for the call. Sans-I/O."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

import orjson


class ClientKind(Enum):
    """The value is the message's `type`."""

    CREATE = "response.create"
    CANCEL = "response.cancel"
    TRUNCATE = "conversation.item.truncate"
    CLEAR_OUTPUT = "output_audio_buffer.clear"
    COMMIT = "input_audio_buffer.commit"
    CREATE_ITEM = "conversation.item.create"


_KINDS = {kind.value: kind for kind in ClientKind}
_NAMES = [name.encode() for name in _KINDS]

SEARCHED_BYTES = 64 << 10
"""A longer text is parsed at once: that takes a ns for each byte of a string, a search up to two for each name."""


class ClientMessage:
    __slots__ = ("fields", "kind")

    def __init__(self, kind: ClientKind, fields: dict[str, Any]) -> None:
        self.kind = kind
        self.fields = fields

    def text(self, name: str) -> str | None:
        """A member; None where it is not there, or no string."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    @property
    def uninterruptible(self) -> bool:
        """Whether the response that a CREATE asks for shall not be interrupted by the caller."""
        response = self.fields.get("response")
        return isinstance(response, dict) and is_uninterruptible(response.get("metadata"))


def is_uninterruptible(metadata: object) -> bool:
    """Of a response: whether its metadata say `"interruptible":"false"`. Values there are strings."""
    return isinstance(metadata, dict) and metadata.get("interruptible") == "false"


def client_message(payload: bytes) -> ClientMessage | None:
    """`payload` is valid JSON. None where it means nothing for the call."""
    if len(payload) <= SEARCHED_BYTES and not any(name in payload for name in _NAMES):
        return None
    fields = _parsed(payload)
    kind = _KINDS.get(fields["type"]) if isinstance(fields, dict) and isinstance(fields.get("type"), str) else None
    return ClientMessage(kind, fields) if kind is not None else None


def is_for_player(message: ClientMessage | None) -> bool:
    """Whether a message is for who plays: a server on a WebSocket does not, and refuses it."""
    return message is not None and message.kind is ClientKind.CLEAR_OUTPUT


def _parsed(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(payload)  # lone surrogates, numbers of any size
    except (ValueError, RecursionError):
        return None
