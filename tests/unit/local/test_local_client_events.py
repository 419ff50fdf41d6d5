from collections.abc import Callable
from typing import Any

import pytest

from mod_openai_realtime.local.client_events import CLIENT_EVENTS, checked
from mod_openai_realtime.local.errors import RequestError

GOOD: list[dict[str, Any]] = [
    {"type": "session.update", "event_id": "e", "session": {"type": "realtime", "instructions": "Be brief."}},
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "output_modalities": ["text"],
            "max_output_tokens": "inf",
            "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}}],
            "tool_choice": {"type": "function", "name": "f"},
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transcription": {"model": "whisper-1", "language": "en"},
                    "noise_reduction": {"type": "near_field"},
                    "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "cedar", "speed": 1.25},
            },
        },
    },
    {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}},
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    {
        "type": "conversation.item.create",
        "previous_item_id": "root",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "c", "output": "{}"},
    },
    {"type": "conversation.item.retrieve", "item_id": "i"},
    {"type": "conversation.item.delete", "item_id": "i"},
    {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 10},
    {"type": "response.create"},
    {
        "type": "response.create",
        "response": {"conversation": "none", "metadata": {"a": "b"}, "max_output_tokens": 9, "instructions": "x"},
    },
    {"type": "response.cancel", "response_id": "r"},
]


@pytest.mark.parametrize("event", GOOD, ids=lambda event: event["type"])
def test_events_that_the_sdk_knows_are_accepted(
    event: dict[str, Any], check_client_event: Callable[[dict[str, Any]], None]
) -> None:
    check_client_event(event)
    assert checked(event) == event


def test_all_eleven_events_are_covered() -> None:
    assert {event["type"] for event in GOOD} == CLIENT_EVENTS
    assert len(CLIENT_EVENTS) == 11


def _session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def _vad(**fields: Any) -> dict[str, Any]:
    return _session(audio={"input": {"turn_detection": {"type": "server_vad", **fields}}})


def _transcription(**fields: Any) -> dict[str, Any]:
    return _session(audio={"input": {"transcription": fields}})


