"""A session gets only so old. Before the server ends it another takes over, which is made ready beside it."""

from __future__ import annotations

import math
import random as random_module
import time
from collections.abc import Callable
from typing import Protocol

from ..conversation.session import Session
from ..conversation.successor import Successor
from ..dialect.dialect import left_after_s
from ..later import Later, Timer
from ..realtime.backoff import Backoff, BackoffLimits
from ..realtime.closes import Loss, loss
from ..realtime.endpoint import Endpoint, EndpointListener
from ..realtime.receiving import TakeAudio
from ..weakly import weak, weakly

LATEST_S = 120.0
"""So long a moment is waited for in which neither side speaks."""

PLAYING_ON_S = 60.0
"""After so long it is enough that nothing more is on its way from the server: what was received plays on."""

SETTLE_S = 5.0
"""What the new session is given the server has answered by then, or it never will."""

SETUP_S = 10.0
"""So long before the last moment it is begun, whatever is being said."""

SHORTEST_S = 60.0
"""A session that has less left, by the server's word, as soon as it begins: one of the two clocks is wrong."""

LOOK_S = 0.1


class Host(Protocol):
    """The stream."""

    def make_successor(self, listener: EndpointListener, /) -> Endpoint:
        """An endpoint that has not been started."""

    def next_session(self, server: int, /) -> Session:
        """The session to come, for the server of that number."""

    @property
    def greeted(self) -> bool:
        """The present server has, so another one will."""

    def is_quiet(self, *, playing_on: bool) -> bool:
        """Neither side speaks; `playing_on`: what was received may be heard yet."""

    def adopt(self, endpoint: Endpoint, /) -> None:
        """The one to come, which is connecting, is the stream's."""

    def take_over(self, endpoint: Endpoint, successor: Successor, /) -> None:
        """The successor's connection is the stream's from now on."""

    def sent(self, payload: bytes, /) -> None:
        """A message of the engine's own has gone out to the new session."""

    def warn(self, text: str, /) -> None: ...


