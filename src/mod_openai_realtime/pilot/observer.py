"""Who hears of a stream: of all that happens to it but audio, which none of them gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..audio.caller_voice import CallerVoice
from ..conversation.restoration import Outcome
from ..later import Later


class Observer:
    """Hears, and does nothing about it: an observer has a method for what it cares for. None of them may raise."""

    def connected(self, cause: str = "") -> None:
        """There is a connection, the first or another; `cause`: "rollover" where it has taken over from one before it
        of which no loss was told."""

    def disconnected(self, code: int, reason: str) -> None:
        """It is gone; `code`: RFC 6455's."""

    def settled(self, cause: str) -> None:
        """The session is set up: what was asked of it has been answered, or will not be. `cause`: `first`, or as of
        restored(). Told where something was asked."""

    def restored(self, cause: str, outcome: Outcome, gap_ms: int) -> None:
        """A new session knows what the one before it knew. `gap_ms`: of the caller's audio, which no session got."""

    def error(self, error: str, *, retries: int = 0, wait_ms: float = 0, http_status: int = 0) -> None:
        """Of a connection, which is tried again after `wait_ms`, or never where that is 0."""

    def forward(self, kind: str | None, payload: bytes) -> None:
        """A message of the server. `kind`: its `type`."""

    def sent(self, payload: bytes) -> None:
        """A message that is no audio has gone out, the application's or the engine's own."""

    def speech_started(self) -> None:
        """The first sample of the agent's is in the caller's ear."""

    def speech_stopped(self) -> None:
        """The last one is, or it was cut short."""

    def turn(self, turn: dict[str, Any]) -> None:
        """An answer is over. `turn`: the body of the event."""

    def played_on(self) -> None:
        """Playback has been looked at, after all that was to be told of it: some 50 times a second while it plays."""

    def held(self, on_hold: bool) -> None:
        """The channel was put on hold, or taken off it."""

    def summary(self, summary: dict[str, Any]) -> None:
        """The stream has ended: the last that is told. `summary`: the body of the event."""


class Stage(Protocol):
    """A stream, as its observers see it. It may be gone once summary() was called: every use raises ReferenceError."""

    @property
    def name(self) -> str: ...
    def event(self, subclass: str, body: bytes, /) -> None:
        """Fires an event of the stream's."""

    def log(self, level: int, text: str, /) -> None:
        """A line in the channel's log, without what is secret; `level`: of switch.log_level."""

    @property
    def later(self) -> Later: ...


class Controls(Stage, Protocol):
    """A stream, as its pilot sees it, who may do what commands do. All but `silence` raise CommandRefusedError."""

    def send_json(self, payload: bytes, /) -> None:
        """A message of the application's to the server: one JSON value."""

    def silence(self) -> None:
        """What is being played and queued is dropped."""

    @property
    def sounding(self) -> bool:
        """Something is queued, or being played, or expected of a response whose audio has begun to come."""

    @property
    def confirms(self) -> bool:
        """The server leaves its answers alone when the caller speaks: it is to be found out what a barge-in is."""

    @property
    def may_be_interrupted(self) -> bool:
        """Something is being heard, or is to be heard next, that the caller may interrupt."""

    @property
    def caller_voice(self) -> CallerVoice:
        """What the caller's side sounds like."""

    def hush(self, hushed: bool, /) -> None:
        """Playback waits where it is, or goes on."""

    def interrupt(self) -> None:
        """What the caller may interrupt is over, as by a barge-in; the server is told."""

    def stop(self, payload: bytes | None = None, /) -> None:
        """Ends the stream, after a last message to the server."""


MakeObserver = Callable[[Controls], Observer]
MakePilot = Callable[[Controls], Observer]


class Audience(Observer):
    """Several that hear of the same stream, each in its turn."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def connected(self, cause: str = "") -> None:
        for each in self._observers:
            each.connected(cause)

    def disconnected(self, code: int, reason: str) -> None:
        for each in self._observers:
            each.disconnected(code, reason)

    def settled(self, cause: str) -> None:
        for each in self._observers:
            each.settled(cause)

    def restored(self, cause: str, outcome: Outcome, gap_ms: int) -> None:
        for each in self._observers:
            each.restored(cause, outcome, gap_ms)

    def error(self, error: str, *, retries: int = 0, wait_ms: float = 0, http_status: int = 0) -> None:
        for each in self._observers:
            each.error(error, retries=retries, wait_ms=wait_ms, http_status=http_status)

    def forward(self, kind: str | None, payload: bytes) -> None:
        for each in self._observers:
            each.forward(kind, payload)

    def sent(self, payload: bytes) -> None:
        for each in self._observers:
            each.sent(payload)

    def speech_started(self) -> None:
        for each in self._observers:
            each.speech_started()

    def speech_stopped(self) -> None:
        for each in self._observers:
            each.speech_stopped()

    def turn(self, turn: dict[str, Any]) -> None:
        for each in self._observers:
            each.turn(turn)

    def played_on(self) -> None:
        for each in self._observers:
            each.played_on()

    def held(self, on_hold: bool) -> None:
        for each in self._observers:
            each.held(on_hold)

    def summary(self, summary: dict[str, Any]) -> None:
        for each in self._observers:
            each.summary(summary)
