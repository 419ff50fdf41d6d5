"""What the settings of a session may contain; each limit is one that the official SDK's types state."""

from typing import Any

from .errors import RequestError
from .schema import (
    Check,
    anything,
    array,
    choice,
    either,
    fields,
    flag,
    free_object,
    integer,
    mapping,
    missing,
    nullable,
    number,
    pattern,
    short_text,
    tagged,
    text,
    wrong_value,
)

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
TRANSCRIPTION_MODELS = (
    *("whisper-1", "gpt-transcribe", "gpt-live-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe"),
    *("gpt-4o-transcribe-diarize", "gpt-realtime-whisper"),
)
_CONNECTORS = ("dropbox", "gmail", "googlecalendar", "googledrive", "microsoftteams", "outlookcalendar")
_LARGEST = 2**31 - 1


def _transcription_model(value: Any, path: str) -> Any:
    # A name may end in the date of a snapshot.
    names = "|".join(TRANSCRIPTION_MODELS)
    try:
        return pattern(rf"({names})(-\d{{4}}-\d{{2}}-\d{{2}})?", text)(value, path)
    except RequestError as error:
        if error.code == "invalid_value":
            choice(*TRANSCRIPTION_MODELS)(value, path)
        raise


def _what_the_model_takes(transcription: dict[str, Any], path: str) -> None:
    model = transcription.get("model")
    if model is None:
        return
    if "delay" in transcription and model != "gpt-realtime-whisper":
        raise wrong_value(f"'{path}.delay' is only supported with 'gpt-realtime-whisper'.", f"{path}.delay")
    if "prompt" in transcription and model == "gpt-realtime-whisper":
        raise wrong_value(f"'{path}.prompt' is not supported with 'gpt-realtime-whisper'.", f"{path}.prompt")
    for name in ("keywords", "languages"):
        if name in transcription and model not in ("gpt-transcribe", "gpt-live-transcribe"):
            raise wrong_value(
                f"'{path}.{name}' is only supported with 'gpt-transcribe' and 'gpt-live-transcribe'.", f"{path}.{name}"
            )


AUDIO_FORMAT = tagged(
    {
        "audio/pcm": fields({"type": anything, "rate": choice(24000)}),
        "audio/pcmu": fields({"type": anything}),
        "audio/pcma": fields({"type": anything}),
    }
)
_SERVER_VAD = fields(
    {
        "type": anything,
        "threshold": number(0.0, 1.0),
        "prefix_padding_ms": integer(0, 5000),
        "silence_duration_ms": integer(0, 30000),
        "create_response": flag,
        "interrupt_response": flag,
        "idle_timeout_ms": nullable(integer(5000, 30000)),
    }
)
_SEMANTIC_VAD = fields(
    {
        "type": anything,
        "eagerness": choice("low", "medium", "high", "auto"),
        "create_response": flag,
        "interrupt_response": flag,
    }
)
_TRANSCRIPTION = fields(
    {
        "model": _transcription_model,
        "language": pattern(r"[a-zA-Z]{2,3}(-[a-zA-Z]{2,4})?", text),
        "languages": array(text),
        "prompt": text,
        "keywords": array(text),
        "delay": choice("minimal", "low", "medium", "high", "xhigh"),
    },
    [],
    _what_the_model_takes,
)
_INPUT = fields(
    {
        "format": AUDIO_FORMAT,
        "turn_detection": nullable(tagged({"server_vad": _SERVER_VAD, "semantic_vad": _SEMANTIC_VAD})),
        "transcription": nullable(_TRANSCRIPTION),
        "noise_reduction": nullable(fields({"type": choice("near_field", "far_field"), "strength": number(0.0, 1.0)})),
    }
)


