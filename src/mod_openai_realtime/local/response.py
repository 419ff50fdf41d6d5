"""One response of the server, from `response.created` to `response.done`."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pybase64

from .behaviour import Behaviour
from .clock import Clock
from .formats import AudioFormat
from .ids import new_id
from .items import Conversation, Item, spoken_words
from .mcp import McpCalls
from .outlet import Outlet
from .output import Output
from .sentences import cut
from .sounds import SampledSound, Sound, ToneSound
from .turns import FunctionCall, McpCall, ModelError, Piece, Turn, closing
from .usage import OUTPUT_TOKEN_MS, Tokens, item_tokens, text_tokens, usage
from .voice import RATE, Voice, resampled

log = logging.getLogger(__name__)
# Arguments of a function come bit by bit, as all that is generated.
_ARGUMENTS_LETTERS = 24
Answering = Callable[[], Awaitable[Turn | AsyncIterator[Piece]]]


class LimitReachedError(Exception):
    """The response has used up its `max_output_tokens`."""


@dataclass(frozen=True)
class ResponseSettings:
    """What the session's settings and `response.create` together ask for."""

    modality: str
    audio_format: AudioFormat
    voice: Any
    speed: float
    max_output_tokens: int | str
    conversation_id: str | None
    """None: what it makes is not for the conversation."""
    metadata: dict[str, str] | None
    given: Tokens
    """What it is made from."""
    cached: Tokens


