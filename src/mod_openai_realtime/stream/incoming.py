"""What the server's messages mean for a call: audio is queued, a barge-in silences, the rest becomes events."""

from __future__ import annotations

import time
from typing import Protocol

from .._media import g711_decode
from ..realtime.messages import Kind, ServerMessage, classify
from .heard import ItemPart
from .interruption import Interruption
from .negotiation import Negotiation
from .playback import Playback, Speech
from .redaction import loggable
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
        sink: IncomingSink,
    ) -> None:
        self._settings = settings
        self._playback = playback
        self._interruption = interruption
        self._negotiation = negotiation
        self._turns = turns
        self._sink = sink
        self._responses = Responses()
        self._half = b""  # the first byte of a sample that two messages share
        self._full = False  # the playback queue is full, and that was said
        self._part: ItemPart | None = None  # of the last delta
        self._warned: set[str] = set()

    def text(self, payload: bytes) -> None:
        message = classify(payload)
        kind = message.kind
        playback = self._playback
        if kind is Kind.AUDIO_DELTA and playback is not None and not self._settings.raw:
            self._delta(message)
            return
        if kind is Kind.TOO_DEEP:
            self._warn_once("message dropped: its JSON is nested too deeply")
            return
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
            self._warn_once("binary message dropped: the stream is not in raw mode")
        elif self._playback is not None and self._responses.raw_audible():
            self._play(payload, None, None)

    def connection_lost(self) -> None:
        """What was received plays on; of what was not, nothing will come."""
        self._responses.reset()
        self._half = b""
        if self._playback is not None:
            self._finish(self._playback)

    def _finish(self, playback: Playback) -> None:
        playback.finish()
        self._sink.wake()

    def _delta(self, message: ServerMessage) -> None:
        if message.audio is None:
            self._half = b""
            self._warn_once("audio delta dropped: its base64 is malformed")
        elif message.audio and self._responses.audible(message.response_id):
            self._play(message.audio, message.response_id, message)

    def _play(self, audio: bytes, response: str | None, message: ServerMessage | None) -> None:
        assert self._playback is not None
        wire = self._negotiation.playback
        self._playback.set_rate(wire.rate)
        if wire.law is None:
            pcm = self._whole(audio)
        else:
            self._half = b""
            pcm = g711_decode(audio, wire.law)
        if not pcm:
            return
        item = message.item_id if message is not None else None
        self._turns.delta(response, item, time.monotonic_ns())
        if self._playback.feed(pcm, response, self._part_of(item, message)):
            self._full = False
            self._sink.say(self._playback.top_up())
            self._sink.watch()
        elif not self._full:
            self._full = True
            self._sink.log(LOG_WARNING, "too much audio is waiting to be played: the newest is dropped")
        if self._settings.audio_files:
            self._sink.audio_file(pcm, wire.rate, message)

    def _part_of(self, item: str | None, message: ServerMessage | None) -> ItemPart | None:
        """Which part of which item the message belongs to: nearly always the same as the one before."""
        if item is None or message is None:
            return None
        index = message.content_index
        part = self._part
        if part is None or part.item_id != item or part.content_index != index:
            part = self._part = ItemPart(item, index)
        return part

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

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._sink.log(LOG_WARNING, text)
