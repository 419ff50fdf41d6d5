"""One response of the server, from `response.created` to `response.done`."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pybase64

from .agent import FunctionCall, Turn
from .behaviour import Behaviour
from .clock import Clock
from .formats import AudioFormat
from .ids import new_id
from .items import Conversation, Item, spoken_words
from .outlet import Outlet
from .sounds import SampledSound, Sound, ToneSound
from .usage import OUTPUT_TOKEN_MS, usage
from .voice import RATE, Voice, resampled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResponseSettings:
    """What the session's settings and `response.create` together ask for."""

    modality: str
    audio_format: AudioFormat
    voice: Any
    max_output_tokens: int | str
    in_conversation: bool
    metadata: dict[str, str] | None


class Response:
    """A legal run is `begin`, then `run` or any number of `send_audio`, then an end, after which nothing is sent.

    All but `run` is synchronous, so whoever cancels the task of `run` can call `cancel` at once.
    """

    def __init__(
        self, settings: ResponseSettings, conversation: Conversation, outlet: Outlet, clock: Clock, behaviour: Behaviour
    ) -> None:
        self._settings = settings
        self._conversation = conversation
        self._outlet = outlet
        self._clock = clock
        self._behaviour = behaviour
        self.id = "resp_reused" if behaviour.reuse_response_ids else new_id("resp")
        self._output: list[Item] = []
        self._open: Item | None = None
        self._sound: Sound | None = None
        self.status = "in_progress"
        self.sent_ms = 0.0
        self.first_audio_at: float | None = None

    @property
    def active(self) -> bool:
        return self.status == "in_progress"

    def begin(self) -> None:
        self._outlet.emit({"type": "response.created", "response": self._shown()})

    async def run(self, answer: Callable[[], Awaitable[Turn]], voice: Voice) -> None:
        """Sends all of the agent's turn. If agent or voice fail, the response does, and that is all."""
        try:
            turn = await answer()
            limit = self._settings.max_output_tokens
            limit_ms = None if isinstance(limit, str) else limit * OUTPUT_TOKEN_MS
            whole = True
            if turn.speaks and self._settings.modality == "audio":
                whole = await self._speak(turn, await self._sound_of(turn, voice), limit_ms)
            elif turn.speaks:
                self._write(turn.text)
            for call in turn.calls if whole else ():
                self._call(call)
        except Exception as error:
            log.exception("response %s failed", self.id)
            details = {"type": "server_error", "code": type(error).__name__}
            self._end("failed", {"type": "failed", "error": details})
            return
        if whole:
            self._end("completed", None)
        else:
            self._end("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})

    def cancel(self, reason: str) -> None:
        """Ends it; `reason` is `turn_detected` or `client_cancelled`. Nothing happens if it has ended already."""
        if not self.active:
            return
        late = self._open
        self._end("cancelled", {"type": "cancelled", "reason": reason})
        if late is None or self._sound is None:
            return
        delta_ms = self._behaviour.pacing.delta_ms
        for index in range(self._behaviour.late_deltas):
            piece = self._sound.piece(int(self.sent_ms) + index * delta_ms, delta_ms)
            self._emit_delta(late, "response.output_audio.delta", pybase64.b64encode(piece).decode())

    def send_audio(self, data: bytes) -> None:
        """A delta of just this audio, in a message item that the first one opens."""
        if self._open is None:
            self._open_message("output_audio")
        assert self._open is not None
        if self.first_audio_at is None:
            self.first_audio_at = self._clock.now()
        ms = self._settings.audio_format.ms(len(data))
        self.sent_ms += ms
        self._open.audio_ms += ms
        self._emit_delta(self._open, "response.output_audio.delta", pybase64.b64encode(data).decode())

    async def _sound_of(self, turn: Turn, voice: Voice) -> Sound:
        wire = self._settings.audio_format
        if turn.tone is not None:
            return ToneSound(turn.tone, wire)
        if turn.samples is not None:
            return SampledSound(resampled(turn.samples, RATE, wire.rate), wire)
        return SampledSound(await voice.speak(turn.text, wire.rate), wire)

    async def _speak(self, turn: Turn, sound: Sound, limit_ms: float | None) -> bool:
        """Whether all of it was within the limit."""
        item = self._open_message("output_audio")
        self._sound = sound
        pacing = self._behaviour.pacing
        # Without an end there is no sense in being ahead of the listener more and more.
        speed = pacing.speed if sound.duration_ms is not None else 1.0
        end_ms = sound.duration_ms if limit_ms is None else min(limit_ms, sound.duration_ms or limit_ms)
        words = spoken_words(turn.text, sound.duration_ms or 0.0)
        begun = self._clock.now()
        position = 0
        while end_ms is None or position < end_ms:
            due = begun + max(0, position - pacing.ahead_ms) / 1000 / speed if speed else begun
            if due > self._clock.now():
                await self._clock.sleep_until(due)
            await self._outlet.drained()
            length = pacing.delta_ms if end_ms is None else min(pacing.delta_ms, int(end_ms - position) + 1)
            self._say_words(item, words, position + length)
            piece = sound.piece(position, length)
            if sound.duration_ms is not None:
                item.audio += piece
            if piece:
                self.send_audio(piece)
            position += length
        if sound.duration_ms is not None and end_ms is not None and end_ms < sound.duration_ms:
            return False
        self._say_words(item, words, None)
        self._close_open("completed")
        return True

    def _say_words(self, item: Item, words: list[tuple[float, str]], until_ms: int | None) -> None:
        """Takes from the list the words that begin before `until_ms` (None: all), and sends them."""
        said = []
        while words and (until_ms is None or (item.words[-1][0] if item.words else 0.0) < until_ms):
            item.words.append(words.pop(0))
            said.append(item.words[-1][1])
        if said:
            item.data["content"][0]["transcript"] += "".join(said)
            self._emit_delta(item, "response.output_audio_transcript.delta", "".join(said))

    def _write(self, text: str) -> None:
        item = self._open_message("output_text")
        for _, word in spoken_words(text, 0.0):
            item.data["content"][0]["text"] += word
            self._emit_delta(item, "response.output_text.delta", word)
        self._close_open("completed")

    def _call(self, call: FunctionCall) -> None:
        data = {"type": "function_call", "name": call.name, "call_id": new_id("call"), "arguments": ""}
        item = self._open_item(data)
        place = {**self._place(item), "call_id": data["call_id"]}
        self._outlet.emit({"type": "response.function_call_arguments.delta", **place, "delta": call.arguments})
        item.data["arguments"] = call.arguments
        self._outlet.emit(
            {
                "type": "response.function_call_arguments.done",
                **place,
                "name": call.name,
                "arguments": call.arguments,
            }
        )
        self._close_open("completed")

    def _open_message(self, kind: str) -> Item:
        item = self._open_item({"type": "message", "role": "assistant", "content": []})
        item.bytes_per_ms = self._settings.audio_format.rate * self._settings.audio_format.sample_bytes // 1000
        item.data["content"] = [{"type": kind, "transcript" if kind == "output_audio" else "text": ""}]
        self._outlet.emit(
            {"type": "response.content_part.added", **self._place(item), "content_index": 0, "part": _part(item)}
        )
        return item

    def _open_item(self, data: dict[str, Any]) -> Item:
        item_id = f"item_reused_{len(self._output)}" if self._behaviour.reuse_response_ids else new_id("item")
        item = Item({"id": item_id, "object": "realtime.item", "status": "in_progress", **data})
        self._output.append(item)
        self._open = item
        self._outlet.emit(
            {
                "type": "response.output_item.added",
                "response_id": self.id,
                "output_index": len(self._output) - 1,
                "item": item.shown(),
            }
        )
        if self._settings.in_conversation:
            self._conversation.forget(item_id)
            before = self._conversation.add(item)
            self._outlet.emit({"type": "conversation.item.added", "previous_item_id": before, "item": item.shown()})
        return item

    def _close_open(self, status: str) -> None:
        item, self._open = self._open, None
        if item is None:
            return
        item.data["status"] = status
        place = self._place(item)
        if item.data["type"] == "message":
            part, place_in_item = item.data["content"][0], {**place, "content_index": 0}
            if part["type"] == "output_audio":
                done = {"type": "response.output_audio_transcript.done", "transcript": part["transcript"]}
                self._outlet.emit({"type": "response.output_audio.done", **place_in_item})
            else:
                done = {"type": "response.output_text.done", "text": part["text"]}
            self._outlet.emit({**done, **place_in_item})
            self._outlet.emit({"type": "response.content_part.done", **place_in_item, "part": _part(item)})
        shown = {"response_id": self.id, "output_index": place["output_index"], "item": item.shown()}
        self._outlet.emit({"type": "response.output_item.done", **shown})
        if self._settings.in_conversation:
            before = self._conversation.before(item.id)
            self._outlet.emit({"type": "conversation.item.done", "previous_item_id": before, "item": item.shown()})

    def _end(self, status: str, details: dict[str, Any] | None) -> None:
        self._close_open("completed" if status == "completed" else "incomplete")
        self.status = status
        self._outlet.emit({"type": "response.done", "response": self._shown(details)})

    def _shown(self, details: dict[str, Any] | None = None) -> dict[str, Any]:
        settings = self._settings
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": details,
            "output": [item.shown() for item in self._output],
            "conversation_id": "conv_local" if settings.in_conversation else None,
            "output_modalities": [settings.modality],
            "max_output_tokens": settings.max_output_tokens,
            "audio": {"output": {"format": settings.audio_format.as_json(), "voice": settings.voice}},
            "usage": None if self.active else usage(self._conversation.shown(), self._output),
            "metadata": settings.metadata,
        }

    def _place(self, item: Item) -> dict[str, Any]:
        return {"response_id": self.id, "item_id": item.id, "output_index": self._output.index(item)}

    def _emit_delta(self, item: Item, kind: str, delta: str) -> None:
        self._outlet.emit({"type": kind, **self._place(item), "content_index": 0, "delta": delta})


def _part(item: Item) -> dict[str, Any]:
    """A content part, which in these events is named otherwise than in an item."""
    part = dict(item.data["content"][0])
    part["type"] = part["type"].removeprefix("output_")
    return part