def _response(**fields: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": fields}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}


def _part(role: str, **part: Any) -> dict[str, Any]:
    return _item({"type": "message", "role": role, "content": [part]})


def _at(place: str, fault: str = "value") -> tuple[str, str]:
    codes = {"value": "invalid_value", "type": "invalid_type", "missing": "missing_required_parameter"}
    return codes[fault], f"session.{place}"


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ([], "invalid_event", None),
        ({}, "missing_required_parameter", "type"),
        ({"type": 1}, "invalid_value", "type"),
        ({"type": "session.created"}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
        ({"type": "session.update", "session": []}, "invalid_type", "session"),
        (_session(colour="red"), "unknown_parameter", "session.colour"),
        (_session(modalities=["text"]), "unknown_parameter", "session.modalities"),
        (_session(output_modalities=["text", "audio"]), "invalid_value", "session.output_modalities"),
        (_session(max_output_tokens=5000), "invalid_value", "session.max_output_tokens"),
        (
            _session(audio={"input": {"format": {"type": "audio/pcm", "rate": 8000}}}),
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            _session(audio={"input": {"format": {"type": "pcm16"}}}),
            "invalid_value",
            "session.audio.input.format.type",
        ),
        (_vad(threshold=1.5), "invalid_value", "session.audio.input.turn_detection.threshold"),
        (_vad(threshold=True), "invalid_type", "session.audio.input.turn_detection.threshold"),
        (_vad(silence_duration_ms=1.5), "invalid_type", "session.audio.input.turn_detection.silence_duration_ms"),
        (_vad(eagerness="low"), "unknown_parameter", "session.audio.input.turn_detection.eagerness"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 5}, "invalid_type", "audio"),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": [{"type": "output_text", "text": ""}]},
            },
            "invalid_value",
            "item.content[0].type",
        ),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": -1},
            "invalid_value",
            "audio_end_ms",
        ),
        ({"type": "response.create", "response": {"metadata": {"a": 1}}}, "invalid_type", "response.metadata.a"),
        (_response(metadata={"a": "x" * 513}), "invalid_value", "response.metadata.a"),
        (_response(metadata={"x" * 65: "a"}), "invalid_value", "response.metadata"),
        (_response(metadata={str(n): "a" for n in range(17)}), "invalid_value", "response.metadata"),
        (_response(conversation="mine"), "invalid_value", "response.conversation"),
        (_response(audio={"output": {"voice": "nova"}}), "invalid_value", "response.audio.output.voice"),
        (_response(audio={"output": {"speed": 1.0}}), "unknown_parameter", "response.audio.output.speed"),
        (_response(input=[{"type": "item_reference"}]), "missing_required_parameter", "response.input[0].id"),
        (_session(audio={"output": {"voice": "nova"}}), "invalid_value", "session.audio.output.voice"),
        (_session(audio={"output": {"voice": {}}}), "missing_required_parameter", "session.audio.output.voice.id"),
        (_session(audio={"output": {"speed": 1.6}}), "invalid_value", "session.audio.output.speed"),
        (_session(tools=[{"type": "function"}]), "missing_required_parameter", "session.tools[0].name"),
        (_session(tools=[{"type": "function", "name": "a b"}]), "invalid_value", "session.tools[0].name"),
        (_session(tools=[{"type": "function", "name": "f" * 65}]), "invalid_value", "session.tools[0].name"),
        (_session(tools=[{"type": "function", "name": "f", "parameters": []}]), *_at("tools[0].parameters", "type")),
        (_session(tools=[{"type": "mcp", "server_label": "x"}]), *_at("tools[0].server_url", "missing")),
        (_session(tools=[{"type": "mcp", "server_url": "x"}]), *_at("tools[0].server_label", "missing")),
        (_session(tool_choice="sometimes"), *_at("tool_choice")),
        (_session(tool_choice={"type": "function"}), *_at("tool_choice.name", "missing")),
        (_session(truncation="never"), *_at("truncation")),
        (_session(truncation={"type": "retention_ratio"}), *_at("truncation.retention_ratio", "missing")),
        (_session(truncation={"type": "retention_ratio", "retention_ratio": 2}), *_at("truncation.retention_ratio")),
        (_session(tracing="manual"), *_at("tracing")),
        (_session(prompt={"version": "1"}), *_at("prompt.id", "missing")),
        (_session(reasoning={"effort": "most"}), *_at("reasoning.effort")),
        (_session(include=["everything"]), *_at("include[0]")),
        (_session(max_output_tokens=0), *_at("max_output_tokens")),
        (_vad(idle_timeout_ms=4999), *_at("audio.input.turn_detection.idle_timeout_ms")),
        (_transcription(model="whisper-2"), *_at("audio.input.transcription.model")),
        (_transcription(language="English, please"), *_at("audio.input.transcription.language")),
        (_transcription(model="whisper-1", delay="low"), *_at("audio.input.transcription.delay")),
        (_transcription(model="gpt-realtime-whisper", prompt="x"), *_at("audio.input.transcription.prompt")),
        (_transcription(model="whisper-1", keywords=["x"]), *_at("audio.input.transcription.keywords")),
        (_item({"type": "message", "role": "user", "content": []}), "invalid_value", "item.content"),
        (_part("user", type="input_audio", audio="%"), "invalid_value", "item.content[0].audio"),
        (_part("user", type="input_audio"), "missing_required_parameter", "item.content[0].audio"),
        (_part("user", type="input_image", image_url="https://x"), "invalid_value", "item.content[0].image_url"),
        (_part("system", type="input_audio", audio=""), "invalid_value", "item.content[0].type"),
        (_part("assistant", type="input_text", text=""), "invalid_value", "item.content[0].type"),
        (_part("developer", type="input_text", text=""), "invalid_value", "item.role"),
        (_item({"type": "function_call_output", "output": ""}), "missing_required_parameter", "item.call_id"),
        (_item({"type": "item_reference", "id": "x"}), "invalid_value", "item.type"),
    ],
)
def test_a_bad_event_is_refused_with_the_path_of_the_fault(event: Any, code: str, param: str | None) -> None:
    with pytest.raises(RequestError) as caught:
        checked(event)
    assert (caught.value.code, caught.value.param) == (code, param)
