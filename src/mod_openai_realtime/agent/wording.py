"""How the model is told what to say, and what it did not hear."""

from __future__ import annotations

from typing import Any


def exactly(text: str) -> str:
    """Instructions to say a text."""
    return f"Say exactly this, word for word, and nothing else: {text}"


def message_item(role: str, text: str) -> dict[str, Any]:
    """A client event that puts a text into the conversation."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": role, "content": content}}
