"""The tokens that a response is said to have used: text is estimated, audio counted by the service's published rates.

Input is what the response was made from: instructions, tools and the conversation before it. Of that, the part that
was the beginning of an earlier input, too, is cached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .items import Item

INPUT_TOKEN_MS = 100
OUTPUT_TOKEN_MS = 50
_LETTERS_A_TOKEN = 4
_IMAGE_TOKENS = 765  # of one image of 512 pixels or so in high detail


@dataclass(frozen=True)
class Tokens:
    text: int = 0
    audio: int = 0
    image: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.text + other.text, self.audio + other.audio, self.image + other.image)

    @property
    def total(self) -> int:
        return self.text + self.audio + self.image


def text_tokens(text: str) -> int:
    return -(-len(text) // _LETTERS_A_TOKEN)


def item_tokens(item: Item) -> Tokens:
    """What an item costs, in the input as in the output."""
    data = item.data
    text = text_tokens(data.get("arguments") or "") + text_tokens(data.get("output") or "")
    audio = image = 0
    for part in data.get("content", []):
        if part["type"] == "input_audio":
            # Its transcript is not for the model.
            audio += round(item.audio_ms / INPUT_TOKEN_MS)
        elif part["type"] == "input_image":
            image += _IMAGE_TOKENS
        else:
            text += text_tokens(part.get("text") or part.get("transcript") or "")
            if part["type"] == "output_audio":
                audio += round(item.audio_ms / OUTPUT_TOKEN_MS)
    return Tokens(text, audio, image)


Part = tuple[str, Tokens]
"""One part of an input, and what it costs."""


def input_parts(instructions: str, tools: Sequence[Any], items: Sequence[Item]) -> list[Part]:
    parts = [(f"instructions {instructions}", Tokens(text_tokens(instructions)))]
    if tools:
        shown = orjson.dumps(tools).decode()
        parts.append((f"tools {shown}", Tokens(text_tokens(shown))))
    return parts + [(item.id, item_tokens(item)) for item in items]


class InputCache:
    """What a session's newest input was."""

    def __init__(self) -> None:
        self._newest: list[Part] = []

    def meet(self, parts: list[Part]) -> Tokens:
        """How much of this input begins as the newest one did; it is the newest from now on."""
        cached = Tokens()
        for old, new in zip(self._newest, parts, strict=False):
            if old != new:
                break
            cached += new[1]
        self._newest = parts
        return cached


def usage(given: Tokens, cached: Tokens, output: Sequence[Item]) -> dict[str, Any]:
    made = sum(map(item_tokens, output), Tokens())
    return {
        "total_tokens": given.total + made.total,
        "input_tokens": given.total,
        "output_tokens": made.total,
        "input_token_details": {
            **_details(given),
            "cached_tokens": cached.total,
            "cached_tokens_details": _details(cached),
        },
        "output_token_details": {"text_tokens": made.text, "audio_tokens": made.audio},
    }


def _details(tokens: Tokens) -> dict[str, int]:
    return {"text_tokens": tokens.text, "audio_tokens": tokens.audio, "image_tokens": tokens.image}