def _voice(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return fields({"id": short_text(64)}, ["id"])(value, path)
    return choice(*VOICES)(text(value, path), path)


def _where_the_server_is(tool: dict[str, Any], path: str) -> None:
    if not {"server_url", "connector_id", "tunnel_id"} & set(tool):
        raise missing(f"{path}.server_url")


_TOOL_FILTER = fields({"read_only": flag, "tool_names": array(text)})


def _approval(value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        return choice("always", "never")(value, path)
    return fields({"always": _TOOL_FILTER, "never": _TOOL_FILTER})(value, path)


_FUNCTION_TOOL = fields(
    {
        "type": anything,
        "name": pattern("[a-zA-Z0-9_-]+", short_text(64)),
        "description": text,
        "parameters": free_object,
    },
    ["name"],
)
_MCP_TOOL = fields(
    {
        "type": anything,
        "server_label": short_text(256),
        "server_url": text,
        "connector_id": choice(
            *(f"connector_{name}" for name in (*_CONNECTORS, "outlookemail", "sharepoint")),
        ),
        "tunnel_id": text,
        "server_description": text,
        "allowed_callers": array(choice("direct", "programmatic")),
        "allowed_tools": either(array(text), _TOOL_FILTER),
        "authorization": text,
        "defer_loading": flag,
        "headers": mapping(text, at_most=1000),
        "require_approval": _approval,
    },
    ["server_label"],
    _where_the_server_is,
)
TOOLS = array(tagged({"function": _FUNCTION_TOOL, "mcp": _MCP_TOOL}))
_CHOSEN_TOOL = tagged(
    {
        "function": fields({"type": anything, "name": text}, ["name"]),
        "mcp": fields({"type": anything, "server_label": text, "name": text}, ["server_label"]),
    }
)


def _tool_choice(value: Any, path: str) -> Any:
    return _CHOSEN_TOOL(value, path) if isinstance(value, dict) else choice("none", "auto", "required")(value, path)


def _truncation(value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        return choice("auto", "disabled")(value, path)
    ratio = fields(
        {
            "type": anything,
            "retention_ratio": number(0.0, 1.0),
            "token_limits": fields({"post_instructions": integer(0, _LARGEST)}),
        },
        ["retention_ratio"],
    )
    return tagged({"retention_ratio": ratio})(value, path)


def _tracing(value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        return choice("auto")(value, path)
    return fields({"group_id": text, "metadata": anything, "workflow_name": text})(value, path)


METADATA = mapping(short_text(512, at_least=0), at_most=16, key_characters=64)
# What a session and a response alike may set.
SHARED: dict[str, Check] = {
    "instructions": text,
    "output_modalities": array(choice("text", "audio"), at_least=1, at_most=1),
    "max_output_tokens": either(choice("inf"), integer(1, 4096)),
    "tools": TOOLS,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": flag,
    "prompt": fields({"id": text, "version": text, "variables": free_object}, ["id"]),
    "reasoning": fields({"effort": choice("minimal", "low", "medium", "high", "xhigh")}),
}
RESPONSE_OUTPUT = fields({"format": AUDIO_FORMAT, "voice": _voice})
_INCLUDE = nullable(array(choice("item.input_audio_transcription.logprobs")))


def _no_vad_with_whisper(session: dict[str, Any], path: str) -> None:
    given = session.get("audio", {}).get("input", {})
    model = (given.get("transcription") or {}).get("model")
    if model == "gpt-realtime-whisper" and given.get("turn_detection") is not None:
        place = f"{path}.audio.input.turn_detection"
        raise wrong_value(f"'{place}' must be null with 'gpt-realtime-whisper'.", place)


_REALTIME = fields(
    {
        "type": anything,
        "model": text,
        "audio": fields(
            {"input": _INPUT, "output": fields({"format": AUDIO_FORMAT, "voice": _voice, "speed": number(0.25, 1.5)})}
        ),
        "include": _INCLUDE,
        "tracing": nullable(_tracing),
        "truncation": _truncation,
        **SHARED,
    }
)
_TRANSCRIBING = fields(
    {"type": anything, "audio": fields({"input": _INPUT}), "include": _INCLUDE}, [], _no_vad_with_whisper
)
SESSION = tagged({"realtime": _REALTIME, "transcription": _TRANSCRIBING})
