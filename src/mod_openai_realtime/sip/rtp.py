"""Parties of a call as far as media goes: each sends its packets in time, and keeps all that it receives."""

from __future__ import annotations

import secrets
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .media_format import PCMU, MediaFormat, Pcm16

_HEADER = struct.Struct("!BBHII")
_LONGEST_WAIT = 0.02
TELEPHONE_EVENT = 101
"""Payload type of keys (RFC 4733)."""
_EVENT = struct.Struct("!BBH")
_KEYS = "0123456789*#ABCD"
_KEY_PACKETS, _END_PACKETS, _PAUSE_PACKETS = 5, 3, 3
_END, _VOLUME = 0x80, 10  # -10 dBm0


@dataclass(frozen=True)
class Packet:
    """An RTP packet as received. ``at`` is the monotonic time of its arrival in seconds."""

    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload_type: int
    payload: bytes
    at: float


@dataclass(frozen=True, slots=True)
class _Key:
    """A packet of a key that is pressed: all of one key bear the timestamp of the first."""

    payload: bytes
    is_first: bool


class RtpParty:
    """One party: a socket of 127.0.0.1 and what goes over it.

    Like a telephone it sends from the moment that it knows the far end, silence where it has nothing to say. Made by
    MediaRoom, whose thread does the sending and receiving; the methods may be called from any thread.
    """

    def __init__(self, media_format: MediaFormat, lock: threading.Condition) -> None:
        self.format = media_format
        self.sent: list[bytes] = []
        self.received: list[Packet] = []
        self.next_at = 0.0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]
        self._lock = lock
        self._queue: deque[bytes | _Key | None] = deque()  # None: no packet
        self._key_timestamp = 0
        self._resumes = False
        self._repeated: list[bytes] = []
        self._repeat_at = 0
        self._far: tuple[str, int] | None = None
        self._sequence = secrets.randbelow(1 << 16)
        self._timestamp = secrets.randbelow(1 << 32)
        self._ssrc = secrets.randbelow(1 << 32)

    # -- for tests -----------------------------------------------------------------------------------------------

    def connect(self, port: int) -> None:
        """Send to this port of 127.0.0.1 from now on."""
        with self._lock:
            self._far = ("127.0.0.1", port)

    def say(self, samples: Pcm16) -> list[bytes]:
        """Send these samples, filled up with silence to whole packets; returns the payloads that they go in."""
        payloads = self._packets(samples)
        with self._lock:
            self._queue.extend(payloads)
        return payloads

    def press(self, keys: str) -> None:
        """Press these keys of the telephone, 160 ms each and 60 ms between them, after what is to be said. Raises
        ValueError for one that no telephone has."""
        samples = self.format.packet_samples
        wanted: list[bytes | _Key | None] = []
        for key in keys:
            code = _KEYS.find(key.upper())
            if code < 0:
                raise ValueError(f"{key!r} is no key of a telephone")
            for number in range(_KEY_PACKETS + _END_PACKETS):
                end = _END if number >= _KEY_PACKETS else 0
                duration = samples * min(number + 1, _KEY_PACKETS)
                wanted.append(_Key(_EVENT.pack(code, end | _VOLUME, duration), number == 0))
            wanted += [self._silence()] * _PAUSE_PACKETS
        with self._lock:
            self._queue.extend(wanted)

    def send_nothing(self, ms: int) -> None:
        """Send no packet for so long, as a telephone with DTX does in a pause: timestamps go on, sequence numbers do
        not, and the packet after it has the marker."""
        with self._lock:
            self._queue.extend([None] * (ms // self.format.ptime_ms))

    def repeat(self, samples: Pcm16) -> None:
        """Send these samples over and over instead of silence."""
        with self._lock:
            self._repeated = self._packets(samples)

    def change_format(self, media_format: MediaFormat) -> None:
        """After a re-INVITE: what is said from now on goes out in this format."""
        with self._lock:
            self.format = media_format
            self._repeated = []

    def wait_said(self, timeout: float = 30) -> None:
        """Wait until all that was to be said has been sent. Raises TimeoutError."""
        self._wait(lambda: not self._queue, timeout, "the party is still talking")

    def wait_packets(self, count: int, timeout: float = 30) -> list[Packet]:
        """Wait until ``count`` more packets have come, and return these. Raises TimeoutError."""
        start = len(self.received)
        self._wait(lambda: len(self.received) >= start + count, timeout, f"fewer than {count} packets came")
        return self.received[start : start + count]

    def wait_sent(self, count: int, timeout: float = 30) -> None:
        """Wait until the party has sent ``count`` more packets: time that passes for it, on hold too."""
        start = len(self.sent)
        self._wait(lambda: len(self.sent) >= start + count, timeout, f"fewer than {count} packets were sent")

    def wait_total(self, count: int, timeout: float = 30) -> None:
        """Wait until ``count`` packets have come in all. Raises TimeoutError."""
        self._wait(lambda: len(self.received) >= count, timeout, f"fewer than {count} packets came")

    def wait_payload(self, payload: bytes, timeout: float = 30) -> None:
        """Wait until this payload has come, as one packet, now or before. Raises TimeoutError."""
        looked_at = 0

        def came() -> bool:
            nonlocal looked_at
            new = self.received[looked_at:]
            looked_at += len(new)
            return any(packet.payload == payload for packet in new)

        self._wait(came, timeout, "that payload did not come")

    def wait_heard(self, heard: Callable[[Pcm16], bool], timeout: float = 30, since: int = 0) -> Pcm16:
        """Wait until ``heard`` is true of the audio received from packet ``since`` on, and return it.

        ``heard`` is asked again with every fifth packet. Raises TimeoutError.
        """
        found = np.zeros(0, dtype=np.int16)
        asked = -1

        def is_there() -> bool:
            nonlocal asked, found
            if len(self.received) // 5 == asked:
                return False
            asked = len(self.received) // 5
            found = self.audio(since)
            return heard(found)

        self._wait(is_there, timeout, "it was not heard")
        return found

    def audio(self, since: int = 0) -> Pcm16:
        """What was received from packet ``since`` on, laid out by RTP timestamp; silence where packets are missing.

        A new source or a jump of more than ten seconds goes on behind the last packet.
        """
        media_format = self.format
        packets = [packet for packet in self.received[since:] if packet.payload_type == media_format.payload_type]
        parts: list[Pcm16] = []
        due: int | None = None
        ssrc = None
        for packet in packets:
            samples = media_format.decode(packet.payload)
            missing = (packet.timestamp - due) % (1 << 32) if due is not None and packet.ssrc == ssrc else 0
            if 0 < missing < 10 * media_format.rate:
                parts.append(np.zeros(missing, dtype=np.int16))
            parts.append(samples)
            due = packet.timestamp + len(samples)
            ssrc = packet.ssrc
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)

    def samples(self, since: int = 0) -> Pcm16:
        """What the packets received from packet ``since`` on hold, end to end: their times are left out of account."""
        media_format = self.format
        packets = [packet for packet in self.received[since:] if packet.payload_type == media_format.payload_type]
        return np.concatenate([np.zeros(0, dtype=np.int16), *(media_format.decode(each.payload) for each in packets)])

    def payload(self, since: int = 0) -> bytes:
        """The payloads received from packet ``since`` on, in order of arrival."""
        return b"".join(packet.payload for packet in self.received[since:])

    # -- for the room --------------------------------------------------------------------------------------------

    def send_next(self) -> None:
        if self._far is None:
            return
        kind, timestamp = self.format.payload_type | (0x80 if self._resumes else 0), self._timestamp
        if self._queue:
            queued = self._queue.popleft()
            if queued is None:
                self._timestamp = (self._timestamp + self.format.packet_samples) & 0xFFFFFFFF
                self._resumes = True
                return
            if isinstance(queued, _Key):
                if queued.is_first:
                    self._key_timestamp = timestamp
                kind, timestamp = TELEPHONE_EVENT | (0x80 if queued.is_first else 0), self._key_timestamp
                payload = queued.payload
            else:
                payload = queued
        elif self._repeated:
            payload = self._repeated[self._repeat_at % len(self._repeated)]
            self._repeat_at += 1
        else:
            payload = self._silence()
        self._resumes = False
        header = _HEADER.pack(0x80, kind, self._sequence, timestamp, self._ssrc)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + self.format.packet_samples) & 0xFFFFFFFF
        self.sent.append(payload)
        try:
            self.socket.sendto(header + payload, self._far)
        except (BlockingIOError, ConnectionRefusedError):
            return

    def receive_all(self) -> bool:
        """Take what has come; true if there was something."""
        any_came = False
        while True:
            try:
                data = self.socket.recv(4096)
            except (BlockingIOError, ConnectionRefusedError):
                return any_came
            flags, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
            start = _HEADER.size + 4 * (flags & 15)
            self.received.append(
                Packet(sequence, timestamp, ssrc, bool(kind & 0x80), kind & 0x7F, data[start:], time.monotonic())
            )
            any_came = True

    def _silence(self) -> bytes:
        return self.format.silence * self.format.packet_samples

    def _packets(self, samples: Pcm16) -> list[bytes]:
        step = self.format.packet_samples
        padded = np.concatenate((samples, np.zeros(-len(samples) % step, dtype=np.int16)))
        return [self.format.encode(padded[at : at + step]) for at in range(0, len(padded), step)]

    def _wait(self, done: Callable[[], bool], timeout: float, complaint: str) -> None:
        with self._lock:
            if not self._lock.wait_for(done, timeout):
                raise TimeoutError(f"{complaint} after {timeout} s ({len(self.received)} packets in all)")


