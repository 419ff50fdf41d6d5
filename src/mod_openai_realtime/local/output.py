"""What a response has made: its items, of which the conversation holds the same, as far as the client lets it."""

from copy import deepcopy
from typing import Any

from .formats import AudioFormat
from .items import Conversation, Item


class Output:
    """An item that is being generated, and its twin in the conversation.

    The client may truncate or delete the twin meanwhile: from then on it stays as the client left it, while the
    response goes on to say all that it generates.
    """

    def __init__(self, data: dict[str, Any], audio_format: AudioFormat, conversation: Conversation | None) -> None:
        """`conversation` None: the item is not to be in it."""
        bytes_per_ms = audio_format.rate * audio_format.sample_bytes // 1000
        self.item = Item(data, bytes_per_ms=bytes_per_ms)
        self._conversation = conversation
        self._twin = Item(deepcopy(data), bytes_per_ms=bytes_per_ms) if conversation else None
        self.before: str | None = None
        if conversation and self._twin:
            conversation.forget(self._twin.id)
            self.before = conversation.add(self._twin)

    @property
    def id(self) -> str:
        return self.item.id

    @property
    def in_conversation(self) -> Item | None:
        """The twin, None if there is none, or the client has deleted it."""
        held = self._conversation is not None and self._twin is not None and self._conversation.holds(self._twin)
        return self._twin if held else None

    def add_words(self, words: list[tuple[float, str]]) -> None:
        for item in self._growing():
            item.words += words
            item.data["content"][0]["transcript"] += "".join(word for _, word in words)

    def add_text(self, text: str) -> None:
        for item in self._growing():
            item.data["content"][0]["text"] += text

    def add_audio(self, audio: bytes, ms: float, *, keep: bool = True) -> None:
        for item in self._growing():
            item.audio_ms += ms
            if keep:
                item.audio += audio

    def put(self, **values: Any) -> None:
        for item in self._growing():
            item.data.update(deepcopy(values))

    def end(self, status: str) -> None:
        for item in (self.item, self._twin):
            if item is not None and "status" in item.data:
                item.data["status"] = status

    def _growing(self) -> list[Item]:
        twin = self.in_conversation
        return [self.item] if twin is None or twin.cut else [self.item, twin]
