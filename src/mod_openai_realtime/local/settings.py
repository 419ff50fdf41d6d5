"""The settings of a session: what it begins with, and what a `session.update` makes of it."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from .choosing import check_choice
from .errors import RequestError
from .formats import AudioFormat, format_of

DEFAULT_MODEL = "gpt-realtime-2.1"
_SERVER_VAD: dict[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
    "idle_timeout_ms": None,
}
_SEMANTIC_VAD: dict[str, Any] = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
_VAD_DEFAULTS = {each["type"]: each for each in (_SERVER_VAD, _SEMANTIC_VAD)}
# The service waits for a model's judgement here. Where there is none, eagerness sets the silence that ends a turn.
_EAGERNESS_SILENCE_MS = {"low": 1200, "medium": 600, "auto": 600, "high": 300}


@dataclass(frozen=True)
class TurnDetection:
    """How the session finds the user's turns; times in ms."""

    threshold: float
    prefix_padding_ms: int
    silence_duration_ms: int
    create_response: bool
    interrupt_response: bool
    idle_timeout_ms: int | None


class SessionSettings:
    """The effective settings, as `session.created` and `session.updated` show them."""

    def __init__(self, session_id: str, model: str, expires_at: int, *, transcribing: bool = False) -> None:
        """`transcribing`: the session only writes down what it hears."""
        if transcribing:
            self._values: dict[str, Any] = _transcribing(session_id, expires_at)
            return
        self._values = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "expires_at": expires_at,
            "model": model,
            "output_modalities": ["audio"],
            "instructions": "You are a helpful voice agent on the telephone.",
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "audio": {
                "input": _input(),
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
            },
        }

    def as_json(self) -> dict[str, Any]:
        return deepcopy(self._values)

    @property
    def transcribing(self) -> bool:
        return bool(self._values["type"] == "transcription")

    @property
    def model(self) -> str:
        return str(self._values.get("model", ""))

    @property
    def input_format(self) -> AudioFormat:
        return format_of(self._values["audio"]["input"]["format"])

    @property
    def output_format(self) -> AudioFormat:
        return format_of(self._values["audio"].get("output", {}).get("format", {"type": "audio/pcm"}))

    @property
    def for_responses(self) -> dict[str, Any]:
        """What a response goes by where its `response.create` says nothing else; not to be changed."""
        return self._values

    @property
    def voice(self) -> Any:
        return self._values["audio"]["output"]["voice"]

    @property
    def speed(self) -> float:
        return float(self._values["audio"]["output"]["speed"])

    @property
    def tools(self) -> list[dict[str, Any]]:
        return list(self._values.get("tools", ()))

    @property
    def transcription(self) -> dict[str, Any] | None:
        chosen: dict[str, Any] | None = self._values["audio"]["input"]["transcription"]
        return chosen

    @property
    def logprobs(self) -> bool:
        return bool(self._values["include"])

    @property
    def turn_detection(self) -> TurnDetection | None:
        chosen = self._values["audio"]["input"]["turn_detection"]
        if chosen is None:
            return None
        semantic = chosen["type"] == "semantic_vad"
        timing = _SERVER_VAD if semantic else chosen
        return TurnDetection(
            threshold=timing["threshold"],
            prefix_padding_ms=timing["prefix_padding_ms"],
            silence_duration_ms=_EAGERNESS_SILENCE_MS[chosen["eagerness"]]
            if semantic
            else timing["silence_duration_ms"],
            create_response=chosen["create_response"],
            interrupt_response=chosen["interrupt_response"],
            idle_timeout_ms=timing["idle_timeout_ms"],
        )

    def begin(self, changes: dict[str, Any]) -> None:
        """What another server than OpenAI's begins with."""
        self._values = _merged(self._values, changes)

    def update(self, changes: dict[str, Any], *, voice_is_fixed: bool, responding: bool = False) -> None:
        """Takes over the fields that a checked `session.update` names, and leaves the others as they are.

        `voice_is_fixed`: the session has sent audio, so its voice can't change. A session keeps the model it was opened
        with, whatever is asked for. Raises RequestError and changes nothing if what is fixed would change.
        """
        changes = {name: value for name, value in changes.items() if name != "model"}
        if changes["type"] != self._values["type"]:
            raise RequestError(
                "invalid_parameter",
                f"Passing a {changes['type']} session update event to a {self._values['type']} session is not allowed.",
                "session.type",
            )
        output = changes.get("audio", {}).get("output", {})
        if voice_is_fixed and output.get("voice", self.voice) != self.voice:
            raise RequestError(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
                "session.audio.output.voice",
            )
        if responding and output.get("speed", self.speed) != self.speed:
            raise RequestError(
                "cannot_update_speed",
                "The speed can only be changed in between model turns, not while a response is in progress.",
                "session.audio.output.speed",
            )
        if self._values.get("tracing") is not None and "tracing" in changes:
            if changes["tracing"] not in (None, self._values["tracing"]):
                raise RequestError(
                    "cannot_update_tracing",
                    "Once tracing is enabled for a session, the configuration cannot be modified.",
                    "session.tracing",
                )
            changes.pop("tracing")
        merged = _merged(self._values, changes)
        if "tool_choice" in merged:
            check_choice(merged["tool_choice"], merged["tools"], "session.tool_choice")
        self._values = merged


def _transcribing(session_id: str, expires_at: int) -> dict[str, Any]:
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at,
        "include": None,
        "audio": {"input": _input()},
    }


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for name, value in new.items():
        before = result.get(name)
        if name == "format":
            result[name] = format_of(value).as_json()
        elif name == "turn_detection" and value is not None:
            if before is None or before["type"] != value["type"]:
                before = _VAD_DEFAULTS[value["type"]]
            result[name] = {**before, **value}
        elif name in ("audio", "input", "output", "noise_reduction") and isinstance(value, dict):
            result[name] = _merged(before or {}, value)
        else:
            result[name] = deepcopy(value)
    return result


def _input() -> dict[str, Any]:
    return {
        "format": {"type": "audio/pcm", "rate": 24000},
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": dict(_SERVER_VAD),
    }
