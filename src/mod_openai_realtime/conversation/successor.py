"""A session that is made ready while the one before it goes on. Sans-I/O."""

from __future__ import annotations

import orjson

from ..dialect.messages import Kind, classify
from .effects import Send
from .session import Session
from .session_wishes import UPDATE, UPDATE_ID
from .understanding import connection_made, follow_session

MAX_KEPT_MESSAGES, MAX_KEPT_BYTES = 256, 1 << 20
"""Of what the server says that is no answer: it greets, and some speak first. It is for the call once the session takes
over; past this the server is behaving oddly, and it is left out."""


class Successor:
    """`kept`: what the server has said so far that is for the call, to be heard once the session has taken over."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.kept: list[bytes] = []
        self._kept_bytes = 0
        self._overdue = False
        # What has been said is the other session's, until this one takes over.
        self._conversation, session.conversation = session.conversation, None

    @property
    def ready(self) -> bool:
        """It may take over."""
        if self._overdue or self.session.raw:
            return True
        restoration = self.session.restoration
        if restoration is None:
            return self.session.greeted
        return restoration.begun and restoration.answered and not self.session.negotiation.waiting

    def connected(self) -> list[bytes]:
        """What is to be sent to a server that waits for it before it greets."""
        effects = connection_made(self.session, beside=True)
        return [effect.payload for effect in effects if isinstance(effect, Send)]

    def server_said(self, payload: bytes) -> list[bytes]:
        """A text message. Returns what is to be sent."""
        dialect, restoration = self.session.dialect, self.session.restoration
        message = classify(payload, dialect.kinds)
        own = restoration is not None and restoration.answers(message)
        own = own or (message.type is not None and message.type == dialect.keep_alive_answer)
        sent: list[bytes] = []
        if message.kind in (Kind.SESSION_CREATED, Kind.SESSION_UPDATED, Kind.ERROR):
            self.session.greeted = self.session.greeted or message.kind is Kind.SESSION_CREATED
            effects = follow_session(self.session, message, beside=True)
            sent = [effect.payload for effect in effects if isinstance(effect, Send)]
        if not own or message.kind is Kind.ERROR:
            self.keep(payload)
        return sent

    def keep(self, payload: bytes) -> None:
        self._kept_bytes += len(payload)
        if len(self.kept) < MAX_KEPT_MESSAGES and self._kept_bytes <= MAX_KEPT_BYTES:
            self.kept.append(payload)

    def ask_again(self) -> bytes | None:
        """The message that asks for what the application has asked of the other session meanwhile; None for nothing.
        Then the session is not ready again until that is answered."""
        return None if self._overdue else self._ask_again()

    def _ask_again(self) -> bytes | None:
        restoration = self.session.restoration
        wish = restoration.ask_again() if restoration is not None and restoration.begun else None
        if wish is None:
            return None
        wish = self.session.barge_in.told(wish)
        self.session.negotiation.prefer(wish)
        self.session.negotiation.engine_asks(wish)
        return orjson.dumps({"type": UPDATE, "event_id": UPDATE_ID, "session": wish})

    def give_up(self) -> None:
        """What the server has not answered by now it will not."""
        if self.ready:
            return
        self._overdue = True
        if self.session.restoration is not None:
            self.session.restoration.give_up()

    def take_over(self) -> list[bytes]:
        """From now on it is the session of the call. Returns what is to be sent to it, before any audio."""
        self.session.conversation = self._conversation
        restoration = self.session.restoration
        if self._conversation is not None:
            self._conversation.wishes.connection_lost()
        if restoration is None or not restoration.begun:
            return []  # it is given all that once the server has greeted
        asked = self._ask_again()
        return ([asked] if asked is not None else []) + restoration.catch_up()
