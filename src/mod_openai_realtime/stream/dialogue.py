"""What both sides say to each other, and what follows: understanding.py decides, this carries it out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Protocol

from ..audio.agent_audio import AgentAudio
from ..audio.utterance import Speech
from ..conversation.barge_in import BargeIn
from ..conversation.effects import (
    Disown,
    Effect,
    EndAudio,
    Expired,
    Expires,
    ForgetHalf,
    Forward,
    Play,
    Restored,
    Send,
    Silence,
    Warn,
)
from ..conversation.restoration import Outcome
from ..conversation.session import Session
from ..conversation.session_wishes import session_update
from ..conversation.understanding import (
    application_says,
    application_wants_silence,
    binary_comes,
    caller_interrupts,
    connection_made,
    is_quiet,
    lost,
    restored,
    server_says,
)
from ..dialect.client_messages import ClientMessage
from ..dialect.messages import Kind, classify
from ..dialect.translation import translated
from ..later import Later
from ..realtime.receiving import TakeAudio
from .keep_alive import KeepAlive
from .reports import Reports


class Forwarded(Protocol):
    """Hears of the server's messages; Observer is one."""

    def forward(self, kind: str | None, payload: bytes, /) -> None: ...


class DialogueListener(Protocol):
    """The stream."""

    def say(self, events: list[Speech], /) -> None:
        """Speech of the agent has begun or ended in the caller's ear."""

    def send(self, payload: bytes, /) -> None:
        """A message of the engine's own is to go out."""

    def look(self) -> None:
        """Something was said that what may go either way depends on."""

    def session_expires(self, at: float, /) -> None:
        """By the server's word: in seconds of Unix time."""

    def session_expired(self) -> None: ...
    def restored(self, outcome: Outcome, /) -> None: ...
    def warn(self, text: str, /) -> None: ...


