"""What a page may ask of its call: digits, and the end. Sans-I/O, with limits on all of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from ..token_bucket import TokenBucket

MAX_MESSAGE_BYTES = 64 << 10
AUDIO_BURST_BYTES, AUDIO_BYTES_PER_S = 2 << 20, 512 << 10
"""More than a browser sends, at whichever rate, and after it was held up."""
MESSAGES_AT_ONCE, MESSAGES_PER_S = 40, 20
_DIGITS = re.compile(r"[0-9*#A-D]{1,32}")


class PageError(Exception):
    """This is no page of ours, or one that has gone wrong; the text says what it did, for the WebSocket's close."""


@dataclass(frozen=True, slots=True)
class Audio:
    """pcm16, mono, at the page's rate."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    digits: str


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


class Reader:
    """Of one page."""

    def __init__(self) -> None:
        self._audio = TokenBucket(AUDIO_BURST_BYTES, AUDIO_BYTES_PER_S)
        self._messages = TokenBucket(MESSAGES_AT_ONCE, MESSAGES_PER_S)

    def read(self, message: str | bytes, now_ns: int) -> Audio | Keys | HangUp:
        """Raises PageError."""
        if isinstance(message, bytes):
            return self._read_audio(message, now_ns)
        if self._messages.left(now_ns) < 1:
            raise PageError("too many messages")
        self._messages.spend(1)
        try:
            asked = orjson.loads(message)
        except orjson.JSONDecodeError:
            raise PageError("no JSON") from None
        match asked:
            case {"type": "keys", "digits": str(digits)} if _DIGITS.fullmatch(digits):
                return Keys(digits)
            case {"type": "hang_up"}:
                return HangUp()
        raise PageError("not a message of the page")

    def _read_audio(self, pcm: bytes, now_ns: int) -> Audio:
        if self._audio.left(now_ns) < len(pcm):
            raise PageError("too much audio")
        self._audio.spend(len(pcm))
        if len(pcm) % 2:
            raise PageError("half a sample")
        return Audio(pcm)
