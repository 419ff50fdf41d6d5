"""The words of a command.

Arguments are divided by ASCII white space. One that is wholly within single quotes loses them, as it does anywhere in
FreeSWITCH; there are no escapes. The limit of 15 arguments counts the channel's uuid, so 14 may follow it. The selector
`stream=<name>` may stand anywhere after the verb.
"""

from __future__ import annotations

import re

SELECTOR = "stream="
MAX_WORDS = 14
_BREAKS = " \t\r\n"
_SPACE = re.compile(f"[{_BREAKS}]*")
_STREAM_NAME = re.compile(r"[a-z0-9_-]{1,64}")


def split(text: str) -> list[str]:
    """The arguments, but no more than tell that there are too many: one more than MAX_WORDS. A payload may have
    millions of characters, each of which is looked at by searches only."""
    words: list[str] = []
    ends = dict.fromkeys(_BREAKS, -1)  # of each the next one that was found
    at = 0
    while len(words) <= MAX_WORDS:
        space = _SPACE.match(text, at)
        assert space is not None
        at = space.end()
        if at == len(text):
            break
        quote = text.find("'", at + 1) if text[at] == "'" else -1
        if quote > at and (quote + 1 == len(text) or text[quote + 1] in _BREAKS):
            words.append(text[at + 1 : quote])
            at = quote + 1
            continue
        for mark, position in ends.items():
            if position < at:
                found = text.find(mark, at)
                ends[mark] = found if found >= 0 else len(text)
        end = min(ends.values())
        words.append(text[at:end])
        at = end
    return words


def selectors(words: list[str]) -> list[str]:
    """The names of streams that are given, good ones or not."""
    return [word.removeprefix(SELECTOR) for word in words if word.startswith(SELECTOR)]


def without_selectors(words: list[str]) -> list[str]:
    return [word for word in words if not word.startswith(SELECTOR)]


def is_stream_name(name: str) -> bool:
    return _STREAM_NAME.fullmatch(name) is not None
