"""The settings of a session: what it begins with, and what a `session.update` makes of it."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from .errors import RequestError
from .formats import FORMATS, AudioFormat

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

    def __init__(self, session_id: str, model: str, expires_at: int) -> None:
        self._values: dict[str, Any] = {
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
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": dict(_SERVER_VAD),
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
            },
        }

    def as_json(self) -> dict[str, Any]:
        return deepcopy(self._values)

    @property
    def input_format(self) -> AudioFormat:
        return FORMATS[self._values["audio"]["input"]["format"]["type"]]

    @property
    def output_format(self) -> AudioFormat:
        return FORMATS[self._values["audio"]["output"]["format"]["type"]]

    @property
    def voice(self) -> Any:
        return self._values["audio"]["output"]["voice"]

    @property
    def modality(self) -> str:
        return str(self._values["output_modalities"][0])

    @property
    def instructions(self) -> str:
        return str(self._values["instructions"])

    @property
    def max_output_tokens(self) -> int | str:
        limit: int | str = self._values["max_output_tokens"]
        return limit

    @property
    def transcribes(self) -> bool:
        return self._values["audio"]["input"]["transcription"] is not None

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

    def update(self, changes: dict[str, Any], *, voice_is_fixed: bool) -> None:
        """Takes over the fields that a checked `session.update` names, and leaves the others as they are.

        `voice_is_fixed`: the session has sent audio, so its voice can't change. Raises RequestError and changes
        nothing if the model, or a fixed voice, would change.
        """
        if changes.get("model", self._values["model"]) != self._values["model"]:
            raise RequestError("cannot_update_model", "The model of a session can't be changed.", "session.model")
        output = changes.get("audio", {}).get("output", {})
        if voice_is_fixed and output.get("voice", self.voice) != self.voice:
            raise RequestError(
                "cannot_update_voice", "The voice can't be changed after the first audio.", "session.audio.output.voice"
            )
        self._values = _merged(self._values, changes)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for name, value in new.items():
        before = result.get(name)
        if name == "format":
            result[name] = FORMATS[value["type"]].as_json()
        elif name == "turn_detection" and value is not None:
            if before is None or before["type"] != value["type"]:
                before = _VAD_DEFAULTS[value["type"]]
            result[name] = {**before, **value}
        elif name in ("audio", "input", "output", "noise_reduction") and isinstance(value, dict):
            result[name] = _merged(before or {}, value)
        else:
            result[name] = deepcopy(value)
    return result
