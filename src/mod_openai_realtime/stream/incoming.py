"""What the server's messages mean for a call: audio is queued, a barge-in silences, the rest becomes events."""

from __future__ import annotations

import time
from typing import Protocol

from .._media import g711_decode
from ..realtime.messages import Kind, ServerMessage, audio_delta, classify, decode_strictly
from ..realtime.receiving import TakeAudio
from .heard import ItemPart
from .interruption import Interruption
from .negotiation import Negotiation
from .playback import Playback, Speech
from .redaction import loggable
from .reports import Reports
from .responses import Responses
from .settings import Settings
from .turn import Turns

# FreeSWITCH's log levels.
LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG = 3, 4, 6, 7

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
        sink: IncomingSink,
    ) -> None:
        self._settings = settings
        self._playback = playback
        self._interruption = interruption
        self._negotiation = negotiation
        self._turns = turns
        self._reports = reports
        self._sink = sink
        self._responses = Responses()
        self._half = b""  # the first byte of a sample that two messages share, of one part
        self._half_of: tuple[str | None, str | None, int] | None = None
        self._full = False  # the playback queue is full, and that was said
        # Response, item and content index of the delta before, while nothing has come that it might depend on, and
        # what follows of them.
        self._belongs: tuple[str | None, str | None, int] | None = None
        self._part: ItemPart | None = None
        self._law: str | None = None
        self._warned: set[str] = set()
        # Files want the whole message.
        self._plain = playback is not None and not settings.raw and not settings.audio_files

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
        if kind is Kind.NOT_JSON and b"\0" in payload:
            # FreeSWITCH's events are C strings. JSON has no such byte: there it is an escape.
            self.dropped("message dropped: it contains a NUL byte")
            return
        self._reports.server_said(message)
        self._interruption.server_said(message)
        update = self._negotiation.server_said(message)
        if kind in _SESSION_KINDS:
            self._sink.session_changed()
        if update is not None:
            self._sink.send(update)
        if kind is Kind.SPEECH_STARTED:
            self._turns.caller_started()
            self._barge_in()
        elif kind is Kind.AUDIO_DONE:
            if self._responses.audio_done(message.response_id) and playback is not None:
                self._half = b""
                self._finish(playback)
        elif kind is Kind.RESPONSE_CREATED:
            self._responses.created(message.response_id)
        elif kind is Kind.RESPONSE_DONE:
            if self._responses.done(message.response_id) and playback is not None:
                self._finish(playback)
        elif kind is Kind.TURN_ENDED:
            self._responses.turn_ended()
            self._turns.caller_stopped(time.monotonic_ns())
        if not self._settings.suppress_log:
            self._sink.log(LOG_DEBUG, f"received {loggable(payload)}")
        self._sink.event("json", payload)

    def binary(self, payload: bytes) -> None:
        if not self._settings.raw:
            self.dropped("binary message dropped: the stream is not in raw mode")
        elif self._playback is not None and self._responses.raw_audible():
            self._forget_part()
            self._belong(None, None, 0)
            self._play(payload, None, None, begins=True)

    def dropped(self, why: str) -> None:
        """A message is lost to us: what comes next begins with a whole sample. Logged once for each reason."""
        self._half = b""
        if why not in self._warned:
            self._warned.add(why)
            self._sink.log(LOG_WARNING, why)

    def connection_lost(self) -> None:
        """What was received plays on; of what was not, nothing will come."""
        self._forget_part()
        self._responses.reset()
        self._half = b""
        if self._playback is not None:
            self._finish(self._playback)

    def _finish(self, playback: Playback) -> None:
        playback.finish()
        self._sink.wake()

    def _delta(
        self, response: str | None, item: str | None, index: int, audio: bytes, message: ServerMessage | None
    ) -> None:
        if not audio:
            return
        belongs = (response, item, index)
        begins = belongs != self._belongs
        if begins:
            if not self._responses.audible(response):
                return
            self._belong(response, item, index)
            self._belongs = belongs
        self._play(audio, response, message, begins)
        assert self._playback is not None
        if message is None and self._law is None and not self._half and not self._full:
            # What else is plainly of this part changes nothing but the queue.
            self._playback.follow(decode_strictly, response, item, index)
        else:
            self._playback.unfollow()

    def _forget_part(self) -> None:
        """Something has come that what follows may depend on."""
        self._belongs = None
        if self._playback is not None:
            self._playback.unfollow()

    def _belong(self, response: str | None, item: str | None, index: int) -> None:
        """The audio that comes next is of another response or part, or in another format."""
        assert self._playback is not None
        wire = self._negotiation.playback
        self._playback.set_rate(wire.rate)
        self._law = wire.law
        self._part = ItemPart(item, index) if item is not None else None
        if self._half_of != (response, item, index):
            self._half_of, self._half = (response, item, index), b""
        self._turns.delta(response, item, time.monotonic_ns())

    def _play(self, audio: bytes, response: str | None, message: ServerMessage | None, begins: bool) -> None:
        playback = self._playback
        assert playback is not None
        if self._law is not None:
            self._half = b""
            pcm = g711_decode(audio, self._law)
        elif self._half or len(audio) & 1:
            pcm = self._whole(audio)
            if not pcm:
                return
        else:
            pcm = audio
        if playback.feed(pcm, response, self._part):
            self._full = False
            if begins:
                self._sink.watch()
        else:
            self._half = b""
            if not self._full:
                self._full = True
                self._sink.log(LOG_WARNING, "too much audio is waiting to be played: the newest is dropped")
        if self._settings.audio_files:
            self._sink.audio_file(pcm, playback.rate, message)

    def _whole(self, pcm: bytes) -> bytes:
        """Whole samples, the first byte of which may have come with the message before."""
        if self._half:
            pcm = self._half + pcm
        self._half = pcm[len(pcm) & ~1 :]
        return pcm[:-1] if self._half else pcm

    def _barge_in(self) -> None:
        self._half = b""
        self._responses.interrupt()
        if self._playback is not None:
            self._sink.say(self._playback.barge_in())
            self._sink.wake()
            cancel = self._interruption.cancel()
            if cancel is not None and not self._settings.raw:
                self._sink.send(cancel)
