"""What the server says and what we say to it, as bytes. Sans-I/O.

Nearly all of what a server sends is audio in base64, inside one long string. native/media/audio_delta.c finds it
without parsing the message, where the message is a plain one; `classify` takes them all, and says the same.
"""

from collections.abc import Mapping
from enum import IntEnum, auto
from functools import partial
from types import MappingProxyType
from typing import Any

import orjson
import pybase64

from .._media import json_shape

DEEPEST_NESTING = 128

MAX_VALUES = 50_000
"""Of a message that is parsed, names counted too: each costs 60 to 80 ns, and there is no way to stop in between. A
session with a hundred tools has some 5,000."""

decode_strictly = partial(pybase64.b64decode, validate=True)
_URL_SAFE_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class Kind(IntEnum):
    """What a message means for a call; names of the older protocol mean the same as the present ones.

    Numbers, because tables are asked for it with each message: hashing a number needs no Python."""

    AUDIO_DELTA = auto()
    AUDIO_DONE = auto()
    SPEECH_STARTED = auto()
    SPEECH_STOPPED = auto()
    COMMITTED = auto()
    """The caller's audio so far is a turn, whether there was speech in it or not."""
    RESPONSE_CREATED = auto()
    RESPONSE_DONE = auto()
    SESSION_CREATED = auto()
    SESSION_UPDATED = auto()
    ERROR = auto()
    OTHER = auto()
    """JSON, and nothing that the engine acts on."""
    NOT_JSON = auto()
    TOO_DEEP = auto()
    """Nested deeper than 128."""
    UNREAD = auto()
    """JSON or not, with more than MAX_VALUES values: it is not looked into."""


KINDS = {
    "response.output_audio.delta": Kind.AUDIO_DELTA,
    "response.audio.delta": Kind.AUDIO_DELTA,
    "response.output_audio.done": Kind.AUDIO_DONE,
    "response.audio.done": Kind.AUDIO_DONE,
    "input_audio_buffer.speech_started": Kind.SPEECH_STARTED,
    "input_audio_buffer.speech_stopped": Kind.SPEECH_STOPPED,
    "input_audio_buffer.committed": Kind.COMMITTED,
    "response.created": Kind.RESPONSE_CREATED,
    "response.done": Kind.RESPONSE_DONE,
    "session.created": Kind.SESSION_CREATED,
    "session.updated": Kind.SESSION_UPDATED,
    "error": Kind.ERROR,
}
"""Of any server of which nothing else is known. A dialect has its own."""


class ServerMessage:
    """A classified text message."""

    __slots__ = ("audio", "fields", "kind", "type")

    def __init__(
        self, kind: Kind, type_name: str | None = None, fields: dict[str, Any] | None = None, audio: bytes | None = None
    ) -> None:
        self.kind = kind
        self.type = type_name
        """The message's `type`; None where it has none that is a string."""
        self.fields: dict[str, Any] = fields if fields is not None else {}
        """The parsed message; without `delta` if it is audio. Empty where the text is no JSON object."""
        self.audio = audio
        """The decoded audio of an AUDIO_DELTA; None where its base64 is malformed or missing."""

    @property
    def response(self) -> dict[str, Any]:
        """The response that the message is about; empty where it has none."""
        response = self.fields.get("response")
        return response if isinstance(response, dict) else {}

    @property
    def error(self) -> dict[str, Any]:
        """What an ERROR says; empty where it says nothing."""
        error = self.fields.get("error")
        return error if isinstance(error, dict) else {}

    @property
    def response_id(self) -> str | None:
        """Of the response that the message is about, or belongs to."""
        name = self.response.get("id")
        return name if isinstance(name, str) else self._text("response_id")

    @property
    def item_id(self) -> str | None:
        return self._text("item_id")

    @property
    def content_index(self) -> int:
        """0 where the message has none."""
        value = self.fields.get("content_index")
        return value if type(value) is int else 0

    def _text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return value if isinstance(value, str) else None


def classify(payload: bytes, kinds: Mapping[str, Kind] = MappingProxyType(KINDS)) -> ServerMessage:
    """Say what a text message is; never raises."""
    depth, values = json_shape(payload, DEEPEST_NESTING, MAX_VALUES)
    if depth > DEEPEST_NESTING:
        return ServerMessage(Kind.TOO_DEEP)
    if values > MAX_VALUES:
        return ServerMessage(Kind.UNREAD)
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ServerMessage(Kind.NOT_JSON)
    if not isinstance(fields, dict):
        return ServerMessage(Kind.OTHER)
    type_name = fields.get("type")
    if not isinstance(type_name, str):
        return ServerMessage(Kind.OTHER, None, fields)
    kind = kinds.get(type_name, Kind.OTHER)
    if kind is not Kind.AUDIO_DELTA:
        return ServerMessage(kind, type_name, fields)
    delta = fields.pop("delta", None)
    audio = decode_base64(delta.encode()) if isinstance(delta, str) else None
    return ServerMessage(kind, type_name, fields, audio)


def decode_base64(text: bytes) -> bytes | None:
    """Decode standard or URL-safe base64, padded or not, strictly; None where it is malformed.

    Mixed alphabets, white space, wrong padding and a single left-over character are malformed.
    """
    padding = len(text) % 4
    if padding:
        if text.endswith(b"="):
            return None
        text += b"=" * (4 - padding)
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        if b"+" in text or b"/" in text:
            return None
    try:
        return pybase64.b64decode(text.translate(_URL_SAFE_TO_STANDARD), validate=True)
    except ValueError:
        return None
