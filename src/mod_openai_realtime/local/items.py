"""The conversation of a session: its items, in order."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pybase64

from .errors import RequestError
from .formats import AudioFormat


@dataclass
class Item:
    """One item as events show it, and what they don't: its audio, and when each of its words is spoken."""

    data: dict[str, Any]
    audio: bytearray = field(default_factory=bytearray)
    audio_ms: float = 0.0
    words: list[tuple[float, str]] = field(default_factory=list)
    """Each word of a spoken item with its end in ms; joined they are the transcript."""
    bytes_per_ms: int = 0
    said: str | None = None
    """What the caller said in it, as the model hears it; None where nobody knows."""
    cut: bool = False
    """It was truncated: what its response still generates is not added any more."""

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

    def told(self) -> dict[str, Any]:
        """A copy for the model, with the words of the caller."""
        data = self.shown()
        if self.said is not None:
            for part in data["content"]:
                if part["type"] == "input_audio":
                    part["transcript"] = self.said
        return data


def created_item(data: dict[str, Any], audio_format: AudioFormat) -> Item:
    """An item of the client's own; its audio, if there is some, is in `audio_format`."""
    item = Item(deepcopy(data), bytes_per_ms=audio_format.rate * audio_format.sample_bytes // 1000)
    for part in item.data.get("content", []):
        item.audio += pybase64.b64decode(part.pop("audio", ""))
        if part["type"] == "input_audio":
            item.said = part.setdefault("transcript", None)
        elif part["type"] == "output_audio":
            part.setdefault("transcript", "")
    item.audio_ms = audio_format.ms(len(item.audio))
    for part in item.data.get("content", []):
        if part["type"] == "output_audio":
            item.words = spoken_words(part["transcript"], 0.0, item.audio_ms)
    return item


class Conversation:
    """Items by place and by id. A refused change raises RequestError and changes nothing."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    @property
    def items(self) -> list[Item]:
        return list(self._items)

    @property
    def last_id(self) -> str | None:
        return self._items[-1].id if self._items else None

    def shown(self) -> list[dict[str, Any]]:
        return [item.shown() for item in self._items]

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Puts the item after the one named, `root` for the front, None for the end; returns the id before it."""
        if any(each.id == item.id for each in self._items):
            raise RequestError(
                "item_create_duplicate_item_id",
                f"Error adding item: an item with the ID '{item.id}' already exists.",
                "item.id",
            )
        data = item.data
        if data["type"] == "function_call_output" and self.called(data["call_id"]) is None:
            raise RequestError(
                "invalid_tool_call_id", f"Tool call ID '{data['call_id']}' not found in conversation.", "item.call_id"
            )
        if data["type"] == "mcp_approval_response" and self.find(data["approval_request_id"]) is None:
            raise RequestError(
                "invalid_mcp_approval_request_id",
                f"MCP approval request ID '{data['approval_request_id']}' not found in conversation.",
                "item.approval_request_id",
            )
        place = len(self._items)
        if after == "root":
            place = 0
        elif after is not None:
            place = self._items.index(self.get(after, "create", "previous_item_id")) + 1
        self._items.insert(place, item)
        return self._items[place - 1].id if place else None

    def find(self, item_id: str) -> Item | None:
        return next((item for item in self._items if item.id == item_id), None)

    def get(self, item_id: str, action: str, param: str = "item_id") -> Item:
        """`action` is the verb of the client's event, for the error."""
        item = self.find(item_id)
        if item is None:
            doing = {"create": "creating", "delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}
            raise RequestError(
                f"item_{action}_invalid_item_id",
                f"Error {doing[action]} item: the item with id '{item_id}' does not exist.",
                param,
            )
        return item

    def holds(self, item: Item) -> bool:
        return any(each is item for each in self._items)

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
            raise RequestError("invalid_value", "Only model output audio messages can be truncated.", "item_id")
        content = item.data["content"]
        if content_index >= len(content) or content[content_index]["type"] != "output_audio":
            raise RequestError(
                "invalid_value", f"The item has no audio at content index {content_index}.", "content_index"
            )
        if audio_end_ms > item.audio_ms:
            raise RequestError(
                "invalid_value",
                f"Audio content of {item.audio_ms:.0f}ms is already shorter than {audio_end_ms}ms",
                "audio_end_ms",
            )
        item.cut = True
        item.audio_ms = audio_end_ms
        del item.audio[audio_end_ms * item.bytes_per_ms :]
        item.words = [(end, word) for end, word in item.words if end <= audio_end_ms]
        content[content_index]["transcript"] = "".join(word for _, word in item.words).strip()

    def called(self, call_id: str) -> str | None:
        """The name of the function with this call."""
        for item in self._items:
            if item.data["type"] == "function_call" and item.data.get("call_id") == call_id:
                return str(item.data["name"])
        return None


def spoken_words(text: str, start_ms: float, end_ms: float) -> list[tuple[float, str]]:
    """The words of a text that sounds from start to end, each with the space before it and the ms where it ends, by
    their share of the letters."""
    words = [word if index == 0 else f" {word}" for index, word in enumerate(text.split())]
    letters = sum(map(len, words)) or 1
    result, passed = [], 0
    for word in words:
        passed += len(word)
        result.append((start_ms + (end_ms - start_ms) * passed / letters, word))
    return result
