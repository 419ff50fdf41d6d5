"""When a turn of a script is the right one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .turns import Context

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def plain(text: str) -> str:
    """The text's words in lower case, with a blank around each."""
    return f" {' '.join(_WORD.findall(text.lower()))} "


@dataclass(frozen=True)
class When:
    """All that is named must hold. Words are compared whole, in any case, without punctuation."""

    words: tuple[str, ...] = ()
    """Each is in what the caller said last."""
    any_words: tuple[str, ...] = ()
    """One of them is."""
    turns: tuple[int, ...] = ()
    """The caller's last turn is one of these, counted from 1."""
    result: str | None = None
    """This function's result has come in since the last response."""
    contains: tuple[str, ...] = ()
    """Each is in that result."""
    instructions: tuple[str, ...] = ()
    """Each is in the response's own instructions."""

    @property
    def wants_words(self) -> bool:
        return bool(self.words or self.any_words)

    def holds(self, context: Context) -> bool:
        return all(self._each(context))

    def _each(self, context: Context) -> Iterator[bool]:
        if self.wants_words:
            said = plain(context.said or "")
            yield all(plain(each) in said for each in self.words)
            yield not self.any_words or any(plain(each) in said for each in self.any_words)
        if self.turns:
            yield context.turn in self.turns
        if self.result is not None:
            yield any(
                each.name == self.result and all(text.lower() in each.output.lower() for text in self.contains)
                for each in context.results
            )
        if self.instructions:
            asked = plain(context.asked or "")
            yield all(plain(each) in asked for each in self.instructions)

    @classmethod
    def from_json(cls, value: Any) -> "When":
        """`words`, `any_words` and `instructions` are a text or a list of texts, `turn` a number or a list of them,
        `result` a function's name or `{"of": name, "contains": text or texts}`. Raises ValueError."""
        known = ("words", "any_words", "turn", "result", "instructions")
        if not isinstance(value, dict) or not value:
            raise ValueError(f"when is an object of {', '.join(known)}")
        unknown = sorted(str(name) for name in set(value) - set(known))
        if unknown:
            raise ValueError(f"when has no {', '.join(unknown)}; it has {', '.join(known)}")
        result = value.get("result")
        of: Any = result.get("of") if isinstance(result, dict) else result
        if "result" in value and (
            not isinstance(of, str) or (isinstance(result, dict) and set(result) - {"of", "contains"})
        ):
            raise ValueError("result is a function's name, or an object of the name as `of`, and contains")
        contains = _texts(result, "contains") if isinstance(result, dict) else ()
        texts = [_texts(value, name) for name in ("words", "any_words", "instructions")]
        return cls(texts[0], texts[1], _numbers(value), of, contains, texts[2])


def _texts(value: dict[str, Any], name: str) -> tuple[str, ...]:
    given = value.get(name, [])
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(each, str) and each.strip() for each in texts) or (name in value and not texts):
        raise ValueError(f"{name} is a text or a list of texts")
    return tuple(texts)


def _numbers(value: dict[str, Any]) -> tuple[int, ...]:
    given = value.get("turn", [])
    numbers = given if isinstance(given, list) else [given]
    good = all(isinstance(each, int) and not isinstance(each, bool) and each >= 1 for each in numbers)
    if not good or ("turn" in value and not numbers):
        raise ValueError("turn is a number of the caller's turns, from 1, or a list of them")
    return tuple(numbers)
