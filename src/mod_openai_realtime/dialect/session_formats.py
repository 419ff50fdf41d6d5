"""The audio formats of a session, as one states them, and as one is asked for them. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..audio.audio_format import AudioFormat, Encoding, Side
from .dialect import Dialect, Shape

# Whatever a server says is understood. The second name of each is that of the protocol's beta; those with a rate are
# Azure's, the short ones DashScope's.
_ENCODINGS: dict[str, tuple[Encoding, int | None]] = {
    "audio/pcm": (Encoding.PCM, None),
    "pcm16": (Encoding.PCM, None),
    "pcm": (Encoding.PCM, None),
    "pcm24": (Encoding.PCM, 24000),
    "pcm16_8000hz": (Encoding.PCM, 8000),
    "pcm16_16000hz": (Encoding.PCM, 16000),
    "audio/pcmu": (Encoding.PCMU, None),
    "g711_ulaw": (Encoding.PCMU, None),
    "audio/pcma": (Encoding.PCMA, None),
    "g711_alaw": (Encoding.PCMA, None),
}


def stated_format(session: object, side: Side) -> tuple[Encoding, int | None] | None:
    """The encoding that a session names for a direction, and its rate in Hz if it states one."""
    if not isinstance(session, dict):
        return None
    name, rate = session.get(f"{side.value}_audio_format"), session.get(f"{side.value}_audio_sampling_rate")
    audio = session.get("audio")
    half = audio.get(side.value) if isinstance(audio, dict) else None
    stated = half.get("format") if isinstance(half, dict) else None
    if isinstance(stated, dict):
        name, rate = stated.get("type"), stated.get("rate")
    known = _ENCODINGS.get(name) if isinstance(name, str) else None
    if known is None:
        return None
    encoding, named_rate = known
    return encoding, rate if type(rate) is int else named_rate


def asking_session(dialect: Dialect, formats: Mapping[Side, AudioFormat]) -> dict[str, Any]:
    """The `session` that asks for these; empty where none of them has a name."""
    session: dict[str, Any] = {}
    for side, wanted in formats.items():
        known = dialect.formats(side)
        name = known.name(wanted.encoding, wanted.rate)
        if not name:
            continue
        rated = wanted.encoding is Encoding.PCM and bool(known.rates)
        if dialect.shape is Shape.FLAT:
            session[f"{side.value}_audio_format"] = name
            if rated and not known.rate_names:
                session[f"{side.value}_audio_sampling_rate"] = wanted.rate
        else:
            stated = {"type": name, "rate": wanted.rate} if rated else {"type": name}
            session.setdefault("audio", {})[side.value] = {"format": stated}
    return typed(dialect, session) if session else session


def typed(dialect: Dialect, session: dict[str, Any]) -> dict[str, Any]:
    """The same, with the `type` that a session of this dialect has to have."""
    return {"type": dialect.session_type, **session} if dialect.session_type else session
