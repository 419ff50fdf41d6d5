"""Members of messages that may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def object_of(value: object) -> Mapping[str, Any]:
    """Itself, or an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """Itself, or an empty one where it is none."""
    return value if isinstance(value, str) else ""
