"""What the server's messages mean for a call: audio is queued, a barge-in silences, the rest becomes events."""

from __future__ import annotations

import time
from typing import Protocol

from .._media import g711_decode
from ..realtime.client_messages import ClientKind, ClientMessage
from ..realtime.messages import (
    AUDIO_DELTAS,
    MAX_VALUES,
    Kind,
    ServerMessage,
    audio_delta,
    classify,
    decode_strictly,
)
from ..realtime.receiving import TakeAudio
from .event_limit import EventLimit
from .heard import ItemPart
from .interruption import Interruption, turn_detection
from .limits import check_id
from .negotiation import Negotiation
from .playback import Chosen, Playback, Speech, Utterance
from .redaction import loggable
from .reports import Reports
from .session import PartName, Session
from .settings import Settings
from .turn import Turns

# FreeSWITCH's log levels.
LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG = 3, 4, 6, 7

_NOT_PARSED = (Kind.NOT_JSON, Kind.UNREAD)
_SESSION_KINDS = (Kind.SESSION_CREATED, Kind.SESSION_UPDATED, Kind.ERROR)  # what a negotiation listens to


class IncomingSink(Protocol):
    """Where the consequences go: the stream."""

    def say(self, events: list[Speech]) -> None: ...
    def event(self, subclass: str, body: bytes) -> None: ...
    def log(self, level: int, text: str) -> None: ...
    def audio_file(self, pcm: bytes, rate: int, message: ServerMessage | None) -> None: ...
    def send(self, payload: bytes) -> None: ...
    def session_changed(self) -> None:
        """Formats may have changed."""

    def wake(self) -> None:
        """Playback has changed: look at it on the next tick."""

    def watch(self) -> None:
        """Playback has been looked at: again when it is due."""


