"""What FreeSWITCH takes for true and for false."""

from __future__ import annotations

import re

_TRUE_WORDS = frozenset({"yes", "on", "true", "t", "enabled", "active", "allow"})
_FALSE_WORDS = frozenset({"no", "off", "false", "f", "disabled", "inactive", "disallow"})
_NUMBER = re.compile(r"[-+]?(?P<whole>[0-9]*)[0-9.]*")


def switch_boolean(text: str) -> bool | None:
    """One of its words, or a number: false if its whole part is 0. None: neither, which it takes for false."""
    if text.lower() in _TRUE_WORDS:
        return True
    if text.lower() in _FALSE_WORDS:
        return False
    number = _NUMBER.fullmatch(text)  # digits and dots after one sign
    return None if number is None else bool(number["whole"].lstrip("0"))
