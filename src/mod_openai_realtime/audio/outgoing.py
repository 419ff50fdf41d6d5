"""Caller audio on the WebSocket: when it may go, and as which messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import pybase64

from ..conversation.session import Session
from ..realtime.sending import BINARY, TEXT, SendBuffer
from ..weakly import weakly
from .capture import Capture
from .gate import CallerGate, Gate

MUTE_SILENCE_MS = 1000


class Transport(Protocol):
    """What caller audio needs of the connection; realtime.Endpoint is one."""

    def send_text(self, payload: bytes, /) -> bool: ...
    def send_binary(self, payload: bytes, /) -> bool: ...
    @property
    def send_buffer(self) -> SendBuffer | None: ...


class Outgoing:
    """Audio of a connection goes out in the format that is in effect, and waits while that is being settled.

    Once all is settled the gate is open, and a frame needs nothing of Python. What that depends on is in the gate; what
    the session says of it is asked for by look(), after each message that may have changed the session.
    """

    def __init__(
        self, capture: Capture, session: Session, transport: Transport, warn: Callable[[str], None], *, raw: bool
    ) -> None:
        self._capture = capture
        self._session = session
        self._transport = transport
        self._warn = warn
        self._raw = raw
        self._format = session.negotiation.capture
        capture.set_format(self._format)
        self._passes = True  # what comes until a session is restored is not for it
        self._opened: tuple[int, int] | None = None  # when audio began to flow, and how many ms had been held by then
        # Of pcm16 that was sent: in other formats than this one, and in this one, but for what the packetizer sent.
        self._sent_before_us = 0
        self._sent_bytes = 0
        self._gate = CallerGate(weakly(self._show))

    def _show(self, before: Gate, now: Gate) -> None:
        packetizer = self._capture.packetizer
        packetizer.gate = now
        if now is Gate.OPEN and self._opened is None:
            self._opened = time.monotonic_ns(), self._capture.held_ms
        if now is Gate.SHUT:
            self._capture.skip()
        elif before is Gate.SHUT:
            packetizer.skip()  # it came while the gate was shut

    # -- what the gate depends on

    @property
    def open(self) -> bool:
        """What the caller says now goes to the server, sooner or later."""
        return self._gate.connected and self._gate.wanted

    def want(self, wanted: bool) -> None:
        """Whether the caller is to be heard: neither paused, nor muted, nor on hold. What has been captured so far
        counts as what comes after it: finish() first."""
        if wanted and not self._gate.wanted and self._gate.owed:
            self._pass_over()
        self._gate.wanted = wanted

    def congest(self, congested: bool) -> None:
        """The network takes no more, or again. Caller audio of in between is dropped."""
        if congested and self.open:
            self._warn("the network takes no more audio: the caller's is dropped")
        self._gate.congested = congested

    def connect(self, session: Session, *, keep: bool) -> None:
        """There is a connection, with this session. Of what was captured before nothing is for it but what was kept
        (disconnect() says whether), and, where it shall `keep` it, what comes until the session is restored. look()
        follows."""
        self._session = session
        self._opened = None
        self._capture.wait_anew()
        self._set_way()
        self._passes = not keep
        self._gate.connected = True

    def disconnect(self, session: Session, *, keeps: bool = False, whole: bool = False) -> None:
        """The connection is gone, and `session` is the one to come. `keeps`: what the caller says now is for that;
        `whole`: and so is what had not gone out."""
        self._session = session
        if not whole:
            self._capture.skip()
        gate = self._gate
        gate.congested = gate.settled = False
        gate.keeps = keeps
        gate.connected = False
        self._capture.packetizer.set_way(None, 0, b"", b"", None)  # the connection is let go

    def switch(self, session: Session) -> None:
        """Another session, with a connection of its own, goes on where the one before it was left: the next sample is
        its first. look() follows."""
        self._session = session
        self._passes = False
        self._gate.congested = False
        self._set_way()

    def look(self) -> None:
        """The session, which may have been told something, says in which format audio goes, and whether it may."""
        settled = not self._session.waiting
        if settled and self._gate.connected and self._format is not self._session.negotiation.capture:
            self._format = self._session.negotiation.capture
            self._sent_before_us += self._sent_us()
            self._sent_bytes = -self._capture.packetizer.sent_bytes
            self._capture.set_format(self._format)
        if self._gate.settled is not settled:
            self._gate.settled = settled
        if settled and self._gate.holds:
            self.tick()

    # -- from the media clock

    def tick(self) -> None:
        """Look at what has arrived, where the packetizer leaves that to us."""
        gate = self._gate
        if gate.state is Gate.SHUT:
            return
        if not gate.wanted:
            self._pass_over()
        elif not gate.connected:
            self._capture.hold()
            gate.holds = self._capture.holds
        elif self._waits(passes=self._session.restoring and self._passes):
            gate.holds = self._capture.holds
        else:
            if self._opened is None:
                self._opened = time.monotonic_ns(), self._capture.held_ms
            self._send_all(self._capture.messages())
            gate.owed = gate.holds = False

    def _waits(self, *, passes: bool) -> bool:
        """Whether it is still open what the audio that has arrived follows upon, and its format. It is held meanwhile,
        or `passes`; for so long, and no longer."""
        if not self._session.waiting:
            return False
        waited_ms = self._capture.pass_by() if passes else self._capture.hold()
        if waited_ms < self._session.longest_wait_ms:
            return True
        self._session.give_up()
        self.look()
        return False

    def _pass_over(self) -> None:
        """Nothing of what has arrived shall be sent, but for what was finished before."""
        if not self._gate.owed:
            self._capture.skip()
        elif not self._waits(passes=True):
            self._send_all(self._capture.flush_held())
            self._capture.skip()
            self._gate.owed = self._gate.holds = False

    # -- what goes out besides

    def flush(self) -> None:
        """Send all that is buffered, also what makes no whole message; nothing whose format is still open."""
        if self.open and not self._session.waiting:
            self._send_all(self._capture.flush())

    def finish(self, silence_ms: int = 0) -> None:
        """What has been captured so far goes out, if it was to be sent, then so much silence: at once, or once the
        format is known. Nothing happens without a connection."""
        gate = self._gate
        if not gate.connected:
            return
        if not gate.wanted:
            self._pass_over()
        if self._session.waiting:
            self._capture.hold()
            self._capture.hold_silence(silence_ms)
            gate.owed = gate.holds = True
        else:
            self._send_all(self._capture.silence(silence_ms))

    def silence(self) -> None:
        """The same with a second of silence, which ends the caller's turn."""
        self.finish(MUTE_SILENCE_MS)

    # -- figures

    @property
    def sent_ms(self) -> int:
        """Caller audio that the connection has taken, silence among it."""
        return (self._sent_before_us + self._sent_us()) // 1000

    def _sent_us(self) -> int:
        return self._capture.duration_us(self._sent_bytes + self._capture.packetizer.sent_bytes)

    def gap_ms(self, lost_ns: int, now_ns: int) -> int:
        """How much of the caller's audio no session gets, where the one before was lost at `lost_ns`."""
        opened_ns, kept_ms = self._opened or (now_ns, self._capture.held_ms)
        return max(0, (opened_ns - lost_ns) // 1_000_000 - kept_ms)

    # -- inner

    def _set_way(self) -> None:
        packetizer, send = self._capture.packetizer, self._transport.send_buffer
        if self._raw:
            packetizer.set_way(send, BINARY, b"", b"", None)
        else:
            dialect = self._session.dialect
            packetizer.set_way(send, TEXT, dialect.append_head, dialect.append_tail, pybase64.b64encode)

    def _send_all(self, messages: list[bytes]) -> None:
        dialect = self._session.dialect
        for audio in messages:
            if self._gate.congested:
                return
            if self._raw:
                sent = self._transport.send_binary(audio)
            else:
                message = dialect.append_head + pybase64.b64encode(audio) + dialect.append_tail
                sent = self._transport.send_text(message)
            if sent:
                self._sent_bytes += len(audio) if self._format.law is None else 2 * len(audio)
