"""What an agent's class, or its constructor, says about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from .errors import AgentError

KEY_PLACES = re.compile(r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|variable:[A-Za-z_][A-Za-z0-9_.:-]*)$", re.DOTALL)
DEFAULT_TRANSCRIPTION = {"model": "gpt-transcribe"}

_Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Settings(TypedDict, total=False):
    """The attributes of Agent, by their types. What is not there is unset, which is not None."""

    instructions: Any
    greeting: str | None
    greeting_interruptible: bool
    url: Annotated[str, Meta(pattern=r"^wss?://\S+$")] | None
    model: Annotated[str, Meta(min_length=1)] | None
    key: str
    voice: str | dict[str, Any]
    turn_detection: dict[str, Any] | None
    transcription: dict[str, Any] | None
    noise_reduction: dict[str, Any] | None
    session: dict[str, Any]
    audio: Literal["auto", "pcm", "pcmu", "pcma"]
    record: str | None
    tool_timeout_s: _Seconds
    digits: Literal["tell", "ignore"]
    silence_s: _Seconds | None
    barge_in: Literal["server", "off", "confirm"]
    connect_timeout_s: Annotated[float, Meta(ge=0, le=300)]
    failure_prompt: str | None
    max_duration_s: _Seconds | None


NAMES = frozenset(Settings.__annotations__)


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raises AgentError that names the attribute."""
    for name in settings:
        if name not in NAMES:
            raise AgentError(f"{name}: there is no such setting")
    try:
        msgspec.convert(dict(settings), Settings)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        raise AgentError(f"{place.rstrip('`')}: {what[:1].lower()}{what[1:]}") from None
    key = settings.get("key")
    if key is not None and not KEY_PLACES.match(key):
        raise AgentError("key: a key is never written in code; say where it is: env:NAME, file:PATH or variable:NAME")
    instructions = settings.get("instructions")
    if instructions is not None and not isinstance(instructions, str) and not callable(instructions):
        raise AgentError("instructions: a text, or a method `async def instructions(self, call) -> str`")