class Incoming:
    """Synchronous, without clock or socket: tests call it with messages and look at the sink and the playback ring."""

    def __init__(
        self,
        settings: Settings,
        playback: Playback | None,
        interruption: Interruption,
        negotiation: Negotiation,
        turns: Turns,
        reports: Reports,
        events: EventLimit,
        sink: IncomingSink,
    ) -> None:
        self._settings = settings
        self._playback = playback
        self._interruption = interruption
        self._negotiation = negotiation
        self._turns = turns
        self._reports = reports
        self._events = events
        self._sink = sink
        self._session = Session(0)
        self._full = False  # the playback queue is full, and that was said
        self._warned: set[str] = set()
        # Files want the whole message.
        self._plain = playback is not None and not settings.raw and not settings.audio_files

    @property
    def session(self) -> int:
        """Number of the session of this connection, or of the one to come."""
        return self._session.number

    @property
    def take_audio(self) -> TakeAudio | None:
        """Takes the audio of a message that is of no other consequence, before text() is called with it."""
        return self._playback.playout.feed_message if self._playback is not None and self._plain else None

    def text(self, payload: bytes) -> None:
        if self._plain:
            delta = audio_delta(payload)
            if delta is not None:
                self._delta(*delta, None)
                return
        message = classify(payload)
        kind = message.kind
        playback = self._playback
        if kind is Kind.AUDIO_DELTA and not self._settings.raw:
            if playback is None:
                return  # the stream only sends
            if message.audio is None:
                self.dropped("audio delta dropped: its base64 is malformed")
            else:
                self._delta(message.response_id, message.item_id, message.content_index, message.audio, message)
            return
        if kind is not Kind.OTHER:
            self._forget_part()
        if kind is Kind.TOO_DEEP:
            self.dropped("message dropped: its JSON is nested too deeply")
            return
        if kind is Kind.UNREAD:
            if not self._settings.raw and any(name in payload for name in AUDIO_DELTAS):
                self.dropped(f"audio delta dropped: its JSON has more than {MAX_VALUES} values")
                return
            self._tell(f"message passed on unread: its JSON has more than {MAX_VALUES} values")
        if kind in _NOT_PARSED and b"\0" in payload:
            # FreeSWITCH's events are C strings. JSON has no such byte: there it is an escape.
            self.dropped("message dropped: it contains a NUL byte")
            return
        self._reports.server_said(message)
        update = self._negotiation.server_said(message)
        if kind in _SESSION_KINDS:
            self._sink.session_changed()
        if update is not None:
            self._sink.send(update)
        self._follow(message)
        if not self._events.admit(message.type, len(payload), time.monotonic_ns()):
            return
        if not self._settings.suppress_log:
            self._sink.log(LOG_DEBUG, f"received {loggable(payload)}")
        self._sink.event("json", payload)

    def _follow(self, message: ServerMessage) -> None:
        """What a message means for the session, and so for what is heard."""
        session, kind, response = self._session, message.kind, message.response_id
        if kind is Kind.SESSION_CREATED or kind is Kind.SESSION_UPDATED:
            session.detection = turn_detection(message.fields.get("session")) or session.detection
        elif kind is Kind.ERROR:
            self._refused(message.fields.get("error"))
        elif kind is Kind.SPEECH_STARTED:
            session.clock.speech_started()
            self._caller_speaks()
        elif kind is Kind.SPEECH_STOPPED:
            session.responses.turn_ended()
            session.clock.speech_stopped(time.monotonic_ns())
        elif kind is Kind.COMMITTED:
            session.responses.turn_ended()
            session.clock.committed(time.monotonic_ns())
        elif kind is Kind.RESPONSE_CREATED:
            check_id(response)
            session.responses.created(response, message.response.get("metadata"))
        elif kind is Kind.AUDIO_DONE:
            if session.responses.audio_done(response) and self._playback is not None:
                session.half = b""
                self._finish(self._playback)
        elif kind is Kind.RESPONSE_DONE:
            if _cancelled_by_client(message):
                self._silence_response(response)
            if session.responses.done(response) and self._playback is not None:
                self._finish(self._playback)

    def _refused(self, error: object) -> None:
        self._session.responses.requests.refused(error)
        if isinstance(error, dict) and error.get("code") == "input_audio_buffer_commit_empty":
            self._session.clock.commit_refused()

    def binary(self, payload: bytes) -> None:
        if not self._settings.raw:
            self.dropped("binary message dropped: the stream is not in raw mode")
        elif self._playback is not None and self._session.responses.raw_audible():
            self._forget_part()
            self._belong((None, None, 0))
            self._play(payload, None, None, begins=True)

    def dropped(self, why: str) -> None:
        """A message is lost to us: what comes next begins with a whole sample. Logged once for each reason."""
        self._session.half = b""
        self._tell(why)

    def _tell(self, why: str) -> None:
        if why not in self._warned:
            self._warned.add(why)
            self._sink.log(LOG_WARNING, why)

    def connection_lost(self) -> None:
        """What was received plays on; of what was not, nothing will come."""
        self._forget_part()
        self._session = Session(self._session.number + 1)
        if self._playback is not None:
            self._playback.begin_session(self._session.number)
            self._sink.wake()

    def _finish(self, playback: Playback) -> None:
        playback.finish()
        self._sink.wake()

    def _delta(
        self, response: str | None, item: str | None, index: int, audio: bytes, message: ServerMessage | None
    ) -> None:
        if not audio:
            return
        session = self._session
        name = (response, item, index)
        begins = not session.part_is_open or name != session.part_name
        if begins:
            check_id(response)
            check_id(item)
            if not session.responses.audible(response):
                return
            self._belong(name)
            session.part_is_open = True
        self._play(audio, response, message, begins)
        assert self._playback is not None
        if message is None and session.law is None and not session.half and not self._full:
            # What else is plainly of this part changes nothing but the queue.
            self._playback.follow(decode_strictly, response, item, index)
        else:
            self._playback.unfollow()

    def _forget_part(self) -> None:
        """Something has come that what follows may depend on."""
        self._session.part_is_open = False
        if self._playback is not None:
            self._playback.unfollow()

    def _belong(self, name: PartName) -> None:
        """The audio that comes next is of another response or part, or in another format."""
        assert self._playback is not None
        session, wire = self._session, self._negotiation.playback
        response, item, index = name
        self._playback.set_rate(wire.rate)
        session.law = wire.law
        if name != session.part_name:
            session.part_name, session.half = name, b""
            session.part = ItemPart(item, index, session.number) if item is not None else None
        self._turns.delta(session.number, session.clock, response, item, time.monotonic_ns())

    def _play(self, audio: bytes, response: str | None, message: ServerMessage | None, begins: bool) -> None:
        playback, session = self._playback, self._session
        assert playback is not None
        if session.law is not None:
            session.half = b""
            pcm = g711_decode(audio, session.law)
        elif session.half or len(audio) & 1:
            pcm = self._whole(audio)
            if not pcm:
                return
        else:
            pcm = audio
        if playback.feed(pcm, response, session.part, interruptible=session.responses.interruptible(response)):
            self._full = False
            if begins:
                self._sink.watch()
            if self._settings.audio_files:
                self._sink.audio_file(pcm, playback.rate, message)
        else:
            session.half = b""
            if not self._full:
                self._full = True
                self._sink.log(LOG_WARNING, "too much audio is waiting to be played: the newest is dropped")

    def _whole(self, pcm: bytes) -> bytes:
        """Whole samples, the first byte of which may have come with the message before."""
        session = self._session
        if session.half:
            pcm = session.half + pcm
        session.half = pcm[len(pcm) & ~1 :]
        return pcm[:-1] if session.half else pcm

    # -- who falls silent

    def _caller_speaks(self) -> None:
        session, playback = self._session, self._playback
        if not session.detection.interrupts:
            return
        active = session.responses.interrupt(session.responses.interruptible)
        if playback is None:
            return
        self._silence(_interruptible, tell=self._interruption.truncates)
        if self._interruption.cancels and not session.detection.server_cancels:
            self._cancel(active)

    def silence(self) -> None:
        """The application wants silence: what is played or queued is dropped, and its responses are not heard again.
        Without playback nothing happens."""
        session, playback = self._session, self._playback
        if playback is None or playback.idle:
            return
        names = playback.responses(session.number)
        # Audio that names no response may be of any.
        active = session.responses.interrupt(lambda name: name in names or None in names)
        self._silence(None, tell=True)
        self._cancel(active)

    def application_said(self, message: ClientMessage, *, caller_is_heard: bool) -> None:
        """A message of the application has gone out."""
        session, kind = self._session, message.kind
        self._interruption.application_sent(kind)
        if kind is ClientKind.COMMIT:
            if caller_is_heard:
                session.clock.application_commits(time.monotonic_ns())
        elif kind is ClientKind.CREATE:
            session.responses.requests.sent(message)
        elif kind is ClientKind.CANCEL:
            response = message.text("response_id")
            if response is not None:
                self._silence_response(response)
            else:
                session.responses.interrupt()
                self._silence(None, tell=self._interruption.truncates)
        elif kind is ClientKind.TRUNCATE and self._playback is not None:
            item = message.text("item_id") or ""
            found = self._playback.responses_of_item(item, session.number)
            self._playback.disown(item, session.number)
            if found:
                self._silence_responses(found)

    def _silence_response(self, response: str | None) -> None:
        # Audio that names no response may be of this one.
        self._silence_responses({response, None})

    def _silence_responses(self, names: set[str | None]) -> None:
        """By the application's own message, which tells the server what it has to know; but for what was heard."""
        number = self._session.number
        self._session.responses.interrupt(lambda name: name in names)
        chosen: Chosen = lambda utterance: utterance.session == number and utterance.response in names  # noqa: E731
        self._silence(chosen, tell=self._interruption.truncates)

    def _silence(self, chosen: Chosen | None, *, tell: bool) -> None:
        session, playback = self._session, self._playback
        if playback is None:
            return
        self._forget_part()
        if chosen is None or session.part_name is None or session.responses.silenced(session.part_name[0]):
            session.half = b""
        self._sink.say(playback.barge_in(chosen, tell=tell))
        self._sink.wake()

    def _cancel(self, responses: list[str | None]) -> None:
        for message in self._interruption.cancel(responses, others=self._session.responses.any_announced):
            self._sink.send(message)


def _interruptible(utterance: Utterance) -> bool:
    return utterance.interruptible


def _cancelled_by_client(message: ServerMessage) -> bool:
    """Whether a response is over because a client's message cancelled it."""
    details = message.response.get("status_details")
    return isinstance(details, dict) and details.get("reason") == "client_cancelled"