class Rollover:
    """Of one stream, over all its connections."""

    def __init__(
        self,
        host: Host,
        later: Later,
        max_session_s: Callable[[], float],
        *,
        late: bool,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        """`host` is known weakly. `max_session_s`: of a session that begins; 0 for never. `late`: a session that the
        server has ended for its age is followed by another without a word of it. `clock`: seconds, monotonic;
        `random`: floats in [0, 1), for the jitter of waits."""
        self._host = host
        self._later = later
        self._max_session_s = max_session_s
        self._late = late
        self._clock = clock
        self._timer: Timer | None = None
        self._due_at = math.inf  # it is to come, from then on
        self._endpoint: Endpoint | None = None  # the successor's
        self._candidate: _Candidate | None = None
        self._expired = False  # by the server's word
        self._connected_at = clock()
        # A server that says so of each session, as soon as it has begun, is not to be asked for another all the time.
        self._backoff = Backoff(BackoffLimits(spread_ms=0.0), random)
        self._lost: tuple[int, str] | None = None  # the connection before, of which nobody has been told

    # -- from the stream

    def connected(self) -> str:
        """There is a connection, which is young. Returns why, where it is the end of a rollover."""
        cause = "rollover" if self._lost is not None else ""
        self._begin_anew()
        self._connected_at = self._clock()
        max_session_s = self._max_session_s()
        if max_session_s > 0:
            self._plan(max_session_s)
        return cause

    def _plan(self, in_s: float) -> None:
        self._stop_waiting()
        self._due_at = self._clock() + in_s
        self._timer = self._later(in_s, weakly(self._due))

    def expires(self, in_s: float) -> None:
        """The session does, by the server's word: it is left before, where it would not be anyway."""
        left_in_s = left_after_s(in_s)
        if in_s >= SHORTEST_S and self._clock() + left_in_s < self._due_at < math.inf:
            self._plan(left_in_s)

    def expired(self) -> None:
        """The session is, by the server's word."""
        if not self._late or self._expired:
            return
        self._expired = True
        now = self._clock()
        self._due_at = now - LATEST_S
        wait_ms = self._backoff.after_lost_connection(now - self._connected_at, Loss.EXPIRED)
        if wait_ms == 0 or self._candidate is not None:
            self._look()
        else:
            self._stop_waiting()
            self._timer = self._later(wait_ms / 1000, weakly(self._look_again))

    def takes_over(self, code: int, reason: str) -> bool:
        """The connection is lost; whether the successor is there already, and has taken over."""
        candidate = self._candidate
        if candidate is None or candidate.successor is None:
            return False
        self._switch(candidate)
        return True

    def lost(self, code: int, reason: str) -> bool:
        """The connection is lost. Whether that is a rollover that comes late: then nobody is told as yet."""
        expired = self._late and (self._expired or loss(code, reason) is Loss.EXPIRED)
        if expired and self._candidate is not None and not self._candidate.failed:
            endpoint = self._let_go()
            assert endpoint is not None
            self._host.adopt(endpoint)  # it is on its way already
        self._begin_anew()
        self._lost = (code, reason) if expired else None
        return expired

    def failed(self) -> tuple[int, str] | None:
        """No connection came up, or none will: it was a loss like any other. Code and reason of the one that is still
        to be told of, if any."""
        lost, self._lost = self._lost, None
        return lost

    def finish(self) -> None:
        self._begin_anew()

    # -- inner

    def _begin_anew(self) -> None:
        self._stop_waiting()
        self._expired = False
        self._due_at = math.inf
        endpoint = self._let_go()
        if endpoint is not None:
            endpoint.stop()

    def _let_go(self) -> Endpoint | None:
        """Of the successor, whose endpoint this is."""
        if self._candidate is not None:
            self._candidate.finish()
        endpoint, self._endpoint, self._candidate = self._endpoint, None, None
        return endpoint

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        self._due_at = self._clock()
        self._look()

    def _look_again(self) -> None:
        self._timer = None
        self._look()

    def _look(self) -> None:
        """Go on, if this is a moment for it; look again soon."""
        self._stop_waiting()
        waited_s = self._clock() - self._due_at
        if self._candidate is None:
            if waited_s >= LATEST_S - SETUP_S or self._is_quiet(waited_s):
                self._open()
        elif self._candidate.ready and (waited_s >= LATEST_S or self._is_quiet(waited_s)):
            again = self._candidate.ask_again()
            if again is None:
                self._switch(self._candidate)
                return
            self.send(again)
        self._timer = self._later(LOOK_S, weakly(self._look_again))

    def _is_quiet(self, waited_s: float) -> bool:
        return self._host.is_quiet(playing_on=waited_s >= PLAYING_ON_S)

    def _open(self) -> None:
        self._candidate = _Candidate(weak(self), self._host, self._later)
        self._endpoint = self._host.make_successor(self._candidate)
        self._endpoint.start()

    def send(self, payload: bytes) -> None:
        """To the new session."""
        if self._endpoint is not None and self._endpoint.send_text(payload):
            self._host.sent(payload)

    def look(self) -> None:
        """The new session may be ready."""
        if self._endpoint is not None:
            self._look()

    @property
    def server(self) -> int:
        return self._endpoint.server if self._endpoint is not None else 0

    @property
    def peer(self) -> str:
        return self._endpoint.peer if self._endpoint is not None else ""

    def refuse(self, why: str) -> None:
        """The successor is none: another is tried."""
        if self._endpoint is not None:
            self._endpoint.fail_connection(why)

    def _switch(self, candidate: _Candidate) -> None:
        endpoint = self._let_go()
        assert endpoint is not None and candidate.successor is not None
        self._host.take_over(endpoint, candidate.successor)


class _Candidate:
    """Hears of the connection that is to take over; it is tried again, as any, until the present one has ended."""

    take_audio: TakeAudio | None = None  # nothing is played

    def __init__(self, rollover: Rollover, host: Host, later: Later) -> None:
        """`rollover` and `host` are known weakly."""
        self._rollover = rollover
        self._host = host
        self._later = later
        self._overdue: Timer | None = None
        self.successor: Successor | None = None
        """While there is a connection."""
        self.failed = False
        """An attempt did, or a connection."""

    @property
    def ready(self) -> bool:
        return self.successor is not None and self.successor.ready

    def ask_again(self) -> bytes | None:
        """See Successor."""
        again = self.successor.ask_again() if self.successor is not None else None
        if again is not None:
            self._wait()
        return again

    def _wait(self) -> None:
        """Until the server has answered all it has been asked, or is overdue."""
        self.finish()
        self._overdue = self._later(SETTLE_S, weakly(self._give_up))

    def finish(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def on_connected(self) -> None:
        self.successor = Successor(self._host.next_session(self._rollover.server))
        self._wait()
        for message in self.successor.connected():
            self._rollover.send(message)
        if self.ready:
            self._rollover.look()

    def on_text(self, payload: bytes) -> None:
        if self.successor is not None:
            for message in self.successor.server_said(payload):
                self._rollover.send(message)
            if self.ready:
                self._rollover.look()

    def on_binary(self, payload: bytes) -> None:
        """Audio before anybody has spoken to it: nothing is to be heard of that."""

    def on_disconnected(self, code: int, reason: str) -> None:
        self.finish()
        self.successor = None
        self.failed = True
        self._host.warn(f"rollover: the new connection is lost ({f'{code} {reason}'.rstrip()}); it is tried again")

    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        self.failed = True
        then = f"try {retries}, again in {wait_ms / 1000:.1f} s"
        self._host.warn(f"rollover: connecting to {self._rollover.peer} failed: {error} ({then})")

    def on_dropped(self, why: str) -> None: ...
    def on_congested(self, congested: bool) -> None: ...
    def on_ended(self) -> None: ...

    def _give_up(self) -> None:
        self._overdue = None
        assert self.successor is not None, "it runs while there is a connection"
        if self.successor.session.greeted or not self._host.greeted:
            self.successor.give_up()
            self._rollover.look()
        else:
            self._rollover.refuse(f"no session.created within {SETTLE_S:.0f} s")
