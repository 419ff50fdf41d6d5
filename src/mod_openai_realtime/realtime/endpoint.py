"""A stream's connection to its endpoint: connects, reconnects, reports. What travels over it is the stream's."""

import asyncio
import logging
import random as random_module
import ssl
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from ..in_hand import NOBODYS, InHand
from .attempt import Attempt
from .backoff import Backoff, BackoffLimits
from .closes import Loss, loss
from .failover import Failover
from .failures import ConnectError
from .receiving import TakeAudio
from .resolver import Resolver
from .sending import SendBuffer
from .settings import EndpointSettings, HeaderError
from .share import RoundRobin
from .tls import TlsSettings, TlsSettingsError, make_context
from .websocket import WebSocket

__all__ = [
    "BackoffLimits",
    "Endpoint",
    "EndpointListener",
    "EndpointSettings",
    "HeaderError",
    "TlsSettings",
    "TlsSettingsError",
]

_log = logging.getLogger(__name__)

SHOWN_CHARACTERS = 200  # of the body of an HTTP answer


class EndpointListener(Protocol):
    """Told what happens to the connection; every call comes from the event loop, none from within `start` or `stop`.

    An exception that escapes from `on_text` or `on_binary` is logged and costs that message only.
    """

    @property
    def take_audio(self) -> TakeAudio | None:
        """Asked first about a text message, where it lies in one piece; read once, when the endpoint is made."""

    def on_connected(self) -> None: ...
    def on_text(self, payload: bytes) -> None:
        """A whole text message; that it is UTF-8 is not checked."""

    def on_binary(self, payload: bytes) -> None:
        """A whole binary message."""

    def on_disconnected(self, code: int, reason: str) -> None:
        """An open connection is closed or lost; 1006 where no close frame came, 1005 where it had no code."""

    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        """An attempt failed, the `retries`-th since the last connection that held; the next comes after `wait_ms`, or
        never where that is 0. `http_status` is 0 where there was no HTTP answer; `body` is the beginning of what such
        an answer held, for the log."""

    def on_dropped(self, why: str) -> None:
        """An incoming message is dropped; told of each. Whether that is worth a line in the log is the listener's."""

    def on_congested(self, congested: bool) -> None:
        """More than CONGESTED_BYTES have been sent that the kernel has not taken (called from within a send); or, with
        False, no more than half of that is left. A new connection is not congested, and that is not told."""

    def on_ended(self) -> None:
        """There will be no connection any more; once, and the last call."""


class _State(Enum):
    NEW = auto()
    CONNECTING = auto()
    OPEN = auto()
    WAITING = auto()
    CLOSING = auto()
    ENDED = auto()


_MOVES = {
    _State.NEW: {_State.CONNECTING, _State.ENDED},
    _State.CONNECTING: {_State.OPEN, _State.WAITING, _State.ENDED},
    _State.OPEN: {_State.WAITING, _State.CLOSING, _State.ENDED},
    _State.WAITING: {_State.CONNECTING, _State.ENDED},
    _State.CLOSING: {_State.ENDED},
    _State.ENDED: set[_State](),
}


