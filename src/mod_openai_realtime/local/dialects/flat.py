"""Servers with the names and the flat session of the beta: OpenAI's own of then, Voice Live, Qwen, Speaches."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Response

from ..beta import BETA_NAMES
from ..client_events import checked
from ..client_secrets import ClientSecrets
from ..errors import RequestError
from ..handshake import answer
from ..schema import Check, anything, array, choice, fields, flag, free_object, integer, nullable, number, text
from .mimic import Compatible, Event, behind, joined, pcm, rates

_PARTS_OUT = {"output_audio": "audio", "output_text": "text"}
_PARTS_IN = {each: name for name, each in _PARTS_OUT.items()}

ALL_EVENTS = frozenset(
    {
        "session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.retrieve",
        "conversation.item.delete",
        "conversation.item.truncate",
        "response.create",
        "response.cancel",
    }
)
_VAD: dict[str, Check] = {
    "type": choice("server_vad", "semantic_vad"),
    "threshold": number(0.0, 1.0),
    "prefix_padding_ms": integer(0, 5000),
    "silence_duration_ms": integer(0, 30000),
    "create_response": flag,
    "interrupt_response": flag,
    "eagerness": choice("low", "medium", "high", "auto"),
}
_MODALITIES = array(choice("text", "audio"), at_least=1, at_most=2)


def _modalities(value: Any, path: str) -> Any:
    if set(_MODALITIES(value, path)) == {"audio"}:
        raise RequestError("invalid_value", "Invalid modalities: ['audio']. Use ['text'] or ['text', 'audio'].", path)
    return value


SESSION: dict[str, Check] = {
    "model": text,
    "modalities": _modalities,
    "instructions": text,
    "voice": text,
    "input_audio_transcription": nullable(free_object),
    "turn_detection": nullable(fields(_VAD, ["type"])),
    "tools": array(free_object),
    "tool_choice": anything,
    "temperature": number(0.0, 2.0),
    "max_response_output_tokens": anything,
    "speed": number(0.25, 1.5),
    "input_audio_noise_reduction": nullable(free_object),
}


class Flat(Compatible):
    """What these have in common."""

    known = ALL_EVENTS
    renamed: ClassVar[dict[str, str | None]] = BETA_NAMES
    schema: ClassVar[dict[str, Check]] = SESSION

    def first_session(self) -> dict[str, Any]:
        return {
            "modalities": ["text", "audio"],
            "instructions": "You are a helpful assistant.",
            "voice": "alloy",
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "input_audio_transcription": None,
            "turn_detection": {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 500},
            "tools": [],
            "temperature": 0.8,
        }

    def take_update(self, session: Any) -> dict[str, Any]:
        good = fields(self.schema)(session, "session")
        self.session = joined(self.session, good)
        return joined(behind(good), self.formats(good))

    def formats(self, good: dict[str, Any]) -> dict[str, Any]:
        """Of the session behind, by what a good update says of them."""
        return {}

    def changed(self, event: Event) -> Event | None:
        kind = event["type"]
        if kind == "conversation.item.create" and isinstance(event.get("item"), dict):
            event = {**event, "item": _item_in(event["item"])}
        elif kind == "response.create" and isinstance(event.get("response"), dict):
            event = {**event, "response": self._response_in(event["response"])}
        return checked(event)

    def _response_in(self, asked: dict[str, Any]) -> dict[str, Any]:
        known = ("conversation", "metadata", "input")
        for name in asked:
            if name not in self.schema and name not in known:
                raise RequestError("unknown_parameter", f"Unknown parameter: 'response.{name}'.", f"response.{name}")
        made = {name: asked[name] for name in (*known, "instructions", "tools", "tool_choice") if name in asked}
        if "modalities" in asked:
            made["output_modalities"] = ["audio"] if "audio" in _modalities(asked["modalities"], "") else ["text"]
        return made

    def outgoing(self, event: Event) -> list[Event]:
        made = super().outgoing(event)
        for each in made:
            if isinstance(each.get("item"), dict):
                each["item"] = _item_out(each["item"])
            if isinstance(each.get("part"), dict):
                each["part"] = _part_out(each["part"])
            if isinstance(each.get("response"), dict):
                each["response"] = _response_out(each["response"])
        return made


def _part_out(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "type": _PARTS_OUT.get(part["type"], part["type"])}


def _item_out(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "content": [_part_out(each) for each in item["content"]]} if "content" in item else item


def _response_out(response: dict[str, Any]) -> dict[str, Any]:
    left_out = ("audio", "output_modalities", "max_output_tokens")
    made = {name: value for name, value in response.items() if name not in left_out}
    made["modalities"] = ["text", "audio"] if response.get("output_modalities") == ["audio"] else ["text"]
    made["output"] = [_item_out(each) for each in response.get("output", [])]
    return made


def _item_in(item: dict[str, Any]) -> dict[str, Any]:
    """Raises RequestError for the parts that came later."""
    parts = item.get("content")
    if not isinstance(parts, list):
        return item
    for index, part in enumerate(parts):
        if isinstance(part, dict) and part.get("type") in _PARTS_OUT:
            raise RequestError(
                "invalid_value",
                f"Invalid value: '{part['type']}'. Supported values are: 'input_text', 'input_audio', 'text', 'audio'.",
                f"item.content[{index}].type",
            )
    named = [{**part, "type": _PARTS_IN.get(part["type"], part["type"])} for part in parts if isinstance(part, dict)]
    return {**item, "content": named}


class OpenAiBeta(Flat):
    """OpenAI's before general availability, as Azure still has it: at its old path, or wherever there is an
    `api-version`. It refuses a session of today."""

    name = "openai-beta"
    example = "?api-version=2024-10-01-preview&deployment=any"
    paths = ("/openai/realtime", "/openai/v1/realtime", "/v1/realtime")
    _NAMES: ClassVar[dict[str, Any]] = {
        "pcm16": pcm(24000),
        "g711_ulaw": {"type": "audio/pcmu"},
        "g711_alaw": {"type": "audio/pcma"},
    }
    schema: ClassVar[dict[str, Check]] = {
        **SESSION,
        "input_audio_format": choice(*_NAMES),
        "output_audio_format": choice(*_NAMES),
        "tracing": anything,
    }

    def formats(self, good: dict[str, Any]) -> dict[str, Any]:
        return side_formats(good, self._NAMES, self._NAMES)


def side_formats(good: dict[str, Any], capture: dict[str, Any], playback: dict[str, Any]) -> dict[str, Any]:
    """Of the session behind, by the names in an update."""
    audio = {}
    if "input_audio_format" in good:
        audio["input"] = {"format": capture[good["input_audio_format"]]}
    if "output_audio_format" in good:
        audio["output"] = {"format": playback[good["output_audio_format"]]}
    return {"audio": audio} if audio else {}


class VoiceLive(Flat):
    """Azure's Voice Live."""

    name = "voice-live"
    example = "?api-version=2026-07-15&model=any"
    paths = ("/voice-live/realtime",)
    query = ("api-version", "model")
    needs_update = True
    _OUTPUT: ClassVar[dict[str, Any]] = {"pcm16": pcm(24000), "pcm16_16000hz": pcm(16000), "pcm16_8000hz": pcm(8000)}
    schema: ClassVar[dict[str, Check]] = {
        **SESSION,
        "voice": lambda value, path: free_object(value, path) if isinstance(value, dict) else text(value, path),
        "input_audio_format": choice("pcm16"),
        "input_audio_sampling_rate": choice(16000, 24000),
        "output_audio_format": choice(*_OUTPUT),
        "turn_detection": nullable(
            fields(
                {
                    **_VAD,
                    "type": choice("server_vad", "semantic_vad", "azure_semantic_vad"),
                    "auto_truncate": flag,
                    "remove_filler_words": flag,
                },
                ["type"],
            )
        ),
        "input_audio_echo_cancellation": nullable(free_object),
    }

    def formats(self, good: dict[str, Any]) -> dict[str, Any]:
        made = side_formats({"output_audio_format": self.session["output_audio_format"]}, {}, self._OUTPUT)
        rate = self.session.get("input_audio_sampling_rate", 24000)
        return joined(made, {"audio": {"input": {"format": pcm(rate)}}})

    def changed(self, event: Event) -> Event | None:
        detection = self.session["turn_detection"] or {}
        if event["type"] == "conversation.item.truncate" and detection.get("auto_truncate"):
            raise RequestError("invalid_value", "A session with auto_truncate truncates by itself.", "type")
        return super().changed(event)


