"""What the Realtime API takes as a session, as far as can be told without it: shape, values, limits."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

MAX_TOOLS = 128
MAX_INSTRUCTION_TOKENS = 16_384
"""Of instructions and tools together; some four characters are a token."""
VOICES = frozenset({"alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse"})

_Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class _Strict(Struct, forbid_unknown_fields=True, omit_defaults=True):
    pass


class _ServerVad(_Strict, tag_field="type", tag="server_vad"):
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=5000)] | None = None
    silence_duration_ms: Annotated[int, Meta(ge=0, le=30_000)] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None
    idle_timeout_ms: Annotated[int, Meta(ge=5000, le=30_000)] | None = None


class _SemanticVad(_Strict, tag_field="type", tag="semantic_vad"):
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class _Transcription(_Strict):
    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class _NoiseReduction(_Strict):
    type: Literal["near_field", "far_field"]
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None


class _Pcm(_Strict, tag_field="type", tag="audio/pcm"):
    rate: Literal[24000] | None = None


class _Pcmu(_Strict, tag_field="type", tag="audio/pcmu"):
    pass


class _Pcma(_Strict, tag_field="type", tag="audio/pcma"):
    pass


class _Input(_Strict):
    format: _Pcm | _Pcmu | _Pcma | None = None
    turn_detection: _ServerVad | _SemanticVad | None = None
    transcription: _Transcription | None = None
    noise_reduction: _NoiseReduction | None = None


class _Voice(_Strict):
    id: str


class _Output(_Strict):
    format: _Pcm | _Pcmu | _Pcma | None = None
    voice: Annotated[str, Meta(min_length=1, max_length=64)] | _Voice | None = None
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | None = None


class _Audio(_Strict):
    input: _Input | None = None
    output: _Output | None = None


class _Function(_Strict, tag_field="type", tag="function"):
    name: _Name
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Mcp(Struct, tag_field="type", tag="mcp"):
    server_label: str


class _Prompt(_Strict):
    id: str
    version: str | None = None
    variables: dict[str, Any] | None = None


class _Reasoning(_Strict):
    effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class _Session(_Strict):
    type: Literal["realtime"]
    model: str | None = None
    instructions: str | None = None
    output_modalities: Annotated[list[Literal["text", "audio"]], Meta(min_length=1, max_length=1)] | None = None
    max_output_tokens: Literal["inf"] | Annotated[int, Meta(ge=1, le=4096)] | None = None
    audio: _Audio | None = None
    tools: list[_Function | _Mcp] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    include: list[str] | None = None
    prompt: _Prompt | None = None
    reasoning: _Reasoning | None = None
    tracing: Literal["auto"] | dict[str, Any] | None = None
    truncation: Literal["auto", "disabled"] | dict[str, Any] | None = None


def session_problems(session: dict[str, Any], *, openai: bool) -> list[str]:
    """What the API would refuse; nothing, as far as can be told, where it is empty. `openai`: the endpoint is
    OpenAI's own, whose voices are known."""
    problems = []
    try:
        msgspec.convert(session, _Session)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$.")
        problems.append(f"session.{place.rstrip('`')}: {what}" if place else f"session: {what}")
    try:
        text = msgspec.json.encode([session.get("instructions"), session.get("tools")])
    except (TypeError, ValueError) as error:
        return [*problems, f"session: it can't be written as JSON: {error}"]
    tools = session.get("tools") or []
    if len(tools) > MAX_TOOLS:
        problems.append(f"session.tools: {len(tools)} tools; {MAX_TOOLS} at most")
    names = Counter(tool.get("name") for tool in tools if isinstance(tool, dict) and tool.get("type") == "function")
    problems += [f"session.tools: there are {count} tools '{name}'" for name, count in names.items() if count > 1]
    if len(text) > 4 * MAX_INSTRUCTION_TOKENS:
        problems.append(
            f"session: instructions and tools have some {len(text) // 4} tokens; {MAX_INSTRUCTION_TOKENS} at most"
        )
    voice = (session.get("audio") or {}).get("output", {}).get("voice")
    if openai and isinstance(voice, str) and voice not in VOICES:
        problems.append(
            f"session.audio.output.voice: OpenAI has no voice '{voice}'; it has {', '.join(sorted(VOICES))}"
        )
    return problems
