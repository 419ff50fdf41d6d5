"""One session of the Realtime API: what each of the client's events does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pybase64

from .agent import Agent, Context, Turn
from .audio_buffer import APPEND_LIMIT_BYTES
from .behaviour import Behaviour
from .client_events import check_event
from .clock import Clock
from .errors import RequestError, error_body
from .formats import FORMATS, AudioFormat
from .g711 import Samples
from .ids import new_id
from .items import Conversation, Item
from .listening import Listening
from .outlet import Outlet
from .response import Response, ResponseSettings
from .settings import SessionSettings, TurnDetection
from .vad import SpeechModel
from .voice import Voice

log = logging.getLogger(__name__)

Transcriber = Callable[[Samples, int], Awaitable[str]]
"""Of samples and their rate: what was said."""


@dataclass(frozen=True)
class Services:
    """What all sessions of an endpoint share."""

    voice: Voice
    model: SpeechModel | None
    """None: nobody listens; audio is counted."""
    transcriber: Transcriber | None
    clock: Clock


class Session:
    """`open` first, then `handle` for each event in order, then `close`."""

    def __init__(
        self, settings: SessionSettings, services: Services, agent: Agent, outlet: Outlet, behaviour: Behaviour
    ) -> None:
        self.settings = settings
        self._services = services
        self._agent = agent
        self._outlet = outlet
        self._behaviour = behaviour
        self._conversation = Conversation()
        self._listening = Listening(outlet, self, settings.input_format, services.model)
        self._listening.configure(settings.input_format, settings.turn_detection)
        self._response: Response | None = None
        self._running: asyncio.Task[None] | None = None
        self._idle: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._responses = 0
        self._sent_audio = False
        self._heard: tuple[Samples, int] | None = None

    def open(self) -> None:
        self._outlet.emit({"type": "session.created", "session": self.settings.as_json()})
        tone = self._behaviour.stream_tone
        if tone is not None:
            self._respond({}, Turn(tone=tone))

    async def close(self) -> None:
        """Ends everything that runs; nothing is sent."""
        tasks = [task for task in (self._running, self._idle, *self._background) if task and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def handle(self, event: Any) -> None:
        """Carries out one event; what can't be done is answered with an `error` event."""
        event_id = event.get("event_id") if isinstance(event, dict) else None
        try:
            kind = check_event(event)
            if kind == "input_audio_buffer.append":
                await self._append(event["audio"])
            else:
                _HANDLERS[kind](self, event)
        except RequestError as error:
            self.refuse(error, event_id if isinstance(event_id, str) else None)

    def count_audio(self, data_bytes: int) -> None:
        """As an `input_audio_buffer.append`, where nobody listens and nothing is echoed."""
        self._listening.count(data_bytes)

    def refuse(self, error: RequestError, event_id: str | None = None) -> None:
        log.info("refused: %s (%s)", error.message, error.code)
        self._outlet.emit({"type": "error", "error": error_body(error, event_id)})

    # The user's turns (listening.Turns)

    def speech_started(self, settings: TurnDetection) -> None:
        log.info("the user speaks")
        self._stop_idle_timer()
        if settings.interrupt_response:
            self._cancel("turn_detected")

    def turn_ended(self, item: Item, audio: bytes, settings: TurnDetection) -> None:
        log.info("the user's turn has ended: %.0f ms", item.audio_ms)
        self._add_user_audio(item, audio)
        if settings.create_response and not self._is_responding():
            self._respond({})

    # The client's events

    async def _append(self, encoded: str) -> None:
        if len(encoded) > APPEND_LIMIT_BYTES * 4 // 3 + 4:
            raise RequestError("invalid_value", "An append may carry 15 MiB of audio at most.", "audio")
        try:
            audio = pybase64.b64decode(encoded, validate=True)
        except ValueError:
            raise RequestError("invalid_value", "'audio' must be valid base64.", "audio") from None
        if self._behaviour.echo:
            if self._response is None or not self._response.active:
                self._response = self._new_response({})
                self._response.begin()
            self._response.send_audio(audio)
        await self._listening.append(audio)

    def _update(self, event: dict[str, Any]) -> None:
        self.settings.update(event["session"], voice_is_fixed=self._sent_audio)
        self._listening.configure(self.settings.input_format, self.settings.turn_detection)
        self._outlet.emit({"type": "session.updated", "session": self.settings.as_json()})

    def _commit(self, _event: dict[str, Any]) -> None:
        self._add_user_audio(*self._listening.commit())

    def _clear(self, _event: dict[str, Any]) -> None:
        self._listening.clear()
        self._outlet.emit({"type": "input_audio_buffer.cleared"})

    def _clear_output(self, _event: dict[str, Any]) -> None:
        raise RequestError(
            "invalid_value", "'output_audio_buffer.clear' exists on WebRTC and SIP only; here the client plays.", "type"
        )

    def _create_item(self, event: dict[str, Any]) -> None:
        item = Item({"id": new_id("item"), "object": "realtime.item", "status": "completed", **event["item"]})
        if item.data["type"] == "function_call":
            item.data.setdefault("call_id", new_id("call"))
        elif item.data["type"] == "function_call_output" and "call_id" not in item.data:
            raise RequestError(
                "missing_required_parameter", "Missing required parameter: 'item.call_id'.", "item.call_id"
            )
        self._add(item, event.get("previous_item_id"))

    def _retrieve_item(self, event: dict[str, Any]) -> None:
        item = self._conversation.get(event["item_id"], "retrieve")
        self._outlet.emit({"type": "conversation.item.retrieved", "item": item.shown(with_audio=True)})

    def _delete_item(self, event: dict[str, Any]) -> None:
        self._conversation.delete(event["item_id"])
        self._outlet.emit({"type": "conversation.item.deleted", "item_id": event["item_id"]})

    def _truncate_item(self, event: dict[str, Any]) -> None:
        place = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        self._conversation.truncate(**place)
        self._outlet.emit({"type": "conversation.item.truncated", **place})

    def _create_response(self, event: dict[str, Any]) -> None:
        asked = event.get("response") or {}
        if self._is_responding() and asked.get("conversation") != "none":
            assert self._response is not None
            raise RequestError(
                "conversation_already_has_active_response",
                f"The response {self._response.id} is in progress; wait until it is done.",
            )
        self._respond(asked)

    def _cancel_response(self, event: dict[str, Any]) -> None:
        wanted = event.get("response_id")
        if not self._is_responding() or (self._response and wanted not in (None, self._response.id)):
            raise RequestError("response_cancel_not_active", "No such response is in progress.")
        self._cancel("client_cancelled")

    # Conversation

    def _add(self, item: Item, after: str | None = None) -> None:
        before = self._conversation.add(item, after)
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._outlet.emit({"type": kind, "previous_item_id": before, "item": item.shown()})

    def _add_user_audio(self, item: Item, audio: bytes) -> None:
        wire = self.settings.input_format
        self._heard = (wire.decode(audio), wire.rate)
        self._outlet.emit(
            {
                "type": "input_audio_buffer.committed",
                "previous_item_id": self._conversation.last_id,
                "item_id": item.id,
            }
        )
        self._add(item)
        if self.settings.transcribes:
            self._in_background(self._transcribe(item, *self._heard))

    async def _transcribe(self, item: Item, samples: Samples, rate: int) -> None:
        place = {"item_id": item.id, "content_index": 0}
        name = "conversation.item.input_audio_transcription"
        try:
            if self._services.transcriber is None:
                raise LookupError("this endpoint has no transcriber")
            text = await self._services.transcriber(samples, rate)
        except Exception as error:
            details = {"type": "transcription_error", "code": "transcription_failed", "message": str(error)}
            self._outlet.emit({"type": f"{name}.failed", **place, "error": details})
            return
        item.data["content"][0]["transcript"] = text
        cost = {"type": "duration", "seconds": len(samples) / rate}
        self._outlet.emit({"type": f"{name}.delta", **place, "delta": text})
        self._outlet.emit({"type": f"{name}.completed", **place, "transcript": text, "usage": cost})

    # Responses

    def _is_responding(self) -> bool:
        return self._response is not None and self._response.active

    def _respond(self, asked: dict[str, Any], turn: Turn | None = None) -> None:
        """Begins a response; the agent makes the turn, if it is not given."""
        self._stop_idle_timer()
        response = self._new_response(asked)
        response.begin()
        heard, self._heard = self._heard, None
        context = Context(
            self._responses,
            self._conversation.shown(),
            asked.get("instructions", self.settings.instructions),
            heard[0] if heard else None,
            heard[1] if heard else self.settings.input_format.rate,
        )
        self._responses += 1

        async def answer() -> Turn:
            return turn if turn is not None else await self._agent.answer(context)

        async def run() -> None:
            await response.run(answer, self._services.voice)
            self._after(response)

        if asked.get("conversation") == "none":
            self._in_background(run())
        else:
            self._response = response
            self._running = asyncio.create_task(run())

    def _new_response(self, asked: dict[str, Any]) -> Response:
        output = asked.get("audio", {}).get("output", {})
        audio_format: AudioFormat = self.settings.output_format
        if "format" in output:
            audio_format = FORMATS[output["format"]["type"]]
        modality = asked.get("output_modalities", [self.settings.modality])[0]
        self._sent_audio = self._sent_audio or modality == "audio"
        chosen = ResponseSettings(
            modality=modality,
            audio_format=audio_format,
            voice=output.get("voice", self.settings.voice),
            max_output_tokens=asked.get("max_output_tokens", self.settings.max_output_tokens),
            in_conversation=asked.get("conversation") != "none",
            metadata=asked.get("metadata"),
        )
        return Response(chosen, self._conversation, self._outlet, self._services.clock, self._behaviour)

    def _cancel(self, reason: str) -> None:
        if self._running:
            self._running.cancel()
        if self._response and self._response.active:
            self._response.cancel(reason)
            self._after(self._response)

    def _after(self, response: Response) -> None:
        log.info("response %s: %s, %.0f ms of audio", response.id, response.status, response.sent_ms)
        limit = {"name": "tokens", "limit": 1_000_000, "remaining": 1_000_000, "reset_seconds": 0.0}
        self._outlet.emit({"type": "rate_limits.updated", "rate_limits": [limit]})
        settings = self.settings.turn_detection
        if settings and settings.idle_timeout_ms and response.status == "completed" and not self._listening.speaking:
            now = self._services.clock.now()
            played_at = max(now, (response.first_audio_at or now) + response.sent_ms / 1000)
            self._stop_idle_timer()
            self._idle = asyncio.create_task(self._wait_idle(played_at + settings.idle_timeout_ms / 1000, settings))

    async def _wait_idle(self, until: float, settings: TurnDetection) -> None:
        await self._services.clock.sleep_until(until)
        self._idle = None  # from here on it is not a timer that `_respond` could stop
        end_ms = self._listening.buffer.end_ms
        item, audio = self._listening.commit(least_ms=0)
        self._outlet.emit(
            {
                "type": "input_audio_buffer.timeout_triggered",
                "audio_start_ms": round(max(0.0, end_ms - (settings.idle_timeout_ms or 0))),
                "audio_end_ms": round(end_ms),
                "item_id": item.id,
            }
        )
        self._add_user_audio(item, audio)
        self._respond({})

    def _stop_idle_timer(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


_HANDLERS: dict[str, Callable[[Session, dict[str, Any]], None]] = {
    "session.update": Session._update,
    "input_audio_buffer.commit": Session._commit,
    "input_audio_buffer.clear": Session._clear,
    "output_audio_buffer.clear": Session._clear_output,
    "conversation.item.create": Session._create_item,
    "conversation.item.retrieve": Session._retrieve_item,
    "conversation.item.delete": Session._delete_item,
    "conversation.item.truncate": Session._truncate_item,
    "response.create": Session._create_response,
    "response.cancel": Session._cancel_response,
}
