"""A dialect of the user's own: a TOML file that says how it differs from one that is known. docs/how-to/dialects.md."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import PurePath
from typing import Any, NoReturn

import orjson

from .dialect import EVERY_ITEM, Dialect, Gate, Shape
from .profiles import PROFILES

MAX_FILE_BYTES = 16 << 10
MAX_DOTS = 100
"""In a line. What the parser takes for a key of many parts grows with their square: 11 s and 4 GB for 64 kB of them."""
MAX_NAMES = 16
"""In a list; each message is compared with all of them."""
MAX_NAME = 100

_NAMES = ", ".join(PROFILES)

Check = Callable[[Any], Any]


class DialectError(ValueError):
    """No such dialect, or a file that is none. The text says what is wrong, and repeats no value."""


def named_dialect(text: str) -> Dialect:
    """By the name of a known one, or from the file at an absolute path. Raises DialectError."""
    known = PROFILES.get(text.lower())
    if known is not None:
        return known
    if not text.startswith("/"):
        raise DialectError(f"is none of {_NAMES}, and no absolute path of a file")
    return read_dialect(_read(text).decode("utf-8-sig", "replace"), PurePath(text).stem)


def _read(path: str) -> bytes:
    """Bounded, and never waiting: the path may name anything."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise DialectError(f"names a file that can't be read: {reason}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DialectError("names what is no file")
        content = os.read(descriptor, MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DialectError(f"names a file that can't be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > MAX_FILE_BYTES:
        raise DialectError(f"names a file of more than {MAX_FILE_BYTES >> 10} kB")
    return content


def read_dialect(text: str, name: str) -> Dialect:
    """From TOML; `name`: what it is called then. Raises DialectError, whose text says where the fault is."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MAX_DOTS:
            raise DialectError(f"names a file with more than {MAX_DOTS} dots in line {number}")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a number with too many digits
        raise DialectError(f"names a file that is no TOML: {_what_is_wrong(error)}") from None
    base_name = table.pop("base", "openai")
    base = PROFILES.get(base_name.lower()) if isinstance(base_name, str) else None
    if base is None:
        raise DialectError(f"names a file whose `base` is none of {_NAMES}")
    changes: dict[str, Any] = {"name": name[:MAX_NAME], "vendor": name[:MAX_NAME]}
    for key, value in table.items():
        if key in ("input", "output"):
            changes[key] = replace(getattr(base, key), **_checked(value, _FORMATS, f"{key}."))
        elif key == "session":
            if not isinstance(value, dict):
                _wrong(key, "a table")
            _require_json(value)
            changes[key] = value
        else:
            changes |= _checked({key: value}, _KEYS, "")
    return replace(base, **changes)


def _what_is_wrong(error: Exception) -> str:
    """Of what the parser says; not all of it, since it may repeat what the file says."""
    text = str(error)
    if "(at " not in text:
        return "its nesting" if isinstance(error, RecursionError) else "a number with too many digits"
    where = text.rpartition("(at ")[2].rstrip(")")
    again = any(word in text for word in ("overwrite", "twice", "Duplicate"))
    return f"something is there twice, by {where}" if again else where


def _require_json(session: Any) -> None:
    """TOML has dates, and numbers that JSON has not. Raises DialectError."""
    try:
        orjson.dumps(session, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError:
        raise DialectError("names a file whose `session` holds what is no JSON") from None


def _checked(table: Any, checks: Mapping[str, Check], prefix: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        _wrong(prefix.rstrip("."), "a table")
    found: dict[str, Any] = {}
    for key, value in table.items():
        check = checks.get(key)
        if check is None and prefix and key in FILE_KEYS and key not in _FORMATS:
            raise DialectError(f"names a file with `{prefix}{key}`; `{key}` stands before the first table")
        if check is None:
            known = ", ".join(checks if prefix else ("base", "session", "input", "output", *checks))
            shown = key if key.isascii() and key.isidentifier() and len(key) <= MAX_NAME else "a key"
            raise DialectError(f"names a file with `{prefix}{shown}`, which is none of {known}")
        try:
            found[key] = check(value)
        except ValueError as error:
            _wrong(prefix + key, str(error))
    return found


def _wrong(key: str, wanted: str) -> NoReturn:
    raise DialectError(f"names a file whose `{key}` is not {wanted}")


def _is(kind: type, wanted: str) -> Check:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(wanted)
        return value

    return check


def _text(value: Any) -> str:
    """Printable ASCII that needs no escape in JSON."""
    plain = isinstance(value, str) and len(value) <= MAX_NAME and value.isascii() and value.isprintable()
    if not plain or '"' in value or "\\" in value:
        raise ValueError(f"a plain name of at most {MAX_NAME} characters")
    return str(value)


def _event(value: Any) -> str:
    if not _text(value):
        raise ValueError("the name of an event")
    return str(value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise ValueError(f"a list of at most {MAX_NAMES} names")
    return tuple(_event(each) for each in value)


def _some_names(value: Any) -> tuple[str, ...]:
    if not _names(value):
        raise ValueError("a list of names with at least one")
    return _names(value)


def _items(value: Any) -> frozenset[str]:
    if not set(_names(value)) <= EVERY_ITEM:
        raise ValueError(f"a list of {', '.join(sorted(EVERY_ITEM))}")
    return frozenset(value)


def _number(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return check


def _rate(value: Any) -> int:
    if type(value) is not int or value not in range(8000, 48001, 8000):
        raise ValueError("a rate: a multiple of 8000 from 8000 to 48000")
    return value


def _rates(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError("a list of rates")
    return tuple(_rate(each) for each in value)


def _rate_names(value: Any) -> dict[int, str]:
    if not isinstance(value, dict) or not all(key.isascii() and key.isdigit() and len(key) <= 5 for key in value):
        raise ValueError("a table of rates and names")
    return {_rate(int(key)): _event(name) for key, name in value.items()}


def _one_of(kind: type[StrEnum]) -> Check:
    def check(value: Any) -> StrEnum:
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"one of {', '.join(kind)}") from None

    return check


def _or_zero(check: Check) -> Check:
    """0 means that there is none."""
    return lambda value: None if value == 0 and type(value) is int else check(value)


_flag = _is(bool, "true or false")

_FORMATS: dict[str, Check] = {
    "pcm": _text,
    "pcmu": _text,
    "pcma": _text,
    "rates": _rates,
    "rate_names": _rate_names,
    "unstated_rate": _or_zero(_rate),
}

_KEYS: dict[str, Check] = {
    "append": _event,
    "audio_deltas": _some_names,
    "greetings": _some_names,
    "greets": _flag,
    "unknown": lambda value: frozenset(_names(value)),
    "keep_alive": _text,
    "keep_alive_answer": _text,
    "keep_alive_s": _number(1, 3600),
    "playback_ack": _text,
    "shape": _one_of(Shape),
    "session_type": _text,
    "gate": _one_of(Gate),
    "gate_wait_ms": _or_zero(_number(1, 60_000)),
    "session_limit_s": _or_zero(_number(1, 7 * 86400)),
    "speech_interrupts": _flag,
    "leaves_answers": _flag,
    "detection": _text,
    "cut_reasons": lambda value: frozenset(_names(value)),
    "items": _items,
    "agent_text": _event,
    "longest_id": _or_zero(_number(1, 512)),
}

FILE_KEYS = ("base", "[session]", "[input]", "[output]", *_KEYS, *_FORMATS)
"""All that there are."""
