"""The tokens that a response is said to have used, by the service's published rates for audio."""

from collections.abc import Sequence
from typing import Any

from .items import Item

OUTPUT_TOKEN_MS = 50
_LETTERS_A_TOKEN = 4


def usage(conversation: Sequence[dict[str, Any]], output: Sequence[Item]) -> dict[str, Any]:
    """Text is estimated; audio that the conversation holds is not counted again as input."""
    text_in = sum(_text_tokens(item) for item in conversation)
    text_out = sum(_text_tokens(item.data) for item in output)
    audio_out = sum(round(item.audio_ms / OUTPUT_TOKEN_MS) for item in output)
    return {
        "total_tokens": text_in + text_out + audio_out,
        "input_tokens": text_in,
        "output_tokens": text_out + audio_out,
        "input_token_details": {"text_tokens": text_in, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
    }


def _text_tokens(item: dict[str, Any]) -> int:
    texts = [item.get("arguments") or item.get("output") or ""]
    texts += [part.get("text") or part.get("transcript") or "" for part in item.get("content", [])]
    return sum(-(-len(text) // _LETTERS_A_TOKEN) for text in texts)
