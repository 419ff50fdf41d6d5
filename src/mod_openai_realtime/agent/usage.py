"""What the model has cost: the API's own figures, summed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 1_000_000_000  # a message that claims more is not believed
_MAX_KEYS = 32  # of an object: the API has six


def add_usage(total: dict[str, Any], usage: object) -> None:
    """`usage` of a `response.done` or a transcription; whatever is a number in it, however deep, is added."""
    if not isinstance(usage, Mapping):
        return
    for name, value in usage.items():
        if name not in total and len(total) >= _MAX_KEYS:
            continue
        if isinstance(value, Mapping):
            below = total.setdefault(name, {})
            if isinstance(below, dict):
                add_usage(below, value)
        elif type(value) in (int, float) and 0 <= value < _MOST:
            before = total.get(name, 0)
            if type(before) in (int, float):
                total[name] = before + value
