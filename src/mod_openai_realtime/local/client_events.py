"""What the eleven events of a client may contain."""

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
    integer,
    mapping,
    nullable,
    number,
    short_text,
    tagged,
    text,
)

_item_id = short_text(64)
_modalities = array(choice("text", "audio"), at_least=1, at_most=1)
_max_output_tokens = either(choice("inf"), integer(1, 4096))
_metadata = nullable(mapping(text, at_most=16))

_audio_format = tagged(
    {
        "audio/pcm": fields({"type": anything, "rate": choice(24000)}),
        "audio/pcmu": fields({"type": anything}),
        "audio/pcma": fields({"type": anything}),
    }
)
_turn_detection = tagged(
    {
        "server_vad": fields(
            {
                "type": anything,
                "threshold": number(0.0, 1.0),
                "prefix_padding_ms": integer(0, 5000),
                "silence_duration_ms": integer(0, 30000),
                "create_response": flag,
                "interrupt_response": flag,
                "idle_timeout_ms": nullable(integer(5000, 30000)),
            }
        ),
        "semantic_vad": fields(
            {
                "type": anything,
                "eagerness": choice("low", "medium", "high", "auto"),
                "create_response": flag,
                "interrupt_response": flag,
            }
        ),
    }
)
_transcription = fields(
    {
        "model": text,
        "language": text,
        "languages": array(text),
        "prompt": text,
        "keywords": array(text),
        "delay": choice("minimal", "low", "medium", "high", "xhigh"),
    }
)
_noise_reduction = fields({"type": choice("near_field", "far_field"), "strength": number(0.0, 1.0)})
_voice = either(short_text(64), fields({"id": short_text(64)}, ["id"]))
_tool = tagged(
    {
        "function": fields({"type": anything, "name": short_text(64), "description": text, "parameters": anything}),
        "mcp": anything,
    }
)
_tool_choice = either(
    choice("none", "auto", "required"),
    tagged({"function": fields({"type": anything, "name": text}, ["name"]), "mcp": anything}),
)
_reasoning = fields({"effort": choice("minimal", "low", "medium", "high", "xhigh")})
_prompt = fields({"id": text, "version": nullable(text), "variables": anything}, ["id"])

_session = fields(
    {
        "type": choice("realtime"),
        "model": text,
        "instructions": text,
        "output_modalities": _modalities,
        "max_output_tokens": _max_output_tokens,
        "audio": fields(
            {
                "input": fields(
                    {
                        "format": _audio_format,
                        "turn_detection": nullable(_turn_detection),
                        "transcription": nullable(_transcription),
                        "noise_reduction": nullable(_noise_reduction),
                    }
                ),
                "output": fields({"format": _audio_format, "voice": _voice, "speed": number(0.25, 1.5)}),
            }
        ),
        "tools": array(_tool),
        "tool_choice": _tool_choice,
        "parallel_tool_calls": flag,
        "include": nullable(array(choice("item.input_audio_transcription.logprobs"))),
        "prompt": nullable(_prompt),
        "reasoning": nullable(_reasoning),
        "tracing": nullable(
            either(choice("auto"), fields({"group_id": text, "metadata": anything, "workflow_name": text}))
        ),
        "truncation": either(choice("auto", "disabled"), tagged({"retention_ratio": anything})),
    },
    required=["type"],
)


def _message(role: str, *contents: tuple[str, dict[str, Check]]) -> Check:
    parts = tagged({name: fields({"type": anything, **checks}, list(checks)[:1]) for name, checks in contents})
    return fields(
        {
            "type": anything,
            "role": choice(role),
            "content": array(parts, at_least=1),
            "id": _item_id,
            "object": choice("realtime.item"),
            "status": choice("completed", "incomplete", "in_progress"),
        },
        required=["content"],
    )


def _tool_item(**checks: Check) -> Check:
    common = {"type": anything, "id": _item_id, "object": choice("realtime.item")}
    required = [name for name in checks if name not in ("status", "call_id")]
    return fields({**common, "status": choice("completed", "incomplete", "in_progress"), **checks}, required)


_item = tagged(
    {
        "message": tagged(
            {
                "user": _message(
                    "user",
                    ("input_text", {"text": text}),
                    ("input_audio", {"audio": text, "transcript": nullable(text)}),
                    ("input_image", {"image_url": text, "detail": choice("auto", "low", "high")}),
                ),
                "assistant": _message(
                    "assistant",
                    ("output_text", {"text": text}),
                    ("output_audio", {"transcript": text, "audio": text}),
                ),
                "system": _message("system", ("input_text", {"text": text})),
            },
            tag="role",
        ),
        "function_call": _tool_item(name=text, arguments=text, call_id=short_text(64)),
        "function_call_output": _tool_item(output=text, call_id=short_text(64)),
    }
)
_response = fields(
    {
        "conversation": choice("auto", "none"),
        "instructions": text,
        "output_modalities": _modalities,
        "max_output_tokens": _max_output_tokens,
        "metadata": _metadata,
        "audio": fields({"output": fields({"format": _audio_format, "voice": _voice})}),
        "input": array(either(fields({"type": choice("item_reference"), "id": text}, ["id"]), _item)),
        "tools": array(_tool),
        "tool_choice": _tool_choice,
        "parallel_tool_calls": flag,
        "prompt": nullable(_prompt),
        "reasoning": nullable(_reasoning),
    }
)


def _event(required: tuple[str, ...] = (), **checks: Check) -> Check:
    return fields({"type": anything, "event_id": nullable(short_text(512)), **checks}, required)


_EVENTS: dict[str, Check] = {
    "session.update": _event(("session",), session=_session),
    "input_audio_buffer.append": _event(("audio",), audio=text),
    "input_audio_buffer.commit": _event(),
    "input_audio_buffer.clear": _event(),
    "output_audio_buffer.clear": _event(),
    "conversation.item.create": _event(("item",), item=_item, previous_item_id=nullable(text)),
    "conversation.item.retrieve": _event(("item_id",), item_id=text),
    "conversation.item.delete": _event(("item_id",), item_id=text),
    "conversation.item.truncate": _event(
        ("item_id", "content_index", "audio_end_ms"),
        item_id=text,
        content_index=integer(0, 2**31),
        audio_end_ms=integer(0, 2**31),
    ),
    "response.create": _event(response=nullable(_response)),
    "response.cancel": _event(response_id=nullable(text)),
}
CLIENT_EVENTS = frozenset(_EVENTS)


def check_event(event: Any) -> str:
    """The event's type; raises RequestError if the event is not one that a client may send."""
    if not isinstance(event, dict):
        raise RequestError("invalid_event", "An event must be a JSON object.")
    kind = event.get("type")
    if kind is None:
        raise RequestError("missing_required_parameter", "Missing required parameter: 'type'.", "type")
    if not isinstance(kind, str) or kind not in _EVENTS:
        names = ", ".join(f"'{name}'" for name in _EVENTS)
        raise RequestError("invalid_value", f"Invalid value: {kind!r}. Supported values are: {names}.", "type")
    _EVENTS[kind](event, "")
    return kind
