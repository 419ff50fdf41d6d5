"""What was asked of one server's session, for another server's."""

from __future__ import annotations

from typing import Any

import pytest

from mod_openai_realtime.dialect.dialect import Dialect
from mod_openai_realtime.dialect.profiles import AZURE, OPENAI, OPENAI_BETA, QWEN, XAI
from mod_openai_realtime.dialect.translation import translated

NESTED: dict[str, Any] = {
    "type": "realtime",
    "model": "gpt-realtime-2.1",
    "instructions": "You are kind.",
    "output_modalities": ["audio"],
    "tools": [{"type": "function", "name": "hours"}],
    "audio": {
        "input": {
            "format": {"type": "audio/pcmu"},
            "turn_detection": {"type": "server_vad"},
            "transcription": {"model": "m"},
        },
        "output": {"voice": "marin"},
    },
}
FLAT: dict[str, Any] = {
    "instructions": "You are kind.",
    "modalities": ["text", "audio"],
    "tools": [{"type": "function", "name": "hours"}],
    "turn_detection": {"type": "server_vad"},
    "input_audio_transcription": {"model": "m"},
}


@pytest.mark.parametrize(
    ("own", "other", "session", "wanted"),
    [
        (OPENAI, AZURE, NESTED, NESTED),
        (OPENAI, OPENAI_BETA, NESTED, {**FLAT, "model": "gpt-realtime-2.1", "voice": "marin"}),
        (OPENAI, QWEN, NESTED, FLAT),
        (
            QWEN,
            OPENAI,
            {**FLAT, "voice": "Cherry", "input_audio_format": "pcm"},
            {
                "type": "realtime",
                "instructions": "You are kind.",
                "output_modalities": ["audio"],
                "tools": FLAT["tools"],
                "audio": {"input": {"turn_detection": {"type": "server_vad"}, "transcription": {"model": "m"}}},
            },
        ),
        (
            OPENAI,
            XAI,
            NESTED,
            {
                "instructions": "You are kind.",
                "output_modalities": ["audio"],
                "tools": FLAT["tools"],
                "turn_detection": {"type": "server_vad"},
                "audio": {"input": {"transcription": {"model": "m"}}},
            },
        ),
        (OPENAI, QWEN, {}, {}),
        (OPENAI, QWEN, {"audio": {"output": {"voice": "marin"}}}, {}),
        (OPENAI, QWEN, {"audio": "no object"}, {"audio": "no object"}),
    ],
)
def test_what_both_know_is_kept_in_its_place(
    own: Dialect, other: Dialect, session: dict[str, Any], wanted: dict[str, Any]
) -> None:
    before = repr(session)
    assert translated(session, own, other) == wanted
    assert repr(session) == before
