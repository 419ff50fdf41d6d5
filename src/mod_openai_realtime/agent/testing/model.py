"""A model that says what it is asked to say, at once: what a server sends of its responses."""

from __future__ import annotations

from collections import deque
from typing import Any

MS_PER_CHARACTER = 60
"""So long takes what it says."""


class Model:
    """Makes the server's messages for one call, and the text that a response has."""

    def __init__(self) -> None:
        self.instructions = ""
        """Of the session."""
        self.script: deque[str] = deque()
        """What it says next, where a response does not ask for words of its own."""
        self._number = 0

    def id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}_desk_{self._number}"

    def words(self, response: dict[str, Any]) -> str:
        """What a response says: the words that it is asked for, or what is scripted, or nothing."""
        asked = response.get("instructions")
        if isinstance(asked, str):
            return words_asked_for(asked, self.instructions)
        return self.script.popleft() if self.script else ""

    def speech(self, response_id: str, item_id: str, text: str) -> list[dict[str, Any]]:
        place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
        return [
            {"type": "response.output_audio_transcript.delta", **place, "delta": text},
            {"type": "response.output_audio.done", **place},
            {"type": "response.output_audio_transcript.done", **place, "transcript": text},
        ]

    def call(self, response_id: str, name: str, arguments: str) -> tuple[str, dict[str, Any]]:
        """Id and message of a tool call."""
        call_id = self.id("call")
        item = {"type": "function_call", "id": self.id("item"), "call_id": call_id, "name": name}
        item |= {"arguments": arguments, "status": "completed"}
        return call_id, {"type": "response.output_item.done", "response_id": response_id, "item": item}


EXACTLY = "Say exactly this, word for word, and nothing else:"


def words_asked_for(asked: str, instructions: str) -> str:
    """Of a response's instructions, those that are not the session's, without the wrapping of `say`."""
    return asked.removeprefix(instructions).strip().removeprefix(EXACTLY).strip()
