"""The items of a conversation, as a new session can be given them: text, calls and their outputs. Sans-I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAX_PARTS = 64
"""Of a message. Real ones have one or two; what comes behind these is not known of it."""

_PART_BYTES = 100
_TEXTS = {"text", "input_text", "output_text"}
_AUDIO = {"audio", "input_audio", "output_audio"}
_ROLES = {"user", "system", "assistant"}


@dataclass(slots=True)
class Part:
    """A part of a message. `text`: what was written, or the transcript of what was said; None where it is not known."""

    text: str | None = None
    unheard: bool = False
    """It is audio for the caller, of which nothing has been played yet."""
    _cut: tuple[float, int | None] | None = None

    def kept(self) -> list[Any]:
        """JSON; from_kept() makes a part of it again."""
        return [self.text, self.unheard, list(self._cut) if self._cut is not None else None]

    @classmethod
    def from_kept(cls, kept: list[Any]) -> Part:
        text, unheard, cut = kept
        part = cls(text, unheard)
        if cut is not None:
            part._cut = (cut[0], cut[1])
        return part

    def cut(self, heard: float) -> None:
        """The caller has heard no more than this of what has come so far, 0 to 1."""
        self._cut = heard, len(self.text) if self.text else None

    def settle(self) -> None:
        """What was not heard of it is no part of it any more."""
        self.text, self._cut = self.heard_text, None

    @property
    def heard_text(self) -> str:
        """Cut in proportion, to whole words."""
        if self.unheard or self.text is None:
            return ""
        if self._cut is None:
            return self.text
        heard, known = self._cut
        text = self.text if known is None else self.text[:known]
        length = int(len(text) * heard)
        if length < len(text) and not text[length].isspace():
            length = text.rfind(" ", 0, length) + 1
        return text[:length].rstrip()


@dataclass(slots=True)
class Item:
    """`kind`: the API's `type`; of a `message` there is a `role` and parts by their content index."""

    id: str
    kind: str
    role: str = ""
    parts: dict[int, Part] = field(default_factory=dict)
    call_id: str = ""
    name: str = ""
    text: str = ""
    """Arguments of a `function_call`, or the output of a `function_call_output`."""

    def kept(self) -> list[Any]:
        parts = [[index, part.kept()] for index, part in self.parts.items()]
        return [self.id, self.kind, self.role, parts, self.call_id, self.name, self.text]

    @classmethod
    def from_kept(cls, kept: list[Any]) -> Item:
        name, kind, role, parts, call_id, function, text = kept
        return cls(name, kind, role, {index: Part.from_kept(part) for index, part in parts}, call_id, function, text)

    def part(self, index: int) -> Part | None:
        """None where it would be one too many."""
        if index not in self.parts and len(self.parts) >= MAX_PARTS:
            return None
        return self.parts.setdefault(index, Part())

    @property
    def size(self) -> int:
        """About how many bytes it takes, here and on the wire."""
        parts = sum(_PART_BYTES + _bytes(part.text or "") for part in self.parts.values())
        return 200 + sum(map(_bytes, (self.id, self.call_id, self.name, self.text))) + parts


def from_server(fields: object) -> Item | None:
    """An item as a message of either side has it; None where it is none, or one that no new session can be given."""
    if not isinstance(fields, dict):
        return None
    kind, name = fields.get("type"), _text(fields.get("id"))
    if kind == "message":
        role = _text(fields.get("role"))
        if role not in _ROLES:
            return None
        item = Item(name, kind, role)
        content = fields.get("content")
        for index, part in enumerate(content[:MAX_PARTS] if isinstance(content, list) else ()):
            item.parts[index] = Part(_text_of_part(part), unheard=role == "assistant" and _is_audio(part))
        return item
    if kind == "function_call":
        call = _text(fields.get("call_id")), _text(fields.get("name")), _text(fields.get("arguments"))
        return Item(name, kind, call_id=call[0], name=call[1], text=call[2])
    if kind == "function_call_output":
        return Item(name, kind, call_id=_text(fields.get("call_id")), text=_text(fields.get("output")))
    return None


def to_client(item: Item, agent_text: str = "output_text") -> dict[str, Any] | None:
    """The `item` of a `conversation.item.create`; None where nothing is known, or was heard, of what it says.
    `agent_text`: the `type` of a part with the agent's words."""
    fields: dict[str, Any] = {"id": item.id} if item.id else {}
    if item.kind == "function_call":
        return fields | {"type": item.kind, "call_id": item.call_id, "name": item.name, "arguments": item.text}
    if item.kind == "function_call_output":
        return fields | {"type": item.kind, "call_id": item.call_id, "output": item.text}
    texts = [text for _, part in sorted(item.parts.items()) if (text := part.heard_text)]
    if not texts:
        return None
    kind = agent_text if item.role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in texts]
    return fields | {"type": item.kind, "role": item.role, "content": content}


def _text_of_part(part: object) -> str | None:
    if not isinstance(part, dict):
        return None
    if _text(part.get("type")) in _TEXTS:
        return _text(part.get("text"))
    if _is_audio(part) and isinstance(part.get("transcript"), str):
        return _text(part["transcript"])
    return None


def _is_audio(part: object) -> bool:
    return isinstance(part, dict) and _text(part.get("type")) in _AUDIO


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
