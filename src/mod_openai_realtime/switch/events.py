"""The CUSTOM events that the module fires."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "mod_openai_audio_stream::"
EVENTS: Final = (
    "json",
    "connect",
    "disconnect",
    "error",
    "play",
    "openai_speech_start",
    "openai_speech_stop",
    "turn",
    "hold",
    "summary",
    "restored",
)
"""Their subclasses, after the prefix."""
