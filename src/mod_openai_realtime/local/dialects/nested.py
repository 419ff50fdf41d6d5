"""Servers with the names of today and sessions of their own: xAI, Inworld, Hugging Face speech-to-speech, LocalAI."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Response

from ..behaviour import Behaviour
from ..client_events import checked
from ..client_secrets import ClientSecrets
from ..errors import RequestError
from ..handshake import answer
from ..schema import Check, anything, array, choice, fields, flag, free_object, integer, nullable, number, tagged, text
from .flat import ALL_EVENTS
from .mimic import Compatible, Event, Mimic, behind, joined, one_delta, pcm

_RATES = (8000, 16000, 24000, 32000, 44100, 48000)
_DETECTION = fields(
    {
        "type": choice("server_vad", "semantic_vad"),
        "threshold": number(0.0, 1.0),
        "prefix_padding_ms": integer(0, 10_000),
        "silence_duration_ms": integer(0, 30_000),
        "create_response": flag,
        "interrupt_response": flag,
        "eagerness": choice("low", "medium", "high", "auto"),
        "idle_timeout_ms": nullable(integer(0, 60_000)),
    },
    ["type"],
)


def _format(*pcm_rates: int, g711: bool = True) -> Check:
    """`pcm_rates` has to be named by one of these where it is pcm."""
    kinds: dict[str, Check] = {"audio/pcm": fields({"type": anything, "rate": choice(*pcm_rates)})}
    if g711:
        kinds["audio/pcmu"] = kinds["audio/pcma"] = fields({"type": anything})
    return tagged(kinds)


def _stated(session: dict[str, Any]) -> dict[str, Any]:
    """The formats of a checked session, for the one behind."""
    audio: dict[str, Any] = {}
    for side in ("input", "output"):
        given = session.get("audio", {}).get(side, {}).get("format")
        if given is not None:
            audio[side] = {"format": pcm(given.get("rate", 24000)) if given["type"] == "audio/pcm" else given}
    return {"audio": audio} if audio else {}


class Xai(Compatible):
    """Voice and turn detection at the top, formats below; two greetings, and a `ping` of its own."""

    name = "xai"
    paths = ("/v1/realtime",)
    known = ALL_EVENTS
    _RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
    _SIDE = staticmethod(
        fields({"format": _format(*_RATES), "transport": choice("json", "binary"), "transcription": anything})
    )
    _SCHEMA = staticmethod(
        fields(
            {
                "type": choice("realtime"),
                "voice": text,
                "instructions": text,
                "turn_detection": nullable(_DETECTION),
                "tools": array(free_object),
                "tool_choice": anything,
                "output_modalities": array(choice("text", "audio")),
                "audio": fields({"input": _SIDE, "output": _SIDE}),
                "resumption": free_object,
                "temperature": number(0.0, 2.0),
            }
        )
    )

    def __init__(self) -> None:
        super().__init__()
        self._heard = False

    def first_session(self) -> dict[str, Any]:
        return {"voice": "ara", "instructions": "", "turn_detection": {"type": "server_vad"}, "tools": []}

    def take_update(self, session: Any) -> dict[str, Any]:
        good = self._SCHEMA(session, "session")
        before = self.session.get("audio", {}).get("input", {}).get("format", {"type": "audio/pcm", "rate": 24000})
        after = good.get("audio", {}).get("input", {}).get("format", before)
        if self._heard and after != before:
            raise RequestError("invalid_value", "Multiple frame rates in one session.", "session.audio.input.format")
        self.session = joined(self.session, good)
        flat = {name: value for name, value in good.items() if name != "tools"}
        return joined(behind(flat), _stated(good))

    def changed(self, event: Event) -> Event | None:
        self._heard = self._heard or event["type"] == "input_audio_buffer.append"
        return checked(event)

    def outgoing(self, event: Event) -> list[Event]:
        made = super().outgoing(event)
        if event["type"] == "session.created":
            made.append({"type": "conversation.created", "conversation": {"id": "conv_local"}})
            made.append({"type": "ping"})
        return made


class Inworld(Compatible):
    """It knows no truncation, wants an update first, and its key as `Basic`."""

    name = "inworld"
    example = "?key=any&protocol=realtime"
    paths = ("/api/v1/realtime/session",)
    query = ("key", "protocol")
    known = ALL_EVENTS - {"conversation.item.truncate"}
    needs_update = True
    _SCHEMA = staticmethod(
        fields(
            {
                "type": choice("realtime"),
                "model": text,
                "instructions": text,
                "output_modalities": array(choice("text", "audio")),
                "tools": array(free_object),
                "tool_choice": anything,
                "temperature": number(0.0, 2.0),
                "audio": fields(
                    {
                        "input": fields(
                            {
                                "format": _format(*_RATES),
                                "turn_detection": nullable(_DETECTION),
                                "transcription": nullable(free_object),
                            }
                        ),
                        "output": fields(
                            {"format": _format(*_RATES), "model": text, "voice": text, "speed": number(0.5, 1.5)}
                        ),
                    }
                ),
                "providerData": free_object,
            },
            ["type"],
        )
    )

    def first_session(self) -> dict[str, Any]:
        return {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}, "output": {}}}

    def key_refusal(self, path: str, headers: Headers, api_key: str | None, secrets: ClientSecrets) -> Response | None:
        if parse_qs(urlsplit(path).query)["protocol"] != ["realtime"]:
            return answer(400, "invalid_parameter", "protocol has to be realtime.")
        given = [each.partition(" ")[2] for each in headers.get_all("Authorization")]
        if api_key is not None and api_key not in given:
            return answer(401, "unauthenticated", "The key is missing or wrong.")
        return None

    def take_update(self, session: Any) -> dict[str, Any]:
        good = self._SCHEMA(session, "session")
        self.session = joined(self.session, good)
        return joined(_nested_behind(good), _stated(good))

    def outgoing(self, event: Event) -> list[Event]:
        made = super().outgoing(event)
        return [*made, {"type": "ping"}] if event["type"] == "session.created" else made


def _nested_behind(good: dict[str, Any]) -> dict[str, Any]:
    """What a nested, checked session means for the one behind, without formats."""
    given = good.get("audio", {}).get("input", {})
    flat = {name: good[name] for name in ("instructions",) if name in good}
    if "turn_detection" in given:
        flat["turn_detection"] = given["turn_detection"]
    if "transcription" in given:
        flat["input_audio_transcription"] = given["transcription"]
    made = behind(flat)
    if "output_modalities" in good:
        made["output_modalities"] = ["audio"] if "audio" in good["output_modalities"] else ["text"]
    return made


class HuggingFace(Compatible):
    """pcm at 16 kHz where nothing is said, at 24 kHz where that is; G.711 is agreed to, and taken for pcm."""

    name = "huggingface"
    example = ""
    paths = ("/v1/realtime",)
    known = frozenset(
        {
            "session.update",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "output_audio_buffer.clear",
            "conversation.item.create",
            "conversation.item.truncate",
            "response.create",
            "response.cancel",
        }
    )
    renamed: ClassVar[dict[str, str | None]] = {
        "conversation.item.added": "conversation.item.created",
        "conversation.item.done": None,
    }
    _SIDE: ClassVar[dict[str, Check]] = {"format": _format(24000), "turn_detection": nullable(_DETECTION)}
    _SCHEMA = staticmethod(
        fields(
            {
                "type": anything,
                "model": text,
                "instructions": text,
                "output_modalities": array(choice("text", "audio")),
                "tools": array(free_object),
                "tool_choice": anything,
                "max_output_tokens": anything,
                "truncation": anything,
                "tracing": anything,
                "audio": fields(
                    {
                        "input": fields({**_SIDE, "transcription": nullable(free_object), "noise_reduction": anything}),
                        "output": fields({"format": _format(24000), "voice": anything, "speed": number(0.25, 1.5)}),
                    }
                ),
            }
        )
    )

    def first_session(self) -> dict[str, Any]:
        return {"type": "realtime"}

    def begins_with(self) -> dict[str, Any]:
        return {"audio": {"input": {"format": pcm(16000)}, "output": {"format": pcm(16000)}}}

    def key_refusal(self, path: str, headers: Headers, api_key: str | None, secrets: ClientSecrets) -> Response | None:
        return None  # it asks for none

    def unknown(self, kind: Any) -> RequestError:
        return RequestError("unknown_or_invalid_event", f"Unknown or invalid event: {kind!r}", "type")

    def take_update(self, session: Any) -> dict[str, Any]:
        if isinstance(session, dict) and session.get("type") == "transcription":
            raise RequestError("invalid_session_type", "Only 'realtime' session type is supported.", "session.type")
        good = self._SCHEMA(session, "session")
        self.session = joined(self.session, good)
        audio: dict[str, Any] = {}
        for side in ("input", "output"):
            stated = good.get("audio", {}).get(side, {}).get("format")
            if stated is not None:
                audio[side] = {"format": pcm(stated.get("rate", 16000))}  # of G.711 too
        return joined(_nested_behind(good), {"audio": audio} if audio else {})

    def changed(self, event: Event) -> Event | None:
        if event["type"] in ("conversation.item.truncate", "output_audio_buffer.clear"):
            return None  # no answer, no effect
        item = event.get("item")
        given = item if isinstance(item, dict) else {}
        if given.get("type") == "function_call" and not str(given.get("call_id", "")).startswith("call_"):
            raise RequestError("invalid_value", "The call_id should start with 'call_'.", "item.call_id")
        return checked(event)


class LocalAi(Mimic):
    """OpenAI's session; an event that it does not know gets no answer, and the whole answer comes in one delta."""

    name = "localai"
    paths = ("/v1/realtime",)
    query = ("model",)

    def behaviour(self, behaviour: Behaviour) -> Behaviour:
        return one_delta(behaviour)

    def incoming(self, event: Any) -> Event | None:
        if not isinstance(event, dict) or event.get("type") not in ALL_EVENTS:
            return None
        if event["type"] == "input_audio_buffer.append" and not event.get("audio"):
            raise RequestError("missing_audio_data", "Audio data is missing", "audio")
        session = event.get("session")
        if event["type"] == "session.update" and isinstance(session, dict):
            session = dict(session)
            if "turn_detection" in session:  # its own spelling
                session = joined(session, {"audio": {"input": {"turn_detection": session.pop("turn_detection")}}})
            session.pop("localai_classifier", None)
            formats = _stated(session) if isinstance(session.get("audio"), dict) else {}
            for side in formats.get("audio", {}):
                session["audio"] = {**session["audio"], side: dict(session["audio"][side])}
                del session["audio"][side]["format"]
            good = checked({**event, "session": session})
            return {**good, "session": joined(good["session"], formats)}
        return checked(event)

    def outgoing(self, event: Event) -> list[Event]:
        created = event["type"] == "conversation.item.done" and event["item"].get("role") != "assistant"
        return [] if created else [event]
