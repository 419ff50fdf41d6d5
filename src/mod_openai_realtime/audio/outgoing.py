"""Caller audio on the WebSocket: when it may go, and as which messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import pybase64

from .._media import Packetizer
from ..conversation.session import Session
from ..realtime.sending import BINARY, CONGESTED_BYTES, TEXT, SendBuffer
from .capture import Capture

MUTE_SILENCE_MS = 1000


class Transport(Protocol):
    """What caller audio needs of the connection; realtime.Endpoint is one."""

    @property
    def buffered_bytes(self) -> int: ...
    def send_text(self, payload: bytes, /) -> bool: ...
    def send_binary(self, payload: bytes, /) -> bool: ...
    @property
    def send_buffer(self) -> SendBuffer | None: ...


class Outgoing:
    """Audio of a connection goes out in the format that is in effect, and waits while that is being settled.

    Once all is settled the capture's packetizer is lent the way to send, and a frame needs nothing of Python, until
    take_back(): whatever may change where audio goes, and whether it does, calls that. The next tick() decides anew.
    """

    def __init__(
        self,
        capture: Capture,
        session: Session,
        transport: Transport,
        warn: Callable[[str], None],
        *,
        raw: bool,
        lends: bool,
    ) -> None:
        """`lends`: whether caller audio may pass by Python, and what else listens to it there."""
        self._capture = capture
        self._session = session
        self._transport = transport
        self._warn = warn
        self._raw = raw
        self._lends = lends
        self._format = session.negotiation.capture
        capture.set_format(self._format)
        self._keeps = False
        self._opened: tuple[int, int] | None = None  # when audio began to flow, and how many ms had been held by then
        self._owed = False  # what is held goes out, whatever becomes of what follows
        self._backlogged = False
        # Of pcm16 that was sent: in other formats than this one, and in this one, but for what the packetizer sent.
        self._sent_before_us = 0
        self._sent_bytes = 0

    def tick(self) -> None:
        """Send what has arrived."""
        if self._capture.packetizer.lent:
            return
        if self._session.waiting:
            passes = self._session.restoring and not self._keeps
            waited_ms = self._capture.pass_by() if passes else self._capture.hold()
            if waited_ms < self._session.longest_wait_ms:
                return
            self._session.give_up()
        if self._opened is None:
            self._opened = time.monotonic_ns(), self._capture.held_ms
        self._settle()
        self._owed = False
        for audio in self._capture.messages():
            self._send(audio)
        if self._lends and not self._backlogged:
            self._lend()

    @property
    def packetizer(self) -> Packetizer:
        return self._capture.packetizer

    @property
    def sent_ms(self) -> int:
        """Caller audio that the connection has taken, silence among it."""
        return (self._sent_before_us + self._sent_us()) // 1000

    def _sent_us(self) -> int:
        return self._capture.duration_us(self._sent_bytes + self._capture.packetizer.sent_bytes)

    def take_back(self) -> None:
        """From now on nothing goes out but by tick() and what else is called here."""
        self._capture.packetizer.take_back()

    def pass_over(self) -> None:
        """Nothing of what has arrived shall be sent, but for what was finished before."""
        if self._owed:
            if self._session.waiting:
                if self._capture.pass_by() < self._session.longest_wait_ms:
                    return
                self._session.give_up()
            self._settle()
            self._owed = False
            for audio in self._capture.flush_held():
                self._send(audio)
        self._capture.skip()

    def flush(self) -> None:
        """Send all that is buffered, also what makes no whole message; nothing whose format is still open."""
        if not self._session.waiting:
            self._settle()
            for audio in self._capture.flush():
                self._send(audio)

    def finish(self, silence_ms: int = 0) -> None:
        """What has been captured so far goes out, then so much silence: at once, or once the format is known."""
        if self._session.waiting:
            self._capture.hold()
            self._capture.hold_silence(silence_ms)
            self._owed = True
        else:
            self._settle()
            for audio in self._capture.silence(silence_ms):
                self._send(audio)

    def silence(self) -> None:
        """The same with a second of silence, which ends the caller's turn."""
        self.finish(MUTE_SILENCE_MS)

    def keep(self) -> None:
        """Nothing can be sent now; the newest of what has arrived is for the session to come."""
        self._capture.hold()

    def gap_ms(self, lost_ns: int, now_ns: int) -> int:
        """How much of the caller's audio no session gets, where the one before was lost at `lost_ns`."""
        opened_ns, kept_ms = self._opened or (now_ns, self._capture.held_ms)
        return max(0, (opened_ns - lost_ns) // 1_000_000 - kept_ms)

    def restart(self, session: Session, *, keep: bool = False) -> None:
        """Another session: nothing of what was captured before is for it, but for what was kept, where it shall `keep`
        that, and what comes until the session is restored."""
        self._session = session
        self._keeps = keep
        self._opened = None
        if keep:
            self._capture.wait_anew()
        else:
            self._capture.skip()
        self._owed = False

    def switch(self, session: Session) -> None:
        """Another session goes on where the one before it was left: the next sample is its first."""
        self.take_back()
        self._session = session
        self._keeps = True
        self._backlogged = False

    def _lend(self) -> None:
        send = self._transport.send_buffer
        if send is None:
            return
        if self._raw:
            self._capture.packetizer.lend(send, BINARY, b"", b"", None)
        else:
            dialect = self._session.dialect
            self._capture.packetizer.lend(send, TEXT, dialect.append_head, dialect.append_tail, pybase64.b64encode)

    def _settle(self) -> None:
        if self._format is not self._session.negotiation.capture:
            self._format = self._session.negotiation.capture
            self._sent_before_us += self._sent_us()
            self._sent_bytes = -self._capture.packetizer.sent_bytes
            self._capture.set_format(self._format)

    def _send(self, audio: bytes) -> None:
        # Caller audio that the network does not take is dropped, as a backlog would only become delay, until half of
        # what waits has gone.
        if self._transport.buffered_bytes > (CONGESTED_BYTES // 2 if self._backlogged else CONGESTED_BYTES):
            if not self._backlogged:
                self._backlogged = True
                self._warn("the network takes no more audio: the caller's is dropped")
            return
        self._backlogged = False
        if self._raw:
            sent = self._transport.send_binary(audio)
        else:
            dialect = self._session.dialect
            message = dialect.append_head + pybase64.b64encode(audio) + dialect.append_tail
            sent = self._transport.send_text(message)
        if sent:
            self._sent_bytes += len(audio) if self._format.law is None else 2 * len(audio)
