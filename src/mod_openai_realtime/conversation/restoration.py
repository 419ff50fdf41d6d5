"""A new session is given what the one before it had. Sans-I/O, synchronous."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2s
from itertools import count
from typing import Any

import orjson

from ..dialect.dialect import CREATE_ITEM, DELETE_ITEM, Dialect
from ..dialect.messages import Kind, ServerMessage
from ..dialect.profiles import OPENAI
from ..dialect.translation import translated
from .conversation import ROOT, Conversation
from .session_wishes import UPDATE_ID

_ITEM_ID = "engine_item_"
_DELETED = "conversation.item.deleted"
_ANSWERS = frozenset({"conversation.item.created", "conversation.item.added", "conversation.item.done"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`session`: the server agreed to what was asked of it. `items`: so many it has; `left_out`: so many it has not."""

    session: bool
    items: int
    left_out: int


class Restoration:
    """Of one session: what is sent as soon as the server has greeted, and what it answers.

    One `session.update` with all that the application has asked for so far, then the conversation's items, in order.
    """

    def __init__(self, conversation: Conversation, dialect: Dialect = OPENAI) -> None:
        self._conversation = conversation
        self._dialect = dialect
        self.begun = False
        self._greeting_waits = not conversation.is_empty
        self._wishes_wait = 0  # updates that are not answered
        self._asked: dict[str, Any] = {}
        self._agreed = False
        self._numbers = count()  # of event ids
        self._given: dict[str, dict[str, Any]] = {}  # by item id
        self._renamed: dict[str, str] = {}  # item ids
        self._refusals = 0
        self._beside = False
        self._items: dict[str, str] = {}  # event id -> item id, of those that are not answered
        self._created: set[str] = set()  # item ids
        self._deleted: set[str] = set()
        self._left_out = 0
        self._told = False

    @property
    def wish(self) -> dict[str, Any]:
        """The session to ask for; empty where the application asked for nothing."""
        return translated(self._conversation.wishes.session, self._conversation.dialect, self._dialect)

    @property
    def holds_audio(self) -> bool:
        """Caller audio has to wait: it would come before what it is to follow upon."""
        return self._greeting_waits or self._wishes_wait > 0

    def begin(self, *, asked: bool, beside: bool = False) -> list[bytes]:
        """The server has greeted, and where `asked` a `session.update` with UPDATE_ID has been sent. The messages that
        follow upon it. `beside`: another session goes on, until catch_up()."""
        self.begun, self._greeting_waits, self._wishes_wait = True, False, int(asked)
        self._asked, self._beside = self.wish, beside
        items, self._left_out = self._conversation.begin_session(self._dialect, beside=beside)
        messages = [self._create(item) for item in items]
        if not messages and not asked:
            self._told = True  # there is nothing to tell of
        return messages

    def _create(self, item: dict[str, Any], previous: str | None = None) -> bytes:
        event_id = f"{_ITEM_ID}{next(self._numbers)}"
        self._items[event_id] = item["id"]
        self._given[item["id"]] = item
        where = {} if previous is None else {"previous_item_id": previous}
        return orjson.dumps({"type": CREATE_ITEM, "event_id": event_id, **where, "item": self._named(item)})

    def _named(self, item: dict[str, Any]) -> dict[str, Any]:
        """With names that the server takes: an item without one it names itself. Another server has given them."""
        longest = self._dialect.longest_id
        if longest is None or all(len(item.get(name, "")) <= longest for name in ("id", "call_id")):
            return item
        named = {name: value for name, value in item.items() if name != "id" or len(value) <= longest}
        if len(item.get("call_id", "")) > longest:
            # The call and its output are to have the same.
            named["call_id"] = (
                "call_" + blake2s(item["call_id"].encode("utf-8", "surrogatepass"), digest_size=13).hexdigest()
            )
        return named

    def ask_again(self) -> dict[str, Any] | None:
        """What the application has asked for since begin(): the session of another update, which the caller sends with
        UPDATE_ID. None where it asked for nothing."""
        if self.wish == self._asked:
            return None
        self._asked = self.wish
        self._wishes_wait += 1
        self._told = False
        return self._asked

    def catch_up(self) -> list[bytes]:
        """The session beside which this one was made ready is over. The messages that tell it what has been said since
        begin()."""
        self._beside = False
        for item_id, name in self._renamed.items():
            self._conversation.rename(item_id, name)
        items, self._left_out = self._conversation.begin_session(self._dialect)
        self._left_out += self._refusals
        names = {item["id"] for item in items}
        gone = [name for name in self._given if name not in names]
        messages = [self._delete(name) for name in gone if self._dialect.deletes_items]
        last = max((at for at, item in enumerate(items) if self._given.get(item["id"]) == item), default=-1)
        previous = ROOT
        for at, item in enumerate(items):
            name = item["id"]
            if self._given.get(name) != item and (self._dialect.deletes_items or name not in self._given):
                if name in self._given:
                    messages.append(self._delete(name))
                messages.append(self._create(item, previous if at < last else None))
            previous = name
        self._told = self._told and not messages
        return messages

    def _delete(self, item_id: str) -> bytes:
        self._created.discard(item_id)
        self._deleted.add(item_id)
        event_id = f"{_ITEM_ID}{next(self._numbers)}"
        return orjson.dumps({"type": DELETE_ITEM, "event_id": event_id, "item_id": item_id})

    def answers(self, message: ServerMessage) -> bool:
        """Whether a message of the server answers one of the engine's own, sent by begin()."""
        if message.kind is Kind.SESSION_UPDATED:
            # Answers come in the order of what they answer, and ours was the first.
            answered = self._wishes_wait > 0
            self._wishes_wait -= answered
            self._agreed = self._agreed or answered
            return answered
        if message.kind is Kind.ERROR:
            return self._refused(message.error.get("event_id"))
        if message.type == _DELETED and message.item_id in self._deleted:
            self._deleted.remove(message.item_id)
            return True
        return bool(self._items or self._created) and message.type in _ANSWERS and self._is_created(message)

    def _refused(self, event_id: object) -> bool:
        if event_id == UPDATE_ID:
            self._wishes_wait = max(0, self._wishes_wait - 1)
            return True
        item_id = self._items.pop(event_id, None) if isinstance(event_id, str) else None
        if item_id is None:
            return False
        self._left_out += 1
        self._refusals += 1
        self._given.pop(item_id, None)
        self._conversation.forget(item_id)
        return True

    def _is_created(self, message: ServerMessage) -> bool:
        item = message.fields.get("item")
        name = item.get("id") if isinstance(item, dict) else None
        if not isinstance(name, str):
            return False
        if name in self._created:
            return True  # `added`, then `done`
        event_id = next((each for each, item_id in self._items.items() if item_id == name), None)
        if event_id is None:
            # Some servers give names of their own; answers come in order.
            event_id = next((each for each in self._items if self._is_like(item, self._items[each])), None)
            if event_id is None:
                return False
            self._rename(self._items[event_id], name)
        del self._items[event_id]
        self._created.add(name)
        return True

    def _rename(self, item_id: str, name: str) -> None:
        self._given[name] = {**self._given.pop(item_id, {}), "id": name}
        if self._beside:
            self._renamed[item_id] = name  # the other session knows it by its own name yet
        else:
            self._conversation.rename(item_id, name)

    def _is_like(self, item: Any, item_id: str) -> bool:
        mine = self._conversation.item(item_id)
        return mine is not None and (item.get("type"), item.get("role") or "") == (mine.kind, mine.role)

    def release_audio(self) -> None:
        """The server has not greeted, or answered, for too long."""
        self._greeting_waits, self._wishes_wait = False, 0

    def correct(self, item_id: str) -> list[bytes]:
        """Less of this item was heard than the session was told: the rest of it was playing on from the session before,
        and was interrupted. The messages that put it right."""
        item = self._conversation.item(item_id)
        if item is None or not (item_id in self._created or item_id in self._items.values()):
            return []
        previous = self._conversation.previous(item_id)
        fields = self._conversation.settle(item, self._dialect)
        if not self._dialect.deletes_items:
            return []  # it believes that more was heard
        self._deleted.add(item_id)
        messages: list[dict[str, Any]] = [{"type": DELETE_ITEM, "item_id": item_id}]
        if fields is not None:
            create = {"type": CREATE_ITEM, "previous_item_id": previous or ROOT, "item": self._named(fields)}
            messages.append(create)
        return [orjson.dumps({**each, "event_id": f"{_ITEM_ID}{item_id[:32]}"}) for each in messages]

    def give_up(self) -> None:
        """What is not answered by now will not be."""
        self.release_audio()
        self._left_out += len(self._items)
        self._items.clear()

    @property
    def answered(self) -> bool:
        """All that was sent so far."""
        return not self._wishes_wait and not self._items

    def outcome(self) -> Outcome | None:
        """Once, when everything has been answered."""
        if self._told or not self.begun or not self.answered:
            return None
        self._told = True
        return Outcome(self._agreed, len(self._created), self._left_out)
