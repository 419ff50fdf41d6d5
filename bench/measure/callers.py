"""The callers' RTP: every call sends and receives PCMU, all in one process of its own.

Nothing wakes it but its own clock: it takes what has come when it is about to send. So the switch never pays for waking
it with a packet, which costs much more on an idle machine than on a busy one.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
from sip import PCMU, MediaFormat

from . import audio
from .child import Child

PACKET_MS = PCMU.ptime_ms
PACKET_SAMPLES = PCMU.packet_samples
_HEADER = struct.Struct("!BBHII")
_HEADER_BYTES = 12
_SILENT = 300
_QUIET = bytes(code for code, level in enumerate(PCMU.decode(bytes(range(256)))) if abs(int(level)) < _SILENT)


@dataclass(frozen=True)
class CallerCounts:
    """Since the last reset, all calls together. A packet is late by what lies between its time and its sending."""

    sent: int
    received: int
    lost: int
    """Gaps in the sequence of what was received."""
    silent: int
    """Of what was received."""
    mute_calls: int
    """Calls that received nothing at all."""
    late_median_ms: float
    late_p999_ms: float
    late_longest_ms: float

    @property
    def silent_share(self) -> float:
        """Of the packets that should have come; 1.0 where none came."""
        return (self.silent + self.lost) / (self.received + self.lost) if self.received else 1.0


class _Caller:
    """One call. Connected, its socket hears the switch alone."""

    def __init__(self, payloads: list[bytes], turn: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]
        self.connected = False
        self.received = self.silent = self.lost = 0
        self._last: int | None = None
        self._payloads = payloads
        self._turn = turn
        self._sequence = secrets.randbelow(1 << 16)
        self._timestamp = secrets.randbelow(1 << 32)
        self._ssrc = secrets.randbelow(1 << 32)

    def connect(self, port: int) -> None:
        self.socket.connect(("127.0.0.1", port))
        self.connected = True

    def reset(self) -> None:
        self.received = self.silent = self.lost = 0

    def send(self) -> None:
        header = _HEADER.pack(0x80, PCMU.payload_type, self._sequence, self._timestamp, self._ssrc)
        payload = self._payloads[self._turn]
        self._turn = (self._turn + 1) % len(self._payloads)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + PACKET_SAMPLES) & 0xFFFFFFFF
        try:
            self.socket.send(header + payload)
        except (BlockingIOError, ConnectionRefusedError):
            return

    def receive(self) -> None:
        """All that has come."""
        while True:
            try:
                data = self.socket.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            sequence = data[2] << 8 | data[3]
            if self._last is not None:
                missing = (sequence - self._last - 1) & 0xFFFF
                self.lost += missing if missing < 1000 else 0  # more is a new source
            self._last = sequence
            self.received += 1
            self.silent += not data[_HEADER_BYTES:].translate(None, _QUIET)


class _Callers:
    """They take turns in slots of 1 ms, so that the process wakes once for all that are due."""

    def __init__(self, count: int) -> None:
        samples = np.frombuffer(audio.speech(PCMU.rate), "<i2").astype(np.int16)
        payloads = [PCMU.encode(samples[at : at + PACKET_SAMPLES]) for at in range(0, len(samples), PACKET_SAMPLES)]
        self.all = [_Caller(payloads, number * 7 % len(payloads)) for number in range(count)]
        self._slots = [self.all[slot::PACKET_MS] for slot in range(PACKET_MS)]
        self._slot = 0
        self._due_ns = time.monotonic_ns()
        self._late_us: list[float] = []

    def run_slot(self) -> None:
        """Wait for the time of the next slot, and do what it has."""
        wait = self._due_ns - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)
        for caller in self._slots[self._slot]:
            if caller.connected:
                caller.receive()
                self._late_us.append((time.monotonic_ns() - self._due_ns) / 1000)
                caller.send()
        self._slot = (self._slot + 1) % PACKET_MS
        self._due_ns += 1_000_000

    def reset(self) -> None:
        self._late_us.clear()
        for caller in self.all:
            caller.reset()

    def counts(self) -> CallerCounts:
        late = self._late_us or [0.0]
        median, p999, longest = (float(np.percentile(late, q)) / 1000 for q in (50, 99.9, 100))
        return CallerCounts(
            sent=len(self._late_us),
            received=sum(caller.received for caller in self.all),
            lost=sum(caller.lost for caller in self.all),
            silent=sum(caller.silent for caller in self.all),
            mute_calls=sum(caller.received == 0 for caller in self.all),
            late_median_ms=median,
            late_p999_ms=p999,
            late_longest_ms=longest,
        )


def _run(count: int, owner: Connection) -> None:
    callers = _Callers(count)
    owner.send([caller.port for caller in callers.all])
    while True:
        for _ in range(PACKET_MS):
            callers.run_slot()
        while owner.poll():
            try:
                request = owner.recv()
            except EOFError:
                return
            if isinstance(request, tuple):
                number, port = request
                callers.all[number].connect(port)
            elif request == "reset":
                callers.reset()
            else:
                owner.send(callers.counts())


class CallerParty:
    """One of the callers, as `sip.Caller` wants it."""

    format: MediaFormat = PCMU

    def __init__(self, owner: Connection, number: int, port: int) -> None:
        self.port = port
        self._owner = owner
        self._number = number

    def connect(self, port: int) -> None:
        """Talk to this port of 127.0.0.1 from now on."""
        self._owner.send((self._number, port))


class CallersProcess(Child):
    """The callers in their process."""

    def __init__(self, count: int) -> None:
        super().__init__(_run, count)
        self.parties = [CallerParty(self.connection, number, port) for number, port in enumerate(self.hear())]

    def reset(self) -> None:
        """Count anew, from within the next 20 ms on."""
        self.tell("reset")

    def counts(self) -> CallerCounts:
        self.tell("counts")
        counts: CallerCounts = self.hear()
        return counts