class Qwen(Flat):
    """Alibaba's, at DashScope: seven events, no rate is named, and it wants an update first."""

    name = "qwen"
    paths = ("/api-ws/v1/realtime",)
    query = ("model",)
    needs_update = True
    known = frozenset(
        {
            "session.update",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "input_audio_buffer.clear",
            "response.create",
            "response.cancel",
        }
    )
    schema: ClassVar[dict[str, Check]] = {
        **SESSION,
        "input_audio_format": choice("pcm"),
        "output_audio_format": choice("pcm"),
        "tools": array(fields({"type": choice("function"), "function": free_object}, ["type", "function"])),
        "enable_search": flag,
        "search_options": free_object,
        "seed": integer(0, 2**31 - 1),
        "max_tokens": integer(1, 2**31 - 1),
        "top_p": number(0.0, 1.0),
        "top_k": integer(0, 1000),
        "repetition_penalty": number(0.0, 10.0),
        "presence_penalty": number(-2.0, 2.0),
    }

    def first_session(self) -> dict[str, Any]:
        return {
            **super().first_session(),
            "voice": "Cherry",
            "input_audio_format": "pcm",
            "output_audio_format": "pcm",
        }

    def begins_with(self) -> dict[str, Any]:
        return rates(16000, 24000)

    def take_update(self, session: Any) -> dict[str, Any]:
        changes = super().take_update(session)
        if "tools" in changes:
            changes["tools"] = [{"type": "function", **each["function"]} for each in changes["tools"]]
        return changes


