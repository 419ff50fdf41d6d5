"""The user's side of a session: audio in, turns out."""

import asyncio
from typing import Any, Protocol

from .audio_buffer import InputAudioBuffer
from .formats import AudioFormat
from .ids import new_id
from .items import Item
from .outlet import Outlet
from .settings import TurnDetection
from .vad import Asking, SpeechDetector, SpeechModel, SpeechStarted

# What is kept of a silent line, for the prefix of the speech that may begin.
_SILENT_KEPT_MS = 10_000
# A long append is looked at in parts, so that other sessions have their turn.
_PART_MS = 1000


class Turns(Protocol):
    """What happens when the user speaks."""

    def speech_started(self, settings: TurnDetection) -> None: ...

    def turn_ended(self, item: Item, audio: bytes, settings: TurnDetection) -> None:
        """The item is not in the conversation yet."""


class Listening:
    """Input buffer and speech detector of one session. Without a model, audio is counted and nobody speaks."""

    def __init__(
        self,
        outlet: Outlet,
        turns: Turns,
        audio_format: AudioFormat,
        model: SpeechModel | None,
        batch: Asking | None = None,
    ) -> None:
        """`batch` asks the model together with other sessions; None: it is asked at once."""
        self._outlet = outlet
        self._turns = turns
        self._format = audio_format
        self._model = model
        self._batch = batch
        self._detector: SpeechDetector | None = None
        self._item_id: str | None = None
        self._start_ms = 0
        self.buffer = InputAudioBuffer(audio_format, keep=model is not None)

    @property
    def speaking(self) -> bool:
        return self._item_id is not None

    def configure(self, audio_format: AudioFormat, settings: TurnDetection | None) -> None:
        """Takes over changed settings. A change ends no turn and starts none; it forgets one that has begun."""
        changed = audio_format != self._format
        self.buffer.change_format(audio_format)
        self._format = audio_format
        if settings is None or self._model is None:
            self._detector = None
            self._item_id = None
        elif self._detector is None or changed:
            self._detector = SpeechDetector(self._model, settings, audio_format.rate, self.buffer.end_ms)
            self._item_id = None
        else:
            self._detector.settings = settings

    async def append(self, data: bytes) -> None:
        step = int(_PART_MS * self._format.rate * self._format.sample_bytes / 1000)
        for begin in range(0, len(data), step):
            if begin:
                await asyncio.sleep(0)
            await self._hear(self.buffer.append(data[begin : begin + step]))

    def count(self, data_bytes: int) -> None:
        """As `append` of any bytes, where there is no model to hear them."""
        self.buffer.count(data_bytes)

    def commit(self, least_ms: float | None = None) -> tuple[Item, bytes]:
        """The user's item of what the buffer held. Raises RequestError if that is too little."""
        audio = self.buffer.take() if least_ms is None else self.buffer.take(least_ms=least_ms)
        return self._user_item(audio), audio

    def clear(self) -> None:
        self.buffer.clear()
        self._forget_speech()

    async def _hear(self, data: bytes) -> None:
        if self._detector is None:
            return
        samples = self._format.decode(data)
        batch = self._batch
        changes = self._detector.feed(samples) if batch is None else await self._detector.feed_to(batch, samples)
        for change in changes:
            if isinstance(change, SpeechStarted):
                self._item_id, self._start_ms = new_id("item"), change.start_ms
                self._emit("input_audio_buffer.speech_started", audio_start_ms=change.start_ms)
                self._turns.speech_started(self._detector.settings)
            else:
                self._emit("input_audio_buffer.speech_stopped", audio_end_ms=change.end_ms)
                settings, audio = self._detector.settings, self.buffer.take(self._start_ms, least_ms=0)
                self._turns.turn_ended(self._user_item(audio), audio, settings)
        if not self.speaking:
            self.buffer.trim(_SILENT_KEPT_MS)

    def _user_item(self, audio: bytes) -> Item:
        item_id = self._item_id or new_id("item")
        self._forget_speech()
        data = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        return Item(data, bytearray(audio), self._format.ms(len(audio)))

    def _forget_speech(self) -> None:
        self._item_id = None
        if self._detector:
            self._detector.reset()

    def _emit(self, kind: str, **values: Any) -> None:
        self._outlet.emit({"type": kind, **values, "item_id": self._item_id})
