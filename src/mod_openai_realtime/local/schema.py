"""Checks of JSON values, to be combined into the description of an event.

A check is a function of (value, path) that returns the value without what was given as null and means nothing, and
raises RequestError naming the path if the value is not acceptable.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import RequestError

Check = Callable[[Any, str], Any]
Rule = Callable[[dict[str, Any], str], None]
"""Of an object whose fields are all good: raises RequestError where they don't go together."""

_KINDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", dict: "an object", list: "an array"}


def _wrong_type(expected: str, value: object, path: str) -> RequestError:
    found = _KINDS.get(type(value), "null")
    return RequestError("invalid_type", f"Invalid type for '{path}': expected {expected}, but got {found}.", path)


def wrong_value(message: str, path: str) -> RequestError:
    return RequestError("invalid_value", message, path)


def missing(path: str) -> RequestError:
    return RequestError("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def anything(value: Any, _path: str) -> Any:
    """Accepts every value."""
    return value


def flag(value: Any, path: str) -> Any:
    if not isinstance(value, bool):
        raise _wrong_type("a boolean", value, path)
    return value


def text(value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise _wrong_type("a string", value, path)
    return value


def free_object(value: Any, path: str) -> Any:
    """An object of the client's own, nulls included: JSON Schema, for one."""
    if not isinstance(value, dict):
        raise _wrong_type("an object", value, path)
    return value


def short_text(characters: int, *, at_least: int = 1) -> Check:
    """A string of `at_least` to `characters` characters."""

    def check(value: Any, path: str) -> Any:
        if len(text(value, path)) < at_least:
            raise wrong_value(f"Invalid '{path}': expected a string that is not empty.", path)
        if len(value) > characters:
            raise wrong_value(
                f"Invalid '{path}': string too long. Expected a string with maximum length {characters}, "
                f"but got a string with length {len(value)} instead.",
                path,
            )
        return value

    return check


def pattern(expression: str, check: Check) -> Check:
    """What `check` accepts and the expression matches as a whole."""
    compiled = re.compile(expression)

    def check_all(value: Any, path: str) -> Any:
        if not compiled.fullmatch(check(value, path)):
            raise wrong_value(f"Invalid '{path}': expected a string that matches the pattern '{expression}'.", path)
        return value

    return check_all


def number(lowest: float, highest: float, *, whole: bool = False) -> Check:
    """A number from `lowest` to `highest`, both included."""

    def check(value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise _wrong_type("an integer" if whole else "a number", value, path)
        if not lowest <= value <= highest:
            expected = f">= {lowest}" if value < lowest else f"<= {highest}"
            raise wrong_value(f"Invalid '{path}': expected a value {expected}, but got {value} instead.", path)
        return value

    return check


def integer(lowest: int, highest: int) -> Check:
    return number(lowest, highest, whole=True)


def choice(*values: object) -> Check:
    """One of these strings or numbers."""

    def check(value: Any, path: str) -> Any:
        # Compared by type too: in Python, True equals 1.
        if not any(type(value) is type(each) and value == each for each in values):
            names = ", ".join(repr(each) for each in values)
            raise wrong_value(f"Invalid value: {_shown(value)}. Supported values are: {names}.", path)
        return value

    return check


def nullable(check: Check) -> Check:
    """For a field whose null means something: that it is off."""

    def check_or_null(value: Any, path: str) -> Any:
        return None if value is None else check(value, path)

    check_or_null.keeps_null = True  # type: ignore[attr-defined]
    return check_or_null


def either(first: Check, second: Check) -> Check:
    """Accepts what one of the two accepts; an error is the second one's."""

    def check(value: Any, path: str) -> Any:
        try:
            return first(value, path)
        except RequestError:
            return second(value, path)

    return check


def array(check: Check, *, at_least: int = 0, at_most: int = 1000) -> Check:
    def check_all(value: Any, path: str) -> Any:
        if not isinstance(value, list):
            raise _wrong_type("an array", value, path)
        if not at_least <= len(value) <= at_most:
            raise wrong_value(f"'{path}' must have between {at_least} and {at_most} elements.", path)
        return [check(each, f"{path}[{index}]") for index, each in enumerate(value)]

    return check_all


def mapping(check: Check, *, at_most: int, key_characters: int | None = None) -> Check:
    """An object of any field names, whose values all pass `check`."""

    def check_all(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong_type("an object", value, path)
        if len(value) > at_most:
            raise wrong_value(f"Invalid '{path}': expected an object with at most {at_most} keys.", path)
        for name in value:
            if key_characters is not None and len(name) > key_characters:
                raise wrong_value(f"Invalid '{path}': a key may have {key_characters} characters at most.", path)
        return {name: check(each, f"{path}.{name}") for name, each in value.items()}

    return check_all


def fields(checks: Mapping[str, Check], required: Sequence[str] = (), *rules: Rule) -> Check:
    """An object with only these fields; null in an optional one is as if it were not there, unless its check is
    `nullable`. The path of the outermost object is empty."""

    def check(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong_type("an object", value, path)
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in value:
                raise missing(prefix + name)
        cleaned = {}
        for name, each in value.items():
            if name not in checks:
                raise RequestError("unknown_parameter", f"Unknown parameter: '{prefix}{name}'.", prefix + name)
            if each is None and name not in required and not hasattr(checks[name], "keeps_null"):
                continue
            cleaned[name] = checks[name](each, prefix + name)
        for rule in rules:
            rule(cleaned, path)
        return cleaned

    return check


def tagged(kinds: Mapping[str, Check], tag: str = "type") -> Check:
    """An object whose field `tag` says which of these checks it has to pass."""

    def check(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong_type("an object", value, path)
        name = f"{path}.{tag}" if path else tag
        if value.get(tag) is None:
            raise missing(name)
        choice(*kinds)(value[tag], name)
        return kinds[value[tag]](value, path)

    return check


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str | int | float) else _KINDS.get(type(value), "null")
