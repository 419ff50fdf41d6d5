"""Server and client messages, fit for a log line."""

from __future__ import annotations

import re

from .printable import printable

MAX_LOGGED = 2000
# Base64 of more than a few samples: audio, which helps nobody in a log.
_AUDIO = re.compile(rb"[A-Za-z0-9+/_-]{120,}={0,2}")


def loggable(payload: bytes) -> str:
    """The message with audio replaced by its length, on one line, cut to MAX_LOGGED characters."""
    short = _AUDIO.sub(lambda match: b"<%d characters of base64>" % len(match[0]), payload[: 16 * MAX_LOGGED])
    text = printable(short.decode("utf-8", "replace"))
    return text if len(text) <= MAX_LOGGED else text[:MAX_LOGGED] + " ..."
