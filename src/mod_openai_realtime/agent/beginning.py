"""What a call begins with in a host: what the agent says, and what another host has kept."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from . import messages as m
from .agent import Agent, setting
from .call import Call
from .effects import Do, Effect


def undoing(kept: Any) -> list[Effect]:
    """Of what a host before this one was about to undo itself."""
    try:
        requests = msgspec.convert(kept or [], list[tuple[m.Kind, str, str]])
    except msgspec.ValidationError:
        return []
    return [Do(m.Execute(0, *each)) for each in requests]  # nobody waits for it


async def instructions_of(agent: Agent, call: Call) -> str:
    asked = setting(agent, "instructions")
    text = await asked(call) if callable(asked) else asked
    if not isinstance(text, str) or not text:
        raise TypeError(f"instructions of {type(agent).__name__} are no text, but {text!r}")
    return text


def digest(session: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(session, sort_keys=True, default=str).encode()).hexdigest()


def time_of(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
