"""One connection of a stream after another: what each begins with, and what the call is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..audio.outgoing import Outgoing
from ..conversation.continuity import FIRST, Continuity
from ..conversation.restoration import Outcome
from ..conversation.session import Session
from ..conversation.successor import Successor
from ..later import Later
from ..observe.mask import Mask
from ..observe.summary import Summary
from ..pilot.observer import Observer
from ..realtime.endpoint import Endpoint, EndpointListener
from ..weakly import weak, weakly
from .dialogue import Dialogue
from .line import Line
from .reports import Reports
from .rollover import Rollover

MakeSuccessor = Callable[[EndpointListener], Endpoint]
MaxSession = Callable[[int], float]
"""How old a session may get, in seconds, with the server of that number; 0: as old as it likes."""


class Connections:
    """Holds the stream's parts that outlive a connection, and is held by the stream."""

    def __init__(
        self,
        line: Line,
        dialogue: Dialogue,
        outgoing: Outgoing | None,
        continuity: Continuity,
        pilot: Observer,
        reports: Reports,
        summary: Summary,
        mask: Mask,
        caller_is_wanted: Callable[[], bool],
    ) -> None:
        """`caller_is_wanted`: caller audio is sent, where there is a connection."""
        self._line = line
        self._dialogue = dialogue
        self._outgoing = outgoing
        self._continuity = continuity
        self._pilot = pilot
        self._reports = reports
        self._summary = summary
        self._mask = mask
        self._caller_is_wanted = caller_is_wanted
        self._rollover: Rollover | None = None

    def roll_over(self, make_successor: MakeSuccessor, later: Later, max_session_s: MaxSession, *, late: bool) -> None:
        """To be called once: sessions follow upon each other without a word of a loss. See Rollover."""
        self._make_successor = make_successor
        line = self._line
        self._rollover = Rollover(weak(self), later, lambda: max_session_s(line.server), late=late)

    # -- from the endpoint, by way of the stream

    def opened(self) -> None:
        self._dialogue.connected(self._line.server)
        session = self._dialogue.session
        self._reports.connected(session.dialect)
        if self._outgoing is not None:
            self._outgoing.connect(session, keep=self._continuity.keeps_caller)
        self._go_on(self._rollover.connected() if self._rollover is not None else "")
        self._dialogue.begin()

    def replaced(self, code: int, reason: str) -> bool:
        """The connection is lost; whether another has taken over, so that nothing has happened."""
        return self._rollover is not None and self._rollover.takes_over(code, reason)

    def lost(self, code: int, reason: str, *, ours: bool) -> None:
        """It is, and the call is told, unless another is to follow at once. `ours`: the stream ends."""
        unsaid = not ours and self._rollover is not None and self._rollover.lost(code, reason)
        self._reports.disconnected()
        self._continuity.lost(self._dialogue.session, time.monotonic_ns(), keep=unsaid)
        self._dialogue.connection_lost()
        if self._outgoing is not None and not ours:
            keeps = self._continuity.keeps_caller
            self._outgoing.disconnect(self._dialogue.session, keeps=keeps, whole=unsaid)
        if not unsaid:
            self._tell_loss(code, reason, ours=ours)

    def failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        """An attempt did; see EndpointListener."""
        self._give_up()
        self._reports.connect_failed(self._line.peer, error, retries, wait_ms, body)
        self._pilot.error(error, retries=retries, wait_ms=wait_ms, http_status=http_status)

    def restored(self, outcome: Outcome) -> None:
        self._continuity.settled()
        cause = self._continuity.cause
        self._pilot.settled(cause)
        if cause == FIRST:
            return  # nothing was there before
        now_ns, lost_ns = time.monotonic_ns(), self._continuity.lost_ns
        gap_ms = self._outgoing.gap_ms(lost_ns, now_ns) if self._outgoing is not None else 0
        self._pilot.restored(cause, outcome, gap_ms)

    def _give_up(self) -> None:
        """What was to follow at once upon a loss of which nobody was told does not."""
        lost = self._rollover.failed() if self._rollover is not None else None
        if lost is not None:
            self._tell_loss(*lost)

    def _tell_loss(self, code: int, reason: str, *, ours: bool = False) -> None:
        reason = self._mask.hide(reason)
        if code != 1000 and not ours:
            self._summary.error = f"{code} {reason}".rstrip()
        self._pilot.disconnected(code, reason)

    def expires(self, at: float) -> None:
        """The session does, by the server's word: in seconds of Unix time."""
        if self._rollover is not None:
            self._rollover.expires(at - time.time())

    def expired(self) -> None:
        """The session is, by the server's word."""
        if self._rollover is not None:
            self._rollover.expired()

    def finish(self) -> None:
        """The stream ends."""
        self._give_up()
        if self._rollover is not None:
            self._rollover.finish()

    def _go_on(self, cause: str) -> None:
        """With another connection. `cause`: why, where no loss was told of."""
        overdue = weakly(self._dialogue.restoration_overdue)
        self._continuity.connected(self._dialogue.session, self._line.server, overdue, cause)
        self._pilot.connected(cause)

    # -- from the rollover (Host)

    def make_successor(self, listener: EndpointListener) -> Endpoint:
        endpoint = self._make_successor(listener)
        endpoint.begin_at(self._line.server)
        return endpoint

    def next_session(self, server: int) -> Session:
        return self._dialogue.next_session(server)

    @property
    def greeted(self) -> bool:
        return self._dialogue.session.greeted

    def is_quiet(self, *, playing_on: bool) -> bool:
        wanted = self._caller_is_wanted()
        # Where playback waits, for a caller on hold say, it may do so for as long as it likes.
        return self._dialogue.is_quiet(playing_on=playing_on, caller_is_heard=wanted or not playing_on)

    def adopt(self, endpoint: Endpoint) -> None:
        self._line.switch(endpoint)

    def take_over(self, endpoint: Endpoint, successor: Successor) -> None:
        assert self._rollover is not None
        now_ns = time.monotonic_ns()
        self._continuity.lost(self._dialogue.session, now_ns, keep=True)
        self._line.switch(endpoint)
        if self._outgoing is not None:
            self._outgoing.switch(successor.session)
        self._dialogue.take_over(successor.session)
        for message in successor.take_over():
            self._line.send_text(message)
            self.sent(message)
        self._reports.connected(successor.session.dialect, greeted=successor.session.greeted)
        self._rollover.connected()
        self._go_on("rollover")
        for payload in successor.kept:
            self._dialogue.text(payload)
        self._dialogue.look_for_outcome()

    def sent(self, payload: bytes) -> None:
        self._pilot.sent(payload)

    def warn(self, text: str) -> None:
        self._dialogue.warn(text)
