"""Checks of JSON values, to be combined into the description of an event.

A check is a function of (value, path) that returns nothing, and raises RequestError naming the path if the value is
not acceptable.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .errors import RequestError

Check = Callable[[Any, str], None]


def _wrong_type(expected: str, value: object, path: str) -> RequestError:
    found = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", dict: "an object"}.get(
        type(value), "an array" if isinstance(value, list) else "null"
    )
    return RequestError("invalid_type", f"'{path}' must be {expected}, but is {found}.", path)


def _wrong_value(message: str, path: str) -> RequestError:
    return RequestError("invalid_value", message, path)


def anything(_value: object, _path: str) -> None:
    """Accepts every value."""


def flag(value: object, path: str) -> None:
    if not isinstance(value, bool):
        raise _wrong_type("a boolean", value, path)


def text(value: object, path: str) -> None:
    if not isinstance(value, str):
        raise _wrong_type("a string", value, path)


def short_text(characters: int) -> Check:
    """A string of 1 to `characters` characters."""

    def check(value: object, path: str) -> None:
        text(value, path)
        if isinstance(value, str) and not 1 <= len(value) <= characters:
            raise _wrong_value(f"'{path}' must have between 1 and {characters} characters.", path)

    return check


def number(lowest: float, highest: float, *, whole: bool = False) -> Check:
    """A number from `lowest` to `highest`, both included."""

    def check(value: object, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise _wrong_type("an integer" if whole else "a number", value, path)
        if not lowest <= value <= highest:
            raise _wrong_value(f"'{path}' must be between {lowest} and {highest}, but is {value}.", path)

    return check


def integer(lowest: int, highest: int) -> Check:
    return number(lowest, highest, whole=True)


def choice(*values: object) -> Check:
    """One of these strings or numbers."""

    def check(value: object, path: str) -> None:
        # Compared by type too: in Python, True equals 1.
        if not any(type(value) is type(each) and value == each for each in values):
            names = ", ".join(repr(each) for each in values)
            raise _wrong_value(f"'{path}' is invalid; supported values: {names}.", path)

    return check


def nullable(check: Check) -> Check:
    def check_or_null(value: object, path: str) -> None:
        if value is not None:
            check(value, path)

    return check_or_null


def either(first: Check, second: Check) -> Check:
    """Accepts what one of the two accepts; an error is the second one's."""

    def check(value: object, path: str) -> None:
        try:
            first(value, path)
        except RequestError:
            second(value, path)

    return check


def array(check: Check, *, at_least: int = 0, at_most: int = 1000) -> Check:
    def check_all(value: object, path: str) -> None:
        if not isinstance(value, list):
            raise _wrong_type("an array", value, path)
        if not at_least <= len(value) <= at_most:
            raise _wrong_value(f"'{path}' must have between {at_least} and {at_most} elements.", path)
        for index, each in enumerate(value):
            check(each, f"{path}[{index}]")

    return check_all


def mapping(check: Check, *, at_most: int) -> Check:
    """An object of any field names, whose values all pass `check`."""

    def check_all(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _wrong_type("an object", value, path)
        if len(value) > at_most:
            raise _wrong_value(f"'{path}' must have at most {at_most} fields.", path)
        for name, each in value.items():
            check(each, f"{path}.{name}")

    return check_all


def fields(checks: Mapping[str, Check], required: Sequence[str] = ()) -> Check:
    """An object with only these fields. The path of the outermost object is empty."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _wrong_type("an object", value, path)
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in value:
                raise RequestError(
                    "missing_required_parameter", f"Missing required parameter: '{prefix}{name}'.", prefix + name
                )
        for name, each in value.items():
            if name not in checks:
                raise RequestError("unknown_parameter", f"Unknown parameter: '{prefix}{name}'.", prefix + name)
            checks[name](each, prefix + name)

    return check


def tagged(kinds: Mapping[str, Check], tag: str = "type") -> Check:
    """An object whose field `tag` says which of these checks it has to pass."""

    def check(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _wrong_type("an object", value, path)
        name = f"{path}.{tag}" if path else tag
        if tag not in value:
            raise RequestError("missing_required_parameter", f"Missing required parameter: '{name}'.", name)
        choice(*kinds)(value[tag], name)
        kinds[value[tag]](value, path)

    return check
