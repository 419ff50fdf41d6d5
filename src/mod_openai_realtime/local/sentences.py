"""Where a text that comes bit by bit may be cut, to be spoken before its end is there."""

import re

# A sentence's end with the blank after it, so that «3.5» is not taken for one, nor a title.
_END = re.compile(r"(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bDr)(?<!\bSt)(?<!\bNo)[.!?…][\"”’)\]]*\s+|\n+")
_CLAUSE = re.compile(r"[,;:—]\s+")
# The first words are to be heard soon; later, whole sentences sound better.
_FIRST_CLAUSE_LETTERS = 24


def cut(text: str, *, first: bool) -> tuple[str, str]:
    """What can be spoken now, and what has to wait. `first`: nothing has been spoken yet."""
    end = 0
    for found in _END.finditer(text):
        end = found.end()
    if not end and first:
        for found in _CLAUSE.finditer(text):
            if found.end() >= _FIRST_CLAUSE_LETTERS:
                end = found.end()
    return text[:end], text[end:]