class Speaches(Flat):
    """Formats and the prefix are not to be had: an error says so, and the rest of the update counts."""

    name = "speaches"
    paths = ("/v1/realtime",)
    query = ("model",)
    _FIXED = ("input_audio_format", "output_audio_format")

    def first_session(self) -> dict[str, Any]:
        return {
            **super().first_session(),
            "modalities": ["audio", "text"],
            "voice": "af_heart",
            "input_audio_transcription": {"model": "Systran/faster-distil-whisper-small.en"},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.9,
                "prefix_padding_ms": 0,
                "silence_duration_ms": 550,
                "create_response": True,
            },
        }

    def begins_with(self) -> dict[str, Any]:
        return behind({"turn_detection": self.session["turn_detection"]})

    def key_refusal(self, path: str, headers: Headers, api_key: str | None, secrets: ClientSecrets) -> Response | None:
        given = [*headers.get_all("X-API-Key"), *parse_qs(urlsplit(path).query).get("api_key", [])]
        given += [each.removeprefix("Bearer ") for each in headers.get_all("Authorization")]
        if api_key is not None and api_key not in given:
            return answer(403, "authentication_failed", "Authentication failed")  # closed before it was accepted
        return None

    def take_update(self, session: Any) -> dict[str, Any]:
        if not isinstance(session, dict):
            raise RequestError("invalid_type", "session: Input should be an object", "session")
        kept = {name: value for name, value in session.items() if name not in self._FIXED}
        left_out = [f"session.{name}" for name in self._FIXED if name in session]
        detection = session.get("turn_detection")
        if isinstance(detection, dict) and "prefix_padding_ms" in detection:
            left_out.append("session.turn_detection.prefix_padding_ms")
            kept["turn_detection"] = {name: each for name, each in detection.items() if name != "prefix_padding_ms"}
        for path in left_out:
            why = "The server either does not support this field or it is not configurable."
            message = f"Specifying `{path}` is not supported. {why}"
            self.tell({"type": "error", "error": {"type": "invalid_request_error", "message": message}})
        return super().take_update(kept)

    def changed(self, event: Event) -> Event | None:
        if event["type"] in ("conversation.item.truncate", "response.cancel"):
            error = RequestError("", f"Handling of the '{event['type']}' event is not implemented.", "type")
            error.type = "server_error"
            raise error
        if event["type"] == "conversation.item.create":
            event = {name: value for name, value in event.items() if name != "previous_item_id"}  # it is not looked at
        return super().changed(event)
