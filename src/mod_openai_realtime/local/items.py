"""The conversation of a session: its items, in order."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pybase64

from .errors import RequestError


@dataclass
class Item:
    """One item as events show it, and what they don't: its audio, and when each of its words is spoken."""

    data: dict[str, Any]
    audio: bytearray = field(default_factory=bytearray)
    audio_ms: float = 0.0
    words: list[tuple[float, str]] = field(default_factory=list)
    """Each word of a spoken item with its end in ms; joined they are the transcript."""
    bytes_per_ms: int = 0

    @property
    def id(self) -> str:
        return str(self.data["id"])

    def shown(self, *, with_audio: bool = False) -> dict[str, Any]:
        """A copy for an event."""
        data = deepcopy(self.data)
        for part in data.get("content", []):
            if part["type"] in ("input_audio", "output_audio"):
                part.pop("audio", None)
                if with_audio and self.audio:
                    part["audio"] = pybase64.b64encode(self.audio).decode()
        return data


class Conversation:
    """Items by place and by id. A refused change raises RequestError and changes nothing."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    @property
    def last_id(self) -> str | None:
        return self._items[-1].id if self._items else None

    def shown(self) -> list[dict[str, Any]]:
        return [item.shown() for item in self._items]

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Puts the item after the one named, `root` for the front, None for the end; returns the id before it."""
        if any(each.id == item.id for each in self._items):
            raise RequestError(
                "item_create_duplicate_id", f"The conversation has an item with id '{item.id}' already.", "item.id"
            )
        if item.data["type"] == "function_call_output" and not self._is_called(item.data["call_id"]):
            raise RequestError(
                "invalid_tool_call_id",
                f"The conversation has no function call with call_id '{item.data['call_id']}'.",
                "item.call_id",
            )
        place = len(self._items)
        if after == "root":
            place = 0
        elif after is not None:
            place = self._items.index(self.get(after, "create", "previous_item_id")) + 1
        self._items.insert(place, item)
        return self._items[place - 1].id if place else None

    def get(self, item_id: str, action: str, param: str = "item_id") -> Item:
        """`action` is the verb of the client's event, for the error."""
        for item in self._items:
            if item.id == item_id:
                return item
        raise RequestError(
            f"item_{action}_invalid_item_id", f"Error in item {action}: no item has the id '{item_id}'.", param
        )

    def before(self, item_id: str) -> str | None:
        """The id of the item before this one, None if it is the first or not there any more."""
        ids = [item.id for item in self._items]
        place = ids.index(item_id) if item_id in ids else 0
        return ids[place - 1] if place else None

    def forget(self, item_id: str) -> None:
        """Removes the item if there is one; for servers that use an id again."""
        self._items = [item for item in self._items if item.id != item_id]

    def delete(self, item_id: str) -> None:
        self._items.remove(self.get(item_id, "delete"))

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Cuts an assistant's audio, and of its transcript what would be spoken later."""
        item = self.get(item_id, "truncate")
        if item.data.get("role") != "assistant":
            raise RequestError("invalid_value", "Only messages of the assistant can be truncated.", "item_id")
        content = item.data["content"]
        if content_index >= len(content) or content[content_index]["type"] != "output_audio":
            raise RequestError(
                "invalid_value", f"The item has no audio at content index {content_index}.", "content_index"
            )
        if audio_end_ms > item.audio_ms:
            raise RequestError(
                "invalid_value",
                f"Audio content of {item.audio_ms:.0f} ms is already shorter than {audio_end_ms} ms.",
                "audio_end_ms",
            )
        item.audio_ms = audio_end_ms
        del item.audio[audio_end_ms * item.bytes_per_ms :]
        item.words = [(end, word) for end, word in item.words if end <= audio_end_ms]
        content[content_index]["transcript"] = "".join(word for _, word in item.words).strip()

    def _is_called(self, call_id: str) -> bool:
        return any(each.data["type"] == "function_call" and each.data.get("call_id") == call_id for each in self._items)


def spoken_words(text: str, duration_ms: float) -> list[tuple[float, str]]:
    """The words of a text, each with the space before it and the ms where it ends, by their share of the letters."""
    words = [word if index == 0 else f" {word}" for index, word in enumerate(text.split())]
    letters = sum(map(len, words)) or 1
    result, passed = [], 0
    for word in words:
        passed += len(word)
        result.append((duration_ms * passed / letters, word))
    return result
