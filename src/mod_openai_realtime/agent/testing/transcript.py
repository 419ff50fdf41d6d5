"""What came out of a channel, in words: what the model's own words say, cut at what was heard of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NO_WORD = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was heard of one answer. Times are since the call began."""

    text: str
    ended_s: float
    interrupted: bool
    began_s: float = 0.0
    meant: str = ""
    """All of what the model said; the same, where it was heard to its end."""

    def told(self) -> str:
        if not self.interrupted:
            return f"“{self.text}”, to its end at {self.ended_s:.1f} s"
        heard = f"“{self.text}”" if self.text else "nothing"
        return f"{heard}, and was cut off at {self.ended_s:.1f} s, of “{self.meant}”"


def words(text: str) -> str:
    """Without case and punctuation, a blank between words: what is compared."""
    return " ".join(_NO_WORD.sub(" ", text.casefold()).split())


def cut(text: str, heard_ms: int, received_ms: int) -> str:
    """What was heard of a text, in proportion, to the last whole word."""
    if received_ms <= 0 or heard_ms >= received_ms:
        return text
    length = len(text) * heard_ms // received_ms
    return (
        text[:length].rpartition(" ")[0] if length < len(text) and text[length : length + 1] != " " else text[:length]
    )


def find(wanted: str, heard: Sequence[str], since: int = 0) -> int | None:
    """Where what was wanted ends, in whole words of all that was heard, looked for from there `since` it ended; None:
    it was not heard. It may begin in one utterance and end in the next."""
    sought = words(wanted).split()
    said = words(" ".join(heard)).split()
    for start in range(since, len(said) - len(sought) + 1):
        if said[start : start + len(sought)] == sought:
            return start + len(sought)
    return None
