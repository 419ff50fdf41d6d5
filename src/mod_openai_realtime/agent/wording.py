"""How the model is told what to say, what it did not hear, and how a tool has ended."""

from __future__ import annotations

import json
from typing import Any


def exactly(text: str) -> str:
    """Instructions to say a text."""
    return f"Say exactly this, word for word, and nothing else: {text}"


def message_item(role: str, text: str) -> dict[str, Any]:
    """A client event that puts a text into the conversation."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": role, "content": content}}


def outcome(output: str) -> tuple[Any, str | None]:
    """Of a tool, from what the model was told: its result, JSON or text, and its error; one of them is None."""
    try:
        value = json.loads(output)
    except ValueError:
        return output, None
    if isinstance(value, dict) and set(value) == {"error"}:
        return None, str(value["error"])
    return value, None