class Endpoint:
    """Keeps one connection up until stopped, or, with reconnection off, until its first failure or close."""

    def __init__(
        self,
        settings: EndpointSettings,
        listener: EndpointListener,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        random: Callable[[], float] = random_module.random,
        limits: BackoffLimits | None = None,
        resolver: Resolver | None = None,
        round_robin: RoundRobin | None = None,
        in_hand: InHand = NOBODYS,
    ) -> None:
        """`random` gives floats in [0, 1), for the jitter of the waits. All endpoints of a loop share a `resolver` and
        a `round_robin`; None: one of its own. `in_hand`: for whom all of this is."""
        self._settings = settings
        self._failover = Failover(settings)
        self._listener: EndpointListener = listener
        # No call of our own in between: nearly all that comes are these.
        self.websocket_audio: TakeAudio | None = listener.take_audio
        self.websocket_text: Callable[[bytes], None] = listener.on_text
        self.websocket_binary: Callable[[bytes], None] = listener.on_binary
        self._loop = loop or asyncio.get_running_loop()
        self._backoff = Backoff(limits or BackoffLimits(), random)
        self._resolver = resolver or Resolver()
        self.websocket_round_robin = round_robin or RoundRobin()
        self.websocket_in_hand = in_hand
        self._state = _State.NEW
        self._tls: ssl.SSLContext | None = None
        self._attempt: Attempt | None = None
        self._websocket: WebSocket | None = None
        self._reading_paused: set[str] = set()  # reasons
        self._opened_at = 0.0
        self._failing = False
        self._retry: asyncio.TimerHandle | None = None

    @property
    def connected(self) -> bool:
        """Whether messages can be sent."""
        return self._state is _State.OPEN

    @property
    def server(self) -> int:
        """Which of the settings' URIs is called, or was reached; 0: the first."""
        return self._failover.index

    @property
    def peer(self) -> str:
        """Its host and port, as they are to be shown."""
        return self._failover.settings.peer

    @property
    def buffered_bytes(self) -> int:
        """Sent bytes that the kernel has not taken yet; the senders watch it (sending.py has the limits)."""
        return self._websocket.buffered_bytes if self._websocket is not None else 0

    def start(self) -> None:
        """Begin to connect, in the background. Raises TlsSettingsError; RuntimeError on a second start."""
        if self._state is not _State.NEW:
            raise RuntimeError("the endpoint was started before")
        if any(uri.lower().startswith("wss:") for uri in (self._settings.uri, *self._settings.failover)):
            self._tls = make_context(self._settings.tls)
        self._connect()

    def begin_at(self, server: int) -> None:
        """To be called before the start: which of the settings' URIs is called first."""
        self._failover.index = server

    def hand_over(self, successor: "Endpoint") -> None:
        """What the successor does is told to the listener from now on, as if it were this endpoint, which is stopped;
        nobody hears of this one any more. The successor must not have ended."""
        successor._attach(self._listener)
        self._attach(_Nobody())
        self.stop()

    def _attach(self, listener: EndpointListener) -> None:
        self._listener = listener
        self.websocket_audio = listener.take_audio
        self.websocket_text = listener.on_text
        self.websocket_binary = listener.on_binary
        if self._websocket is not None:
            self._websocket.attend(listener.take_audio)

    def send_text(self, payload: bytes) -> bool:
        """Send a text message; False if not connected. Never blocks."""
        if self._state is not _State.OPEN or self._websocket is None:
            return False
        self._websocket.send_text(payload)
        return True

    def send_binary(self, payload: bytes) -> bool:
        """Send a binary message; False if not connected. Never blocks."""
        if self._state is not _State.OPEN or self._websocket is None:
            return False
        self._websocket.send_binary(payload)
        return True

    @property
    def send_buffer(self) -> SendBuffer | None:
        """How to send many messages, with nothing in between; None if not connected. Of use only until `stop` or
        `on_disconnected`, and not while congested."""
        if self._state is not _State.OPEN or self._websocket is None:
            return None
        return self._websocket.send_buffer

    def fail_connection(self, reason: str) -> float:
        """End the present connection, for what the server does with it; the listener hears of it within this call.
        Returns after how many ms the next attempt comes; 0: there is none, or there was no connection."""
        if self._state is not _State.OPEN or self._websocket is None:
            return 0.0
        self._failing = True
        self._websocket.fail(reason)
        self._failing = False
        return max(0.0, 1000 * (self._retry.when() - self._loop.time())) if self._retry is not None else 0.0

    def pause_reading(self, reason: str) -> None:
        """Read nothing from the server, on this connection or a later one, until resume_reading() for each reason."""
        self._reading_paused.add(reason)
        if self._websocket is not None:
            self._websocket.pause_reading(reason)

    def resume_reading(self, reason: str) -> None:
        self._reading_paused.discard(reason)
        if self._websocket is not None:
            self._websocket.resume_reading(reason)

    def stop(self, code: int = 1000, reason: str = "") -> None:
        """Close for good: what was sent goes out, then a close frame; the peer has two seconds to answer it.

        Without a connection the end comes at once, that is, in the next turn of the loop. May be called again.
        """
        if self._state is _State.OPEN and self._websocket is not None:
            self._move(_State.CLOSING)
            self._websocket.close(code, reason)
        elif self._state in (_State.NEW, _State.CONNECTING, _State.WAITING):
            if self._attempt is not None:
                self._attempt.abandon()
            if self._retry is not None:
                self._retry.cancel()
            self._end()

    # What the WebSocket calls.

    def websocket_opened(self, websocket: WebSocket) -> None:
        self._attempt = None
        self._websocket = websocket
        self._opened_at = self._loop.time()
        self._failover.opened()
        self._move(_State.OPEN)
        for reason in self._reading_paused:
            websocket.pause_reading(reason)
        self._listener.on_connected()

    def websocket_dropped(self, why: str) -> None:
        self._listener.on_dropped(why)

    def websocket_congested(self, congested: bool) -> None:
        self._listener.on_congested(congested)

    def websocket_lost(self, code: int, reason: str) -> None:
        self._websocket = None
        if self._state is _State.OPEN and self._settings.reconnect:
            # What we have ended ourselves says nothing of the kind.
            how = Loss.OTHER if self._failing else loss(code, reason)
            self._wait(self._after_loss(how))
        else:
            self._end()
        self._listener.on_disconnected(code, reason)

    def _after_loss(self, how: Loss) -> float:
        """The wait in ms."""
        uptime_s = self._loop.time() - self._opened_at
        wait_ms = self._backoff.after_lost_connection(uptime_s, how, others=self._failover.has_others)
        self._failover.lost(lasted=how is not Loss.FINAL and self._backoff.proved(uptime_s))
        return wait_ms

    def websocket_failed(self, error: ConnectError) -> None:
        self._attempt = None
        wait_ms = self._backoff.after_failed_attempt(error.http_status, others=self._failover.has_others)
        if self._settings.reconnect:
            self._wait(wait_ms)
        else:
            wait_ms = 0.0
            self._end()
        body = self._settings.mask.excerpt(error.body.decode("utf-8", "replace"), SHOWN_CHARACTERS)
        self._listener.on_connect_failed(self._backoff.retries, str(error), wait_ms, error.http_status, body)
        self._failover.failed()

    def _connect(self) -> None:
        self._retry = None
        self._move(_State.CONNECTING)
        self._attempt = Attempt(self, self._failover.settings, self._tls, self._resolver)

    def _wait(self, wait_ms: float) -> None:
        self._move(_State.WAITING)
        self._retry = self._loop.call_later(wait_ms / 1000, self._connect)

    def _end(self) -> None:
        self._move(_State.ENDED)
        self._attempt = self._retry = None
        # Later, so that it is the last call, and a stream may stop from wherever it wants.
        self._loop.call_soon(self._tell_ended)

    def _tell_ended(self) -> None:
        listener = self._listener
        # Who listens holds the endpoint. Without the way back both are freed as soon as they are let go of.
        del self._listener, self.websocket_audio, self.websocket_text, self.websocket_binary
        listener.on_ended()

    def _move(self, new: _State) -> None:
        if new not in _MOVES[self._state]:
            raise RuntimeError(f"illegal move: {self._state.name} to {new.name}")
        _log.debug("Endpoint %s -> %s", self._state.name, new.name)
        self._state = new


class _Nobody:
    """Listens to an endpoint whose stream has another by now."""

    take_audio: TakeAudio | None = None

    def on_connected(self) -> None: ...
    def on_text(self, payload: bytes) -> None: ...
    def on_binary(self, payload: bytes) -> None: ...
    def on_disconnected(self, code: int, reason: str) -> None: ...
    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None: ...
    def on_dropped(self, why: str) -> None: ...
    def on_congested(self, congested: bool) -> None: ...
    def on_ended(self) -> None: ...
