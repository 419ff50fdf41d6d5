"""What has been said in a call, over all its sessions, and what a new session is told of it. Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..dialect.dialect import Dialect
from ..dialect.messages import ServerMessage
from ..dialect.profiles import OPENAI
from .items import MAX_PARTS, Item, Part, from_server, to_client
from .session_wishes import SessionWishes

MAX_BYTES = 128 << 10
"""Of all items together. Of more the oldest are forgotten."""

ROOT = "root"
"""What an item is created behind that is to be the first."""

MAX_FIRSTS = 16
"""So many of those may wait for the server's answer."""


class Conversation:
    """Items in the order that the server has them: what the caller said by its transcript, what the agent said as far
    as it was heard.

    `max_items`: so many are kept, the newest; 0: all that MAX_BYTES hold; None: none, and only `wishes` is kept.
    """

    def __init__(
        self, max_items: int | None, *, plays: bool = True, dialect: Dialect = OPENAI, translates: bool = False
    ) -> None:
        """`plays`: where the stream plays nothing, nobody knows what was heard, and all that was said counts.
        `dialect`: what the application speaks; `translates`: whatever the server does."""
        self.wishes = SessionWishes()
        self.dialect = dialect
        self.translates = translates
        self._max_items = max_items
        self._plays = plays
        self._items: dict[str, Item] = {}
        self._bytes = 0
        self._forgotten = 0
        self._firsts: list[str | None] = []
        self.version = 0
        """Grows with each change of what kept() says."""

    @property
    def keeps_items(self) -> bool:
        return self._max_items is not None

    @property
    def is_empty(self) -> bool:
        return not self._items and not self.wishes.session

    def kept(self) -> dict[str, Any]:
        """JSON, for an engine that comes after this one: take_up() goes on from it."""
        return {
            "session": self.wishes.session,
            "items": [item.kept() for item in self._items.values()],
            "forgotten": self._forgotten,
        }

    def take_up(self, kept: dict[str, Any]) -> None:
        """Raises ValueError, TypeError or KeyError where that is none of kept()'s."""
        items = [Item.from_kept(each) for each in kept["items"]]
        self.wishes.take_up(dict(kept["session"]))
        self._forgotten = int(kept["forgotten"])
        self._items = {item.id: item for item in items}
        self._bytes = sum(item.size for item in self._items.values())
        self._bound()

    def application_sent(self, update: dict[str, Any]) -> None:
        """A `session.update` has gone out."""
        if self.wishes.application_sent(update):
            self.version += 1

    def comes_first(self, item: object) -> None:
        """The application has created this item in front of all others. What tells of it names none before it, and
        some servers do so of every item."""
        if self._max_items is not None and isinstance(item, dict):
            name = item.get("id")
            self._firsts = [*self._firsts, name if isinstance(name, str) else None][-MAX_FIRSTS:]

    def server_said(self, message: ServerMessage) -> None:
        if self.wishes.server_said(message):
            self.version += 1
        if self._max_items is not None:
            handle = _HANDLERS.get(message.type or "")
            if handle is not None:
                self.version += 1
                handle(self, message)

    def plays(self, item_id: str, content_index: int) -> None:
        """Audio of this part is queued; it is heard unless cut() says otherwise."""
        item = self._items.get(item_id)
        known = item.parts.get(content_index) if item is not None else None
        if known is not None and not known.unheard:
            return  # asked for with each delta that Python sees
        part = self._part(item_id, content_index)
        if part is not None:
            part.unheard = False

    def cut(self, item_id: str, content_index: int, heard: int, received: int) -> None:
        """Of this part of an item `heard` of the `received` samples were heard, and no more will be."""
        part = self._part(item_id, content_index)
        if part is not None:
            part.cut(heard / received if received else 0.0)

    def _part(self, item_id: str, content_index: int) -> Part | None:
        """Of an item that there is, to be changed."""
        item = self._items.get(item_id)
        if item is None:
            return None
        self.version += 1
        with self._weighed(item):
            return item.part(content_index)

    @contextmanager
    def _weighed(self, item: Item) -> Iterator[None]:
        """Around whatever changes an item."""
        self._bytes -= item.size
        yield
        self._bytes += item.size

    def begin_session(self, dialect: Dialect = OPENAI, *, beside: bool = False) -> tuple[list[dict[str, Any]], int]:
        """The items to be created in a new session, oldest first, and how many it can't be given: those are forgotten,
        and of the others what was not heard; but not `beside` a session that goes on."""
        self.version += not beside
        if not beside:
            self._firsts = []  # which the session before has not answered
        items = list(self._items.values())
        called = {each.call_id for each in items if each.kind == "function_call"}
        answered = {each.call_id for each in items if each.kind == "function_call_output"}
        whole = called & answered
        found: list[dict[str, Any]] = []
        for item in items:
            given = (item.role or item.kind) in dialect.given_items
            known = given and (item.kind == "message" or item.call_id in whole)
            fields = (to_client(item, dialect.agent_text) if beside else self.settle(item, dialect)) if known else None
            if fields is not None:
                found.append(fields)
            elif not beside:
                self.forget(item.id)
                self._forgotten += 1
        return found, self._forgotten

    def settle(self, item: Item, dialect: Dialect = OPENAI) -> dict[str, Any] | None:
        """The item as it is to be created; what was not heard of it is no part of it any more. None where nothing is
        left."""
        fields = to_client(item, dialect.agent_text)
        with self._weighed(item):
            for part in item.parts.values():
                part.settle()
        return fields

    def previous(self, item_id: str) -> str | None:
        """The item before this one; None where it is the first."""
        before = None
        for name in self._items:
            if name == item_id:
                return before
            before = name
        return None

    def item(self, item_id: str) -> Item | None:
        return self._items.get(item_id)

    def forget(self, item_id: str) -> None:
        """It is no part of the conversation any more."""
        item = self._items.pop(item_id, None)
        if item is not None:
            self._bytes -= item.size

    def rename(self, item_id: str, new_id: str) -> None:
        """The server has taken an item under a name of its own."""
        if item_id in self._items and new_id not in self._items:
            self._items = {(new_id if name == item_id else name): item for name, item in self._items.items()}
            item = self._items[new_id]
            with self._weighed(item):
                item.id = new_id
            self._bound()

    # -- what each kind of message adds

    def _item(self, message: ServerMessage) -> None:
        item = from_server(message.fields.get("item"))
        if item is None or not item.id:
            return
        known = self._items.get(item.id)
        if not self._plays:
            for part in item.parts.values():
                part.unheard = False
        if known is not None:
            with self._weighed(known):
                _complete(known, item)
        else:
            previous = message.fields.get("previous_item_id")
            self._insert(item, previous if isinstance(previous, str) else None)
        self._bound()

    def _output_item(self, message: ServerMessage) -> None:
        """What a response says that is no part of the conversation has such an item too."""
        fields = message.fields.get("item")
        name = fields.get("id") if isinstance(fields, dict) else None
        if isinstance(name, str) and name in self._items:
            self._item(message)

    def _insert(self, item: Item, previous: str | None) -> None:
        self._bytes += item.size
        if previous is None and self._is_first(item):
            self._items = {item.id: item, **self._items}
            return
        order: dict[str, Item] = {}
        for name, each in self._items.items():
            order[name] = each
            if name == previous:
                order[item.id] = item
        self._items = {**order, item.id: item}

    def _is_first(self, item: Item) -> bool:
        for name in (item.id, None):
            if name in self._firsts:
                self._firsts.remove(name)
                return True
        return False

    def _deleted(self, message: ServerMessage) -> None:
        if message.item_id is not None:
            self.forget(message.item_id)

    def _says(self, message: ServerMessage, text: object, *, more: bool = False) -> None:
        """Text of a part of an item, all of it or `more`."""
        item = self._items.get(message.item_id or "")
        if item is None or not isinstance(text, str):
            return
        is_new = message.content_index not in item.parts
        with self._weighed(item):
            part = item.part(message.content_index)
            if part is not None:
                if is_new:
                    part.unheard = (
                        item.role == "assistant" and self._plays and "audio_transcript" in (message.type or "")
                    )
                part.text = (part.text or "") + text if more else text
        self._bound()

    def _transcript_grows(self, message: ServerMessage) -> None:
        self._says(message, message.fields.get("delta"), more=True)

    def _transcript(self, message: ServerMessage) -> None:
        self._says(message, message.fields.get("transcript"))

    def _written(self, message: ServerMessage) -> None:
        self._says(message, message.fields.get("text"))

    def _called(self, message: ServerMessage) -> None:
        item, arguments = self._items.get(message.item_id or ""), message.fields.get("arguments")
        if item is not None and isinstance(arguments, str):
            with self._weighed(item):
                item.text = arguments
            self._bound()

    def _bound(self) -> None:
        while self._bytes > MAX_BYTES or (self._max_items and len(self._items) > self._max_items):
            self.forget(next(iter(self._items)))
            self._forgotten += 1


def _complete(known: Item, news: Item) -> None:
    """What a later message tells of an item."""
    for index, part in news.parts.items():
        if index not in known.parts and len(known.parts) < MAX_PARTS:
            known.parts[index] = part
        elif index in known.parts and part.text is not None:
            known.parts[index].text = part.text
    known.call_id, known.name = news.call_id or known.call_id, news.name or known.name
    known.text = news.text or known.text


_HANDLERS: dict[str, Callable[[Conversation, ServerMessage], None]] = {
    "conversation.item.created": Conversation._item,
    "conversation.item.added": Conversation._item,
    "conversation.item.done": Conversation._item,
    "response.output_item.added": Conversation._output_item,
    "response.output_item.done": Conversation._output_item,
    "conversation.item.deleted": Conversation._deleted,
    "conversation.item.input_audio_transcription.completed": Conversation._transcript,
    "response.output_audio_transcript.delta": Conversation._transcript_grows,
    "response.output_audio_transcript.done": Conversation._transcript,
    "response.audio_transcript.delta": Conversation._transcript_grows,
    "response.audio_transcript.done": Conversation._transcript,
    "response.output_text.done": Conversation._written,
    "response.text.done": Conversation._written,
    "response.function_call_arguments.done": Conversation._called,
}
