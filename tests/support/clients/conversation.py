"""What is said in the conversation that every client goes through, and what the caller sounds like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from audio.g711 import alaw_encode, ulaw_encode

from mod_openai_realtime.local.voice import hibari

G711_RATE = 8000
PCM, PCMU, PCMA = "audio/pcm", "audio/pcmu", "audio/pcma"
MODEL = "gpt-realtime-2.1"
KEY = "sk-local-clients"
INSTRUCTIONS = "You answer the phone of a bakery."
GREETING = "Good morning, this is the bakery. How can I help you?"
QUESTION = "When are you open on Monday, please?"
ANSWER = (
    "On Monday we open at seven in the morning, and we close at six in the evening. On Saturday we open an hour "
    "later, and we close at noon. On Sunday the shop is closed, but you can order bread and cake on our website."
)
INTERRUPTION = "I have another question for you."
CLOSING = "Of course. What would you like to know?"
TOOL_NAME = "opening_hours"
TOOL_ARGUMENTS = {"day": "monday"}
TOOL_RESULT = {"opens": "07:00", "closes": "18:00"}

SCRIPT: dict[str, Any] = {
    "greeting": GREETING,
    "turns": [{"call": {"name": TOOL_NAME, "arguments": TOOL_ARGUMENTS}}, ANSWER, CLOSING],
}
OFFICE: dict[str, Any] = {
    "turns": [
        {"say": "I put you through.", "call": {"name": "transfer_to_expert"}},
        "This is the expert.",
        "I see a picture.",
        ANSWER,
        {"mcp": {"server": "wiki", "name": "ask", "arguments": {"about": "bread"}, "output": "42", "approval": True}},
        "The wiki says forty two.",
        "Goodbye.",
    ],
    "mcp": {"wiki": ["ask"]},
}
"""For what else a framework does: a handoff, a picture, an interruption by the application, a tool of an MCP server."""
DESK: dict[str, Any] = {"turns": [turn for turn in OFFICE["turns"] if "wiki" not in str(turn)]}
"""The same without an MCP server."""
NOTES: dict[str, Any] = {"turns": ["Hello there.", "It is noon.", ANSWER, "Goodbye."]}
SCRIPTS = {"bakery": SCRIPT, "office": OFFICE, "desk": DESK, "notes": NOTES}
TRANSCRIPTS = [QUESTION, INTERRUPTION]
"""What the transcriber makes of the caller, turn by turn."""


def write_caller(folder: Path, audio_format: str = PCM) -> dict[str, str]:
    """The caller's two turns as files without a header: pcm16 at 24 kHz, or G.711."""
    files = {}
    for name, text in (("question", QUESTION), ("interruption", INTERRUPTION)):
        file = folder / f"{name}.pcm"
        file.write_bytes(_said(text, audio_format))
        files[name] = str(file)
    return files


def _said(text: str, audio_format: str) -> bytes:
    if audio_format == PCM:
        return np.asarray(hibari().speak_now(text), "<i2").tobytes()
    samples = np.asarray(hibari().speak_now(text, G711_RATE), np.int16)
    return (ulaw_encode if audio_format == PCMU else alaw_encode)(samples)