class Response:
    """A legal run is `begin`, then `run` or any number of `send_audio`, then an end, after which nothing is sent.

    All but `run` is synchronous, so whoever cancels the task of `run` can call `cancel` at once.
    """

    def __init__(
        self,
        settings: ResponseSettings,
        conversation: Conversation,
        outlet: Outlet,
        clock: Clock,
        behaviour: Behaviour,
        mcp: McpCalls,
    ) -> None:
        self.settings = settings
        self._conversation = conversation if settings.conversation_id else None
        self._outlet = outlet
        self._clock = clock
        self._behaviour = behaviour
        self._mcp = mcp
        self.id = "resp_reused" if behaviour.reuse_response_ids else new_id("resp")
        self._output: list[Output] = []
        self._open: Output | None = None
        self._sound: Sound | None = None
        self._sound_at_ms = 0
        self._speech_begun = 0.0
        self.status = "in_progress"
        self.sent_ms = 0.0
        self.first_audio_at: float | None = None

    @property
    def active(self) -> bool:
        return self.status == "in_progress"

    @property
    def used_tokens(self) -> int:
        return self.settings.given.total + self._made_tokens()

    def begin(self) -> None:
        self._outlet.emit({"type": "response.created", "response": self._shown()})

    async def run(self, answer: Answering, voice: Voice) -> None:
        """Sends all of the agent's turn. If agent or voice fail, the response does, and that is all."""
        not_before = self._clock.now() + self._behaviour.latency_s()
        try:
            made = await answer()
            if isinstance(made, Turn):
                await self._wait(not_before)
                await self._take(made, voice)
            else:
                await self._take_pieces(made, voice, not_before)
        except LimitReachedError:
            self._end("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})
        except Exception as error:
            code = error.code if isinstance(error, ModelError) else type(error).__name__
            if isinstance(error, ModelError):
                log.error("response %s failed: %s", self.id, error)
            else:
                log.exception("response %s failed", self.id)
            details = {"type": "server_error", "code": code, "message": str(error)}
            self._end("failed", {"type": "failed", "error": details})
        else:
            self._end("completed", None)

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
            at_ms = int(late.item.audio_ms) - self._sound_at_ms + index * delta_ms
            piece = self._sound.piece(at_ms, delta_ms)
            self._emit_delta(late, "response.output_audio.delta", pybase64.b64encode(piece).decode())

    def send_audio(self, data: bytes, *, keep: bool = False) -> None:
        """A delta of just this audio, in a message item that the first one opens; `keep`: it can be retrieved."""
        opened = self._open or self.open_message("output_audio")
        if self.first_audio_at is None:
            self.first_audio_at = self._clock.now()
        ms = self.settings.audio_format.ms(len(data))
        self.sent_ms += ms
        opened.add_audio(data, ms, keep=keep)
        self._emit_delta(opened, "response.output_audio.delta", pybase64.b64encode(data).decode())

    async def _wait(self, until: float) -> None:
        if until > self._clock.now():
            await self._clock.sleep_until(until)

    async def _take(self, turn: Turn, voice: Voice) -> None:
        wire = self.settings.audio_format
        if turn.speaks and self.settings.modality == "text":
            self._write(turn.text)
        elif turn.tone is not None:
            await self._speak(turn.text, ToneSound(turn.tone, wire))
        elif turn.samples is not None:
            await self._speak(turn.text, SampledSound(resampled(turn.samples, RATE, wire.rate), wire))
        elif turn.text:
            await self._speak(turn.text, await self._sound_of(turn.text, voice))
        self.close_open("completed")
        for call in turn.calls:
            await self._call(call)

    async def _take_pieces(self, pieces: AsyncIterator[Piece], voice: Voice, not_before: float) -> None:
        waiting = ""
        async with closing(pieces):
            async for piece in pieces:
                await self._wait(not_before)
                if not isinstance(piece, str):
                    await self._say(waiting, voice)
                    waiting = ""
                    self.close_open("completed")
                    await self._call(piece)
                elif self.settings.modality == "text":
                    self._write(piece)
                else:
                    ready, waiting = cut(waiting + piece, first=self._open is None)
                    await self._say(ready, voice)
        await self._say(waiting, voice)
        self.close_open("completed")

    async def _say(self, text: str, voice: Voice) -> None:
        if text.strip():
            await self._speak(text, await self._sound_of(" ".join(text.split()), voice))

    async def _sound_of(self, text: str, voice: Voice) -> Sound:
        wire, speed = self.settings.audio_format, self.settings.speed
        spoken = voice.speak(text, wire.rate) if speed == 1.0 else voice.speak(text, wire.rate, speed)
        return SampledSound(await spoken, wire)

    async def _speak(self, text: str, sound: Sound) -> None:
        """Joins the sound to what the open message has said already. Raises LimitReachedError."""
        if self._open is None:
            self.open_message("output_audio")
            self._speech_begun = self._clock.now()
        opened = self._open
        assert opened is not None
        self._sound, self._sound_at_ms = sound, int(opened.item.audio_ms)
        begin, end = sound.audible_ms
        words = spoken_words(text, self._sound_at_ms + begin, self._sound_at_ms + end)
        if words and opened.item.words:
            words[0] = (words[0][0], f" {words[0][1]}")
        position = 0
        while sound.duration_ms is None or position < sound.duration_ms:
            await self._wait_for_listener(self._sound_at_ms + position, sound)
            await self._outlet.drained()
            length = self._behaviour.pacing.delta_ms
            if sound.duration_ms is not None:
                length = min(length, int(sound.duration_ms - position) + 1)
            fits = self._fitting(opened, words, self._sound_at_ms + position, length)
            self._say_words(opened, words, self._sound_at_ms + position + fits)
            piece = sound.piece(position, fits)
            if piece:
                self.send_audio(piece, keep=sound.duration_ms is not None)
            if fits < length:
                raise LimitReachedError
            position += length
        self._say_words(opened, words, None)

    async def _wait_for_listener(self, position_ms: int, sound: Sound) -> None:
        """Without an end there is no sense in being ahead of the listener more and more."""
        pacing = self._behaviour.pacing
        speed = pacing.speed if sound.duration_ms is not None else 1.0
        if speed:
            await self._wait(self._speech_begun + max(0, position_ms - pacing.ahead_ms) / 1000 / speed)

    def _fitting(self, opened: Output, words: list[tuple[float, str]], at_ms: int, length_ms: int) -> int:
        """How much of so many ms of speech, and the words in it, the limit of tokens leaves room for."""
        limit = self.settings.max_output_tokens
        if isinstance(limit, str):
            return length_ms
        item = opened.item
        others = self._made_tokens() - item_tokens(item).total
        for fits in range(length_ms, 0, -OUTPUT_TOKEN_MS):
            text = item.data["content"][0]["transcript"] + _joined(_begun(item, words, at_ms + fits))
            if others + text_tokens(text) + round((item.audio_ms + fits) / OUTPUT_TOKEN_MS) <= limit:
                return fits
        return 0

    def _say_words(self, opened: Output, words: list[tuple[float, str]], until_ms: int | None) -> None:
        """Takes from the list the words that begin before `until_ms` (None: all), and sends them."""
        said = list(words) if until_ms is None else _begun(opened.item, words, until_ms)
        if said:
            del words[: len(said)]
            opened.add_words(said)
            self._emit_delta(opened, "response.output_audio_transcript.delta", _joined(said))

    def _write(self, text: str) -> None:
        """More of a message of text. Raises LimitReachedError."""
        opened = self._open or self.open_message("output_text")
        limit, written = self.settings.max_output_tokens, opened.item.data["content"][0]["text"]
        for word in _words(text):
            if not isinstance(limit, str):
                others = self._made_tokens() - text_tokens(written)
                if others + text_tokens(written + word) > limit:
                    raise LimitReachedError
            written += word
            opened.add_text(word)
            self._emit_delta(opened, "response.output_text.delta", word)

    async def _call(self, call: FunctionCall | McpCall) -> None:
        if isinstance(call, McpCall):
            await self._mcp.carry_out(call, self)
            return
        data = {"type": "function_call", "name": call.name, "call_id": new_id("call"), "arguments": ""}
        opened = self.open_item(data)
        limit, arguments = self.settings.max_output_tokens, call.arguments
        if not isinstance(limit, str):
            arguments = arguments[: max(0, limit - self._made_tokens()) * 4]
        place = {**self.place(opened), "call_id": data["call_id"]}
        for begin in range(0, len(arguments), _ARGUMENTS_LETTERS):
            delta = arguments[begin : begin + _ARGUMENTS_LETTERS]
            self._outlet.emit({"type": "response.function_call_arguments.delta", **place, "delta": delta})
        opened.put(arguments=arguments)
        done = {"name": call.name, "arguments": arguments}
        self._outlet.emit({"type": "response.function_call_arguments.done", **place, **done})
        if arguments != call.arguments:
            raise LimitReachedError
        self.close_open("completed")

    def open_message(self, kind: str) -> Output:
        field = "transcript" if kind == "output_audio" else "text"
        opened = self.open_item({"type": "message", "role": "assistant", "content": []})
        opened.put(content=[{"type": kind, field: ""}])
        place = {**self.place(opened), "content_index": 0}
        self._outlet.emit({"type": "response.content_part.added", **place, "part": _part(opened)})
        return opened

    def open_item(self, data: dict[str, Any], *, plain: bool = False) -> Output:
        """`plain`: the item is of a kind without a status."""
        item_id = f"item_reused_{len(self._output)}" if self._behaviour.reuse_response_ids else new_id("item")
        whole = {"id": item_id, **data} if plain else _head(item_id, data)
        opened = self._open = Output(whole, self.settings.audio_format, self._conversation)
        self._output.append(opened)
        index = len(self._output) - 1
        shown = {"response_id": self.id, "output_index": index, "item": opened.item.shown()}
        self._outlet.emit({"type": "response.output_item.added", **shown})
        twin = opened.in_conversation
        if twin is not None:
            place = {"previous_item_id": opened.before, "item": twin.shown()}
            self._outlet.emit({"type": "conversation.item.added", **place})
        return opened

    def close_open(self, status: str) -> None:
        opened, self._open = self._open, None
        if opened is None:
            return
        opened.end(status)
        place = self.place(opened)
        if opened.item.data["type"] == "message":
            part, place_in_item = opened.item.data["content"][0], {**place, "content_index": 0}
            if part["type"] == "output_audio":
                done = {"type": "response.output_audio_transcript.done", "transcript": part["transcript"]}
                self._outlet.emit({"type": "response.output_audio.done", **place_in_item})
            else:
                done = {"type": "response.output_text.done", "text": part["text"]}
            self._outlet.emit({**done, **place_in_item})
            self._outlet.emit({"type": "response.content_part.done", **place_in_item, "part": _part(opened)})
        shown = {"response_id": self.id, "output_index": place["output_index"], "item": opened.item.shown()}
        self._outlet.emit({"type": "response.output_item.done", **shown})
        twin = opened.in_conversation
        if twin is not None and self._conversation is not None:
            before = self._conversation.before(twin.id)
            self._outlet.emit({"type": "conversation.item.done", "previous_item_id": before, "item": twin.shown()})

    def emit(self, event: dict[str, Any]) -> None:
        self._outlet.emit(event)

    def place(self, opened: Output) -> dict[str, Any]:
        return {"response_id": self.id, "item_id": opened.id, "output_index": self._output.index(opened)}

    def _made_tokens(self) -> int:
        return sum(item_tokens(each.item).total for each in self._output)

    def _end(self, status: str, details: dict[str, Any] | None) -> None:
        self.close_open("completed" if status == "completed" else "incomplete")
        self.status = status
        self._outlet.emit({"type": "response.done", "response": self._shown(details)})

    def _shown(self, details: dict[str, Any] | None = None) -> dict[str, Any]:
        settings = self.settings
        made = [each.item for each in self._output]
        voice = settings.voice["id"] if isinstance(settings.voice, dict) else settings.voice
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": details,
            "output": [item.shown() for item in made],
            "conversation_id": settings.conversation_id,
            "output_modalities": [settings.modality],
            "max_output_tokens": settings.max_output_tokens,
            "audio": {"output": {"format": settings.audio_format.as_json(), "voice": voice}},
            "usage": None if self.active else usage(settings.given, settings.cached, made),
            "metadata": settings.metadata,
        }

    def _emit_delta(self, opened: Output, kind: str, delta: str) -> None:
        self._outlet.emit({"type": kind, **self.place(opened), "content_index": 0, "delta": delta})


def _head(item_id: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"id": item_id, "object": "realtime.item", "status": "in_progress", **data}


def _part(opened: Output) -> dict[str, Any]:
    """A content part, which in these events is named otherwise than in an item."""
    part = dict(opened.item.data["content"][0])
    part["type"] = part["type"].removeprefix("output_")
    return part


def _begun(item: Item, words: list[tuple[float, str]], until_ms: int) -> list[tuple[float, str]]:
    """Of the words that follow those of the item, those that begin before `until_ms`."""
    at, count = item.words[-1][0] if item.words else 0.0, 0
    while count < len(words) and at < until_ms:
        at = words[count][0]
        count += 1
    return words[:count]


def _joined(words: list[tuple[float, str]]) -> str:
    return "".join(word for _, word in words)


def _words(text: str) -> list[str]:
    """The text in words, each with the white space before it."""
    parts, begin = [], 0
    for index in range(1, len(text)):
        if text[index].isspace() and not text[index - 1].isspace():
            parts.append(text[begin:index])
            begin = index
    return [*parts, text[begin:]] if text else []
