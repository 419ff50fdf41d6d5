"""vLLM-Omni's duplex server: silent until it was asked something, with a heartbeat and acknowledgements."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Response

from ..client_events import checked
from ..client_secrets import ClientSecrets
from ..errors import RequestError
from ..handshake import answer
from ..schema import anything, array, choice, fields, flag, free_object, integer, nullable, number, text
from .flat import ALL_EVENTS
from .mimic import Compatible, Event, behind, joined, pcm, rates

_FALSE = ("0", "false", "off")
_ENCODINGS = ("pcm16", "pcm_s16le", "s16le")


class Vllm(Compatible):
    """Of the document's many events those that a telephone call has to do with."""

    name = "vllm"
    example = "?duplex=1"
    paths = ("/v1/realtime", "/v1/duplex")
    greets = False
    known = ALL_EVENTS | {
        "session.heartbeat",
        "session.event_ack",
        "session.close",
        "playback.ack",
        "output_audio_buffer.clear",
        "barge_in",
    }
    _FORMAT = staticmethod(fields({"type": choice("audio/pcm"), "rate": integer(8000, 48000)}))
    _SCHEMA = staticmethod(
        fields(
            {
                "type": choice("realtime"),
                "model": text,
                "modalities": array(choice("text", "audio")),
                "output_modalities": array(choice("text", "audio")),
                "instructions": text,
                "voice": text,
                "input_audio_format": choice(*_ENCODINGS),
                "output_audio_format": choice(*_ENCODINGS),
                "audio": fields({"input": fields({"format": _FORMAT}), "output": fields({"format": _FORMAT})}),
                "ref_audio": text,
                "turn_detection": nullable(
                    fields(
                        {
                            "type": choice("server_vad"),
                            "threshold": number(0.0, 1.0),
                            "prefix_padding_ms": integer(0, 5000),
                            "silence_duration_ms": integer(0, 30000),
                            "create_response": flag,
                            "interrupt_response": flag,
                        },
                        ["type"],
                    )
                ),
                "input_audio_transcription": nullable(free_object),
                "overlap_policy": choice("listen_only", "barge_in_on_speech"),
                "playback_commit_policy": choice("ack_only", "commit_all_on_done"),
                "temperature": number(0.0, 2.0),
                "tools": array(free_object),
                "tool_choice": anything,
                "idle_timeout_s": number(1, 86_400),
                "extra_body": free_object,
            }
        )
    )

    def __init__(self) -> None:
        super().__init__()
        self._seq = 0
        self._committed = False

    def first_session(self) -> dict[str, Any]:
        return {
            "type": "realtime",
            "state": "open",
            "turn_state": "idle",
            "modalities": ["audio", "text"],
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "audio": {
                "input": {"format": pcm(16000), "sample_rate_hz": 16000},
                "output": {"format": pcm(24000)},
            },
            "turn_detection": None,
            "playback_commit_policy": "commit_all_on_done",
            "capabilities": {
                "implementation_level": "model_native_duplex",
                "supports_barge_in": True,
                "supports_audio_truncate": True,
                "supports_session_resume": False,
                "chunk_period_ms": 1000,
            },
        }

    def refusal(self, path: str, headers: Headers, api_key: str | None, secrets: ClientSecrets) -> Response | None:
        wanted = parse_qs(urlsplit(path).query).get("duplex", ["1"])[0].lower()
        if wanted in _FALSE and not path.startswith("/v1/duplex"):
            return answer(400, "not_available", "Realtime API is not available")
        return super().refusal(path, headers, api_key, secrets)

    def begins_with(self) -> dict[str, Any]:
        return joined(rates(16000, 24000), {"audio": {"input": {"turn_detection": None}}})

    def incoming(self, event: Any) -> Event | None:
        kind = event.get("type") if isinstance(event, dict) else None
        if not self.updated and kind != "session.update":
            raise RequestError("session_not_open", "The first event has to be session.update.")
        return super().incoming(event)

    def take_update(self, session: Any) -> dict[str, Any]:
        good = self._SCHEMA(session, "session")
        detection = good.get("turn_detection") or {}
        if detection.get("interrupt_response") is False:
            raise RequestError("unsupported_turn_detection", "interrupt_response=false is not supported.")
        model = good.get("model", self.session.get("model", ""))
        if "minicpm" in model.lower() and "ref_audio" not in good and "ref_audio" not in self.session:
            raise RequestError("ref_audio_required", "MiniCPM-o needs ref_audio, the voice to speak with.")
        self.session = joined(self.session, good)
        for side, fixed in (("input", 16000), ("output", 24000)):
            if self.session["audio"][side]["format"] != pcm(fixed):
                raise RequestError("unsupported_audio_format", f"The {side} is pcm16 at {fixed} Hz.")
        return behind({name: good[name] for name in ("instructions", "turn_detection", "modalities") if name in good})

    def changed(self, event: Event) -> Event | None:
        kind = event["type"]
        if kind == "session.heartbeat":
            self._say({"type": "session.heartbeat_ack", "session_id": "duplex-local"})
        elif kind == "playback.ack":
            fields({"type": anything, "event_id": text, "response_id": text, "played_ms": integer(0, 2**31)})(event, "")
            self._say({"type": "playback.acknowledged", "response_id": event.get("response_id")})
        elif kind == "session.close":
            self._say({"type": "session.closed", "reason": "client_close"})
        elif kind == "conversation.item.create" and (event.get("item") or {}).get("role", "user") != "user":
            raise RequestError("unsupported_item", "Only items of the user are added.", "item.role")
        elif kind == "response.create" and not self._committed:
            raise RequestError("response_create_without_input", "There is no committed audio to answer.")
        elif kind not in ("session.event_ack", "barge_in", "output_audio_buffer.clear"):
            self._committed = kind == "input_audio_buffer.commit" or (self._committed and kind != "response.create")
            return checked(event)
        return None

    def _say(self, event: Event) -> None:
        self.tell(self._numbered(event))

    def _numbered(self, event: Event) -> Event:
        self._seq += 1
        return {**event, "server_event_seq": self._seq}

    def outgoing(self, event: Event) -> list[Event]:
        made = super().outgoing(event)
        if event["type"] == "error" and not self.updated:
            error = event["error"]
            made = [{"type": "error", "error": error["message"], "code": error["code"]}]
        elif event["type"] == "conversation.item.added":
            made.append({**made[0], "type": "conversation.item.created"})
        elif event["type"] == "response.output_audio.delta":
            made = [{**made[0], "format": "pcm16", "sample_rate_hz": 24000}]
        return [self._numbered(each) for each in made]