class Dialogue:
    """Over all sessions of a stream; `session` is that of the connection there is, or of the one to come."""

    def __init__(
        self,
        make_session: Callable[[int, int], Session],
        audio: AgentAudio | None,
        reports: Reports,
        pilot: Forwarded,
        listener: DialogueListener,
        later: Later,
    ) -> None:
        """`make_session` is given its number, and that of the server. `audio`: None where the stream plays nothing."""
        self._make_session = make_session
        self._audio = audio
        self._reports = reports
        self._pilot = pilot
        self._listener = listener
        self._keep_alive = KeepAlive(later, lambda payload: listener.send(payload))
        self._warned: set[str] = set()
        self.session = make_session(0, 0)

    @property
    def take_audio(self) -> TakeAudio | None:
        """See EndpointListener: before text() is called."""
        return self._audio.take_audio if self._audio is not None else None

    def text(self, payload: bytes) -> None:
        """Raises LimitExceededError."""
        message = classify(payload, self.session.dialect.kinds)
        if message.kind is not Kind.AUDIO_DELTA or self.session.raw:
            self._reports.server_said(message)
        self._perform(server_says(self.session, message, payload, time.monotonic_ns()))
        if message.kind is not Kind.OTHER or self.session.restoration is not None:
            self._listener.look()  # not for what is told on only, which is most of what a server says
        if message.kind is Kind.SESSION_CREATED:
            self._keep_alive.begin(self.session.dialect)

    def binary(self, payload: bytes) -> None:
        """Raises LimitExceededError."""
        self._carry_out(binary_comes(self.session, payload))

    def dropped(self, why: str) -> None:
        """A message has been lost before it came here."""
        self._carry_out(lost(why))

    def application_said(self, message: ClientMessage, *, caller_is_heard: bool) -> None:
        """A message of the application has gone out."""
        queue = self._audio.playback if self._audio is not None else None
        now_ns = time.monotonic_ns()
        self._carry_out(application_says(self.session, message, queue, now_ns, caller_is_heard=caller_is_heard))

    def silence(self) -> None:
        """The application wants silence; where nothing is played or queued, nothing happens."""
        self._carry_out(application_wants_silence(self.session, self._audio.playback if self._audio else None))

    def interrupt(self) -> None:
        """The caller has interrupted what they may."""
        self._carry_out(caller_interrupts(self.session))

    def for_server(self, payload: bytes) -> bytes:
        """A message of the application, as it is to go out."""
        terms, conversation = self.session.barge_in, self.session.conversation
        translates = conversation is not None and conversation.translates
        if (terms.policy is BargeIn.SERVER and not translates) or session_update(payload) is None:
            return payload
        update = json.loads(payload)  # which keeps numbers of any size
        asked = update.get("session")
        if conversation is not None and translates and isinstance(asked, dict):
            asked = translated(asked, conversation.dialect, self.session.dialect)
        told = terms.of_application(asked) or asked
        if told == update.get("session"):
            return payload
        return json.dumps({**update, "session": told}, separators=(",", ":")).encode()

    def application_sent(self, payload: bytes, told: bytes) -> None:
        """A message of the application has gone out, whatever it says; `told`: what for_server() made of it."""
        session, update = self.session, session_update(told)
        session.negotiation.application_sent(update)
        if update is not None:
            session.barge_in.application_sent(update.get("session"))
        conversation = session.conversation
        wish = session_update(payload) if conversation is not None and conversation.translates else update
        if conversation is not None and wish is not None:
            conversation.application_sent(wish)
        self._listener.look()

    def restoration_overdue(self) -> None:
        """What the server has not answered by now it will not."""
        if self.session.restoration is not None:
            self.session.restoration.give_up()
            self._carry_out(restored(self.session))

    def connected(self, server: int) -> None:
        """`server`: the number of the one that was reached. To be called before anything else of the connection."""
        # Nothing has happened in the session yet, and it was made before it was known for which server.
        self.session = self._make_session(self.session.number, server)

    def begin(self) -> None:
        """The connection can be used, and the application has been told."""
        self._carry_out(connection_made(self.session))

    def look_for_outcome(self) -> None:
        """All that the session was given may have been answered before it was the present one."""
        self._carry_out(restored(self.session))

    def take_over(self, session: Session) -> None:
        """Of another connection, that goes on where the one before it was left. What that has said so far follows."""
        self._keep_alive.end()
        self._switch(session)

    def warn(self, text: str) -> None:
        self._listener.warn(text)

    def connection_lost(self) -> None:
        if self.session.conversation is not None:
            self.session.conversation.wishes.connection_lost()
        self._keep_alive.end()
        self._switch(self.next_session(0))

    def next_session(self, server: int) -> Session:
        """The one to come, with the server of that number."""
        return self._make_session(self.session.number + 1, server)

    def _switch(self, session: Session) -> None:
        """It is that of the connection from now on."""
        self.session = session
        if self._audio is not None:
            self._audio.begin_session(session.number)

    def is_quiet(self, *, playing_on: bool, caller_is_heard: bool) -> bool:
        """See understanding.py; `playing_on`: what waits to be heard may go on."""
        queue = self._audio.playback if self._audio is not None and not playing_on else None
        return is_quiet(self.session, queue, time.monotonic_ns(), caller_is_heard=caller_is_heard)

    def _carry_out(self, effects: list[Effect]) -> None:
        self._perform(effects)
        self._listener.look()

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Forward(kind, payload):
                    self._pilot.forward(kind, payload)
                case Send(payload):
                    self._listener.send(payload)
                case Warn(text):
                    if text not in self._warned:
                        self._warned.add(text)
                        self._listener.warn(text)
                case Restored(outcome):
                    self._listener.restored(outcome)
                case Expires(at):
                    self._listener.session_expires(at)
                case Expired():
                    self._listener.session_expired()
                case _:
                    if self._audio is not None:
                        self._sound(self._audio, effect)

    def _sound(self, audio: AgentAudio, effect: Effect) -> None:
        match effect:
            case Play():
                audio.play(effect, self.session, time.monotonic_ns())
            case EndAudio():
                audio.end()
            case ForgetHalf():
                audio.forget_half()
            case Silence(which, tell):
                self._listener.say(audio.silence(which, tell=tell))
            case Disown(item_id):
                audio.playback.disown(item_id, self.session.number)
