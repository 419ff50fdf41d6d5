"""One session of the Realtime API: what each of the client's events does."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pybase64

from .audio_buffer import APPEND_LIMIT_BYTES
from .base64_audio import decoded
from .behaviour import Behaviour
from .clock import Clock
from .dialects.mimic import Mimic
from .errors import RequestError, error_body
from .ids import new_id
from .items import Conversation, Item, created_item
from .listening import Listening
from .outlet import Outlet
from .responding import Responding
from .response import Response
from .settings import SessionSettings, TurnDetection
from .transcribing import Transcriber, Transcribing
from .turns import Model, Turn
from .vad import Asking, SpeechModel
from .voice import Voice

__all__ = ["Services", "Session", "Transcriber"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """What all sessions of an endpoint share."""

    voice: Voice
    model: SpeechModel | None
    """None: nobody listens; audio is counted."""
    transcriber: Transcriber | None
    clock: Clock
    batch: Asking | None = None
    """Asks the model for all sessions together."""


class Session:
    """`open` first, then `handle` for each event in order, then `close`."""

    def __init__(
        self,
        settings: SessionSettings,
        services: Services,
        model: Model,
        outlet: Outlet,
        behaviour: Behaviour,
        mimic: Mimic | None = None,
    ) -> None:
        """`mimic`: the server that it looks like; None: OpenAI's."""
        self.settings = settings
        self._services = services
        self._outlet = outlet
        self._behaviour = behaviour
        self._conversation = Conversation()
        self._listening = Listening(outlet, self, settings.input_format, services.model, services.batch)
        self._listening.configure(settings.input_format, settings.turn_detection)
        self._transcribing = Transcribing(model, services.transcriber, outlet)
        self._responding = Responding(
            settings,
            self._conversation,
            model,
            services.voice,
            self._transcribing,
            outlet,
            services.clock,
            behaviour,
            self._after_response,
        )
        self._idle: asyncio.Task[None] | None = None
        self._mimic = mimic or Mimic()
        self._shown = False

    def begin(self) -> None:
        """There is a connection."""
        if self._mimic.greets:
            self.open()

    def open(self) -> None:
        self._shown = True
        if self._behaviour.announce_session:
            self._outlet.emit({"type": "session.created", "session": self.settings.as_json()})
        self._responding.mcp.list_tools(self.settings.tools)
        tone = self._behaviour.stream_tone
        if tone is not None:
            self._responding.create({}, Turn(tone=tone))

    async def close(self) -> None:
        """Ends everything that runs; nothing is sent."""
        self._stop_idle_timer()
        await self._responding.close()
        await self._transcribing.close()

    async def handle(self, event: Any) -> None:
        """Carries out one event; what can't be done is answered with an `error` event."""
        event_id = event.get("event_id") if isinstance(event, dict) else None
        try:
            good = self._mimic.incoming(event)
            if good is None:
                return
            if good["type"] == "input_audio_buffer.append":
                await self._append(good["audio"])
            else:
                _HANDLERS[good["type"]](self, good)
        except RequestError as error:
            self.refuse(error, event_id if isinstance(event_id, str) else None)

    async def count_audio(self, _encoded: str, data_bytes: int) -> None:
        """As an `input_audio_buffer.append`, where nobody listens and nothing is echoed."""
        self._listening.count(data_bytes)

    async def take_audio(self, encoded: str, _data_bytes: int) -> None:
        """As an `input_audio_buffer.append` that is known to be in order: base64, and not too long."""
        await self._listening.append(pybase64.b64decode(encoded))

    def refuse(self, error: RequestError, event_id: str | None = None) -> None:
        log.info("refused: %s (%s)", error.message, error.code)
        self._outlet.emit({"type": "error", "error": error_body(error, event_id)})

    # The user's turns (listening.Turns)

    def speech_started(self, settings: TurnDetection) -> None:
        log.info("the user speaks")
        self._stop_idle_timer()
        if settings.interrupt_response and self._responding.active:
            self._responding.cancel(None, "turn_detected")

    def turn_ended(self, item: Item, audio: bytes, settings: TurnDetection) -> None:
        log.info("the user's turn has ended: %.0f ms", item.audio_ms)
        self._add_user_audio(item, audio)
        if settings.create_response and not self._responding.active:
            self._respond()

    # The client's events

    async def _append(self, encoded: str) -> None:
        if len(encoded) > APPEND_LIMIT_BYTES * 4 // 3 + 4:
            raise RequestError("invalid_value", "An append may carry 15 MiB of audio at most.", "audio")
        audio = decoded(encoded, "audio")
        if self._behaviour.echo:
            self._responding.echo(audio)
        await self._listening.append(audio)

    def _update(self, event: dict[str, Any]) -> None:
        self.settings.update(
            event["session"],
            voice_is_fixed=self._responding.sent_audio,
            responding=self._responding.active is not None,
        )
        self._listening.configure(self.settings.input_format, self.settings.turn_detection)
        if not self._shown:
            self.open()
        self._outlet.emit({"type": "session.updated", "session": self.settings.as_json()})
        self._responding.mcp.list_tools(self.settings.tools)

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
        given = event["item"]
        head = {"id": new_id("item"), "object": "realtime.item", "status": "completed"}
        if given["type"].startswith("mcp_"):
            head = {"id": new_id("item")}  # such items have neither
            given = {name: value for name, value in given.items() if name not in ("object", "status")}
        item = created_item({**head, **given}, self.settings.input_format)
        if given["type"] == "function_call":
            item.data.setdefault("call_id", new_id("call"))
        self._add(item, event.get("previous_item_id"))
        if given["type"] == "mcp_approval_response":
            self._responding.mcp.answered(given)
        if given.get("role") == "user":
            self._responding.caller.turns += 1
            self._responding.caller.unanswered = True

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
        if self.settings.transcribing:
            raise RequestError(
                "invalid_parameter", "A transcription session makes no responses; it only transcribes.", "type"
            )
        self._respond(event.get("response"))

    def _cancel_response(self, event: dict[str, Any]) -> None:
        self._responding.cancel(event.get("response_id"), "client_cancelled")

    # Conversation

    def _add(self, item: Item, after: str | None = None) -> None:
        before = self._conversation.add(item, after)
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._outlet.emit({"type": kind, "previous_item_id": before, "item": item.shown()})

    def _add_user_audio(self, item: Item, audio: bytes) -> None:
        wire = self.settings.input_format
        samples = wire.decode(audio)
        caller = self._responding.caller
        caller.heard, caller.unanswered = (samples, wire.rate), True
        caller.turns += 1
        self._outlet.emit(
            {
                "type": "input_audio_buffer.committed",
                "previous_item_id": self._conversation.last_id,
                "item_id": item.id,
            }
        )
        self._add(item)
        self._transcribing.begin(item, samples, wire.rate, self.settings.transcription, self.settings.logprobs)

    # Responses

    def _respond(self, asked: dict[str, Any] | None = None) -> None:
        if self.settings.transcribing:
            return
        if (asked or {}).get("conversation") != "none":
            self._stop_idle_timer()
        self._responding.create(asked or {})

    def _after_response(self, response: Response) -> None:
        settings = self.settings.turn_detection
        if response.settings.conversation_id is None:
            return
        if settings and settings.idle_timeout_ms and response.status == "completed" and not self._listening.speaking:
            now = self._services.clock.now()
            played_at = max(now, (response.first_audio_at or now) + response.sent_ms / 1000)
            self._stop_idle_timer()
            self._idle = asyncio.create_task(self._wait_idle(played_at + settings.idle_timeout_ms / 1000, settings))

    async def _wait_idle(self, until: float, settings: TurnDetection) -> None:
        await self._services.clock.sleep_until(until)
        self._idle = None  # from here on it is not a timer that `_respond` could stop
        if self._responding.active:
            return
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
        self._respond()

    def _stop_idle_timer(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None


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