class MediaRoom:
    """The thread that sends and receives for any number of parties. Each has its own phase within the packet time."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._parties: list[RtpParty] = []
        self._selector = selectors.DefaultSelector()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="media-room", daemon=True)
        self._thread.start()

    def party(self, media_format: MediaFormat = PCMU) -> RtpParty:
        party = RtpParty(media_format, self._lock)
        with self._lock:
            party.next_at = time.monotonic() + media_format.ptime_ms / 1000
            self._parties.append(party)
            self._selector.register(party.socket, selectors.EVENT_READ, party)
        return party

    def dismiss(self, party: RtpParty) -> None:
        """Close the party's socket. A party that is gone already is left alone."""
        with self._lock:
            if party in self._parties:
                self._parties.remove(party)
                self._selector.unregister(party.socket)
                party.socket.close()

    def close(self) -> None:
        with self._lock:
            self._closing = True
        self._thread.join(5)
        for party in list(self._parties):
            self.dismiss(party)
        self._selector.close()

    def __enter__(self) -> MediaRoom:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._closing:
                    return
                now = time.monotonic()
                soonest = now + _LONGEST_WAIT
                for party in self._parties:
                    # A late thread catches up: a caller's audio has no holes in it, however busy the machine.
                    while party.next_at <= now:
                        party.send_next()
                        party.next_at += party.format.ptime_ms / 1000
                    soonest = min(soonest, party.next_at)
            ready = self._selector.select(max(0.0, soonest - time.monotonic()))
            with self._lock:
                for key, _ in ready:
                    party = key.data
                    if party in self._parties:
                        party.receive_all()
                self._lock.notify_all()
