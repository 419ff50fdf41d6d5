"""What the application has asked of the session, merged into one: what a new session is asked again. Sans-I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ..dialect.messages import Kind, ServerMessage
from ..limits import kept_id

MAX_BYTES = 1 << 20
"""Of the merged session. More is not kept; a session with a hundred tools has some 50 kB."""

MAX_WAITING = 16
"""Updates that the server has not answered; more are taken as agreed to."""

UPDATE = "session.update"
UPDATE_ID = "engine_session"
"""The event id of the engine's own."""


class SessionWishes:
    """Follows the application's `session.update`s. One that the server refuses is none."""

    def __init__(self) -> None:
        self._agreed: dict[str, Any] = {}
        self._waiting: list[tuple[object, dict[str, Any]]] = []
        self.too_large = False
        """They do not fit; nothing is kept from then on."""

    @property
    def session(self) -> dict[str, Any]:
        """Merged: objects deeply, lists and all else replaced by the latest. Empty where nothing was asked."""
        session = self._agreed
        for _, wish in self._waiting:
            session = merged(session, wish)
        return session

    def take_up(self, session: dict[str, Any]) -> None:
        """What was asked before, under another engine."""
        self._agreed = session

    def application_sent(self, update: dict[str, Any]) -> bool:
        """A `session.update` has gone out. Whether anything changed."""
        wish = update.get("session")
        if self.too_large or not isinstance(wish, dict):
            return False
        self._waiting.append((kept_id(update.get("event_id")), wish))
        if len(self._waiting) > MAX_WAITING:
            self._agree()
        if not self._fits():
            self.too_large = True
            self._agreed = {}
            self._waiting.clear()
        return True

    def _fits(self) -> bool:
        try:
            return len(orjson.dumps(self.session)) <= MAX_BYTES
        except (TypeError, RecursionError):
            return False  # nested too deeply

    def server_said(self, message: ServerMessage) -> bool:
        """Whether anything changed."""
        if not self._waiting:
            return False
        if message.kind is Kind.SESSION_UPDATED:
            self._agree()
        elif message.kind is Kind.ERROR:
            at = refused_update(message.error, [event_id for event_id, _ in self._waiting])
            if at is not None:
                del self._waiting[at]
                return True
        return False

    def connection_lost(self) -> None:
        """What was asked is asked again, whether it was answered or not."""
        self._agreed = self.session
        self._waiting.clear()

    def _agree(self) -> None:
        _, wish = self._waiting.pop(0)
        self._agreed = merged(self._agreed, wish)


def refused_update(error: dict[str, Any], waiting: Sequence[object]) -> int | None:
    """Which of the `session.update`s that wait for an answer, by their event ids, a server's error is about; None: of
    none. An error repeats the id of what it answers; where that had none, it is about a parameter of the session's."""
    event_id, parameter = error.get("event_id"), error.get("param")
    if event_id is None and not (isinstance(parameter, str) and parameter.startswith("session")):
        return None
    return waiting.index(event_id) if event_id in waiting else None


def session_update(payload: bytes) -> dict[str, Any] | None:
    """The parsed message, where it is a `session.update`."""
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None  # nested too deeply for the parser: no update that a server takes
    return message if isinstance(message, dict) and message.get("type") == UPDATE else None


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """`base` with `change` in it: objects member by member, all else replaced. Neither is changed. No deeper than what
    a parser has taken."""
    result = dict(base)
    for name, value in change.items():
        before = result.get(name)
        result[name] = merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result
