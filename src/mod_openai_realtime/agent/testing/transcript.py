"""What came out of a channel, in words: what the model's own words say, cut at what was heard of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NO_WORD = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was heard of one answer. `ended_s`: when it was over, since the call began."""

    text: str
    ended_s: float
    interrupted: bool

    def __str__(self) -> str:
        return f"{self.ended_s:6.1f} s  {self.text}{' (interrupted)' if self.interrupted else ''}"


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


def find(wanted: str, heard: list[Utterance], since: int) -> int | None:
    """The index behind the utterance, from `since` on, that ends what was wanted; None: it was not heard."""
    for end in range(since, len(heard)):
        if f" {words(wanted)} " in f" {words(' '.join(each.text for each in heard[since : end + 1]))} ":
            return end + 1
    return None


def failure(wanted: str, heard: list[Utterance], within_s: float) -> str:
    """What a test that fails says."""
    lines = "\n".join(f"  {each}" for each in heard) or "  nothing"
    return f"{wanted!r} was not heard within {within_s:g} s. What was heard, and when it was over:\n{lines}"
