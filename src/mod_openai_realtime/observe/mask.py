"""Text of others without what nobody must be shown: a server may repeat the key that it refuses."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import quote

import orjson

from .printable import printable

HIDDEN = "***"
_SHORTEST_PREFIX = 4
_ELLIPSIS = " ..."
# What is looked at of a text that may be of any length: more than is ever shown, blanks and secrets included.
_LOOKED_AT = 16_384
# Keys that are none of ours (of a server's session, say), by their usual beginnings.
_KEY_MARKS = ("sk-", "ek_", "earer ")
_KEY = re.compile(r"\b(?:sk-|ek_)[\w*-]{8,}|(?<=[Bb]earer )[\w.~+/=-]{16,}")


class Mask:
    """Hides the secrets of one connection, in each spelling that JSON, HTML and URIs have for them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """`secrets`: each is hidden wherever it is, and where a text ends in the middle of it."""
        spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
        self._spellings = sorted(spellings, key=len, reverse=True)
        self._prefixes = tuple({spelling[:_SHORTEST_PREFIX] for spelling in spellings})

    def hide(self, text: str) -> str:
        # Nearly no text holds any of these; that is found out first, since there is a line for each message.
        for prefix in self._prefixes:
            if prefix in text:
                text = self._hide_ours(text)
                break
        for mark in _KEY_MARKS:
            if mark in text:
                return _KEY.sub(HIDDEN, text)
        return text

    def _hide_ours(self, text: str) -> str:
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
            end = len(text) - len(_ELLIPSIS) if text.endswith(_ELLIPSIS) else len(text)
            start = text.find(spelling[:_SHORTEST_PREFIX], max(0, end - len(spelling)), end)
            while start >= 0:
                if spelling.startswith(text[start:end]):
                    text = text[:start] + HIDDEN + text[end:]
                    break
                start = text.find(spelling[:_SHORTEST_PREFIX], start + 1, end)
        return text

    def excerpt(self, text: str, most: int) -> str:
        """The beginning of a text, on one line."""
        return " ".join(printable(self.hide(text[:_LOOKED_AT])).split())[:most]


def _spellings(secret: str) -> set[str]:
    in_json = orjson.dumps(secret).decode()[1:-1]
    # The last as in JSON that is a text in JSON.
    slashes = {in_json.replace("/", escaped) for escaped in ("/", "\\/", "\\\\/")}
    return {secret, html.escape(secret), quote(secret, safe="")} | slashes
