"""The base64 JSON that `send_json` and `stop` carry."""

import pybase64

from .._media import is_json, json_shape
from ..dialect.messages import MAX_VALUES
from ..realtime.utf_8 import is_utf_8
from . import reasons

MAX_PAYLOAD_BYTES = 8 * 1024 * 1024

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_MAX_BASE64_CHARACTERS = (MAX_PAYLOAD_BYTES + 2) // 3 * 4
_DEEPEST = 1024


class PayloadError(Exception):
    """The payload can't be sent. `reason` is the text for the reply; it never repeats the payload."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode_payload(text: str) -> bytes:
    """Decode the JSON message in `text` and return its bytes as they are, white space and big numbers included.

    The base64 may use the standard or the URL-safe alphabet, or both (no text means two things in them), with all of
    its padding or none; no white space. The message is one JSON value as RFC 8259 defines it, without a byte order
    mark, in at most 8 MiB, with at most MAX_VALUES values and names, nested at most 1,024 deep. Equal names in an
    object, numbers of any size and escapes of lone surrogates are valid there, so they are here.

    Raises PayloadError. Where several reasons hold, base64 comes before size, UTF-8, NUL, values and JSON.
    """
    message = _decode_base64(text)
    if not is_utf_8(message):
        raise PayloadError(reasons.PAYLOAD_NOT_UTF8)
    if b"\0" in message:
        raise PayloadError(reasons.PAYLOAD_HAS_NUL)
    _, values = json_shape(message, len(message), MAX_VALUES)
    if values > MAX_VALUES:
        raise PayloadError(reasons.PAYLOAD_HAS_TOO_MANY)
    if not is_json(message, _DEEPEST):
        raise PayloadError(reasons.PAYLOAD_NOT_JSON)
    return message


def _decode_base64(text: str) -> bytes:
    if not text.endswith("="):
        text += "=" * (-len(text) % 4)
    try:
        encoded = text.encode("ascii")
    except UnicodeEncodeError:
        raise PayloadError(reasons.PAYLOAD_NOT_BASE64) from None
    if len(encoded) > _MAX_BASE64_CHARACTERS:
        raise PayloadError(reasons.PAYLOAD_TOO_LARGE)
    try:
        if b"-" in encoded or b"_" in encoded:
            encoded = encoded.translate(_TO_STANDARD)
        message = pybase64.b64decode(encoded, validate=True)
    except ValueError:
        raise PayloadError(reasons.PAYLOAD_NOT_BASE64) from None
    if len(message) > MAX_PAYLOAD_BYTES:
        raise PayloadError(reasons.PAYLOAD_TOO_LARGE)
    return message
