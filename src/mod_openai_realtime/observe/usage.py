"""What servers say that they charge for: tokens by kind, and seconds of transcribed audio."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# A message that claims more is not believed. Sums stay below what every reader of JSON takes for a whole number.
_MOST = 1_000_000_000
_LARGEST_SUM = (1 << 53) - 1

_Path = tuple[str, ...]
# Compatible servers write both.
_INPUT, _OUTPUT = ("input_token_details", "input_tokens_details"), ("output_token_details", "output_tokens_details")


def _within(details: Iterable[str], *path: str) -> tuple[_Path, ...]:
    return tuple((name, *path) for name in details)


# What `usage` of `response.done` holds, and where: the first place that has it counts.
_RESPONSE: dict[str, tuple[_Path, ...]] = {
    "input_tokens": (("input_tokens",),),
    "input_text_tokens": _within(_INPUT, "text_tokens"),
    "input_audio_tokens": _within(_INPUT, "audio_tokens"),
    "input_image_tokens": _within(_INPUT, "image_tokens"),
    "cached_tokens": _within(_INPUT, "cached_tokens"),
    "cached_text_tokens": _within(_INPUT, "cached_tokens_details", "text_tokens"),
    "cached_audio_tokens": _within(_INPUT, "cached_tokens_details", "audio_tokens"),
    "cached_image_tokens": _within(_INPUT, "cached_tokens_details", "image_tokens"),
    "output_tokens": (("output_tokens",),),
    "output_text_tokens": _within(_OUTPUT, "text_tokens"),
    "output_audio_tokens": _within(_OUTPUT, "audio_tokens"),
}
# The same of a transcription, by another model with a price of its own.
_TRANSCRIPTION: dict[str, tuple[_Path, ...]] = {
    "transcription_input_tokens": (("input_tokens",),),
    "transcription_text_tokens": _within(_INPUT, "text_tokens"),
    "transcription_audio_tokens": _within(_INPUT, "audio_tokens"),
    "transcription_output_tokens": (("output_tokens",),),
}
TOKENS = (*_RESPONSE, *_TRANSCRIPTION)
TRANSCRIPTION_MS = "transcription_ms"
KINDS = (*TOKENS, TRANSCRIPTION_MS)


class Usage:
    """Sums. What one stream adds, the `whole` that it belongs to adds too."""

    def __init__(self, whole: Usage | None = None) -> None:
        self._whole = whole
        self.counts = dict.fromkeys(KINDS, 0)

    def response(self, usage: object) -> None:
        """`usage` as a server sent it; what is no count is passed over."""
        self._add({kind: _count(usage, places) for kind, places in _RESPONSE.items()})

    def transcription(self, usage: object) -> None:
        """The same; some models count tokens, others seconds."""
        counts = {kind: _count(usage, places) for kind, places in _TRANSCRIPTION.items()}
        seconds: Any = usage.get("seconds") if isinstance(usage, dict) else None
        if type(seconds) in (int, float) and 0 <= seconds < _MOST:
            counts[TRANSCRIPTION_MS] = round(1000 * seconds)
        self._add(counts)

    def _add(self, counts: dict[str, int]) -> None:
        for kind, count in counts.items():
            self.counts[kind] = min(self.counts[kind] + count, _LARGEST_SUM)
        if self._whole is not None:
            self._whole._add(counts)

    def report(self) -> dict[str, int | float]:
        """For the `summary` event."""
        return {
            **{kind: self.counts[kind] for kind in TOKENS},
            "transcription_seconds": self.counts[TRANSCRIPTION_MS] / 1000,
        }


def _count(usage: object, places: tuple[_Path, ...]) -> int:
    for place in places:
        value: Any = usage
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if type(value) is int and 0 <= value < _MOST:
            return value
    return 0
