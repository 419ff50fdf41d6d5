"""Caller audio on its way out: capture ring -> resampler -> messages of a fixed length, in the format wanted."""

from __future__ import annotations

from array import array
from collections import deque
from typing import Protocol

from .._media import Resampler, g711_encode
from .audio_format import AudioFormat
from .resampling import make_resampler

# Caller audio that waits for the server to say what format it takes: the newest of it.
MAX_HELD_MS = 2000


class CaptureMemory(Protocol):
    """What capture needs of a stream's memory; _media.StreamMemory is one."""

    def read_capture(self) -> tuple[bytes, int, int, int, int] | None: ...
    def skip_capture(self) -> int: ...


class Capture:
    """Messages of `message_ms` of pcm16 at `send_rate` Hz, or of what set_format() asks for; `channels` interleaved.

    Holds less than one message; what is older waits in the ring, which drops its oldest when it is full, or while held
    here, up to MAX_HELD_MS. 20 ms in are 20 ms out: the resampler adds about 3 ms of delay, and none where the rates
    are equal, when samples pass untouched.
    """

    def __init__(self, memory: CaptureMemory, *, send_rate: int, channels: int, message_ms: int) -> None:
        self._memory = memory
        self._send_rate = send_rate
        self._channels = channels
        self._message_ms = message_ms
        self._message_bytes = send_rate * message_ms // 1000 * channels * 2  # before companding
        self._law: str | None = None
        self._rate = 0
        self._resampler: Resampler | None = None
        self._pending = bytearray()
        self._held: deque[tuple[bytes, int, int]] = deque()
        self._held_us = 0
        self._waited_us = 0
        self.lost_slots = 0
        self.last_time_ns = 0

    def set_format(self, wanted: AudioFormat) -> None:
        """What comes from now on is in this format, also what is pending for the message under way."""
        self._law = wanted.law
        if wanted.rate != self._send_rate:
            if self._pending:
                again = make_resampler(self._send_rate, wanted.rate, channels=self._channels, aligned=True)
                assert again is not None
                self._pending[:] = again.process(bytes(self._pending)) + again.flush()
            self._send_rate = wanted.rate
            self._message_bytes = wanted.rate * self._message_ms // 1000 * self._channels * 2
            self._rate = 0

    def hold(self) -> int:
        """Keep what has arrived, the newest MAX_HELD_MS of it, for messages() later; how many ms have been held so far,
        those included that were dropped."""
        while (run := self._memory.read_capture()) is not None:
            pcm, rate, channels, self.last_time_ns, lost = run
            self.lost_slots += lost
            self._held.append((pcm, rate, channels))
            duration_us = _duration_us(pcm, rate, channels)
            self._waited_us += duration_us
            self._held_us += duration_us
            while self._held_us > MAX_HELD_MS * 1000:
                self._held_us -= _duration_us(*self._held.popleft())
        return self._waited_us // 1000

    def messages(self) -> list[bytes]:
        """The messages that are complete by now."""
        if self._waited_us:
            for held in self._held:
                self._take(*held)
            self._release()
        while (run := self._memory.read_capture()) is not None:
            pcm, rate, channels, self.last_time_ns, lost = run
            self.lost_slots += lost
            self._take(pcm, rate, channels)
        pending = self._pending
        size = self._message_bytes
        if len(pending) < size:
            return []
        if len(pending) == size:
            message = bytes(pending)
            pending.clear()
            return [message if self._law is None else g711_encode(message, self._law)]
        whole = len(pending) // size * size
        messages = [self._encode(bytes(pending[at : at + size])) for at in range(0, whole, size)]
        del pending[:whole]
        return messages

    def flush(self) -> list[bytes]:
        """All that is buffered, the last message as long as it happens to be."""
        messages = self.messages()
        if self._pending:
            messages.append(self._encode(bytes(self._pending)))
            self._pending.clear()
        return messages

    def skip(self) -> None:
        """Forget all that is buffered; what is captured next starts afresh."""
        self._memory.skip_capture()
        if self._waited_us:
            self._release()
        if self._pending or self._resampler is not None:
            self._pending.clear()
            self._resampler = None
            self._rate = 0

    def silence(self, ms: int) -> list[bytes]:
        """Messages that hold `ms` of silence in all, the last one padded to a whole message."""
        total = self._send_rate * ms // 1000 * self._channels * 2
        count = -(-total // self._message_bytes)
        return [self._encode(bytes(self._message_bytes))] * count

    def _take(self, pcm: bytes, rate: int, channels: int) -> None:
        pcm = remix(pcm, channels, self._channels)
        if rate != self._rate:
            # A codec change in mid-call, or another format: a new filter, from here on.
            self._rate = rate
            self._resampler = make_resampler(rate, self._send_rate, channels=self._channels)
        self._pending += pcm if self._resampler is None else self._resampler.process(pcm)

    def _encode(self, pcm: bytes) -> bytes:
        return pcm if self._law is None else g711_encode(pcm, self._law)

    def _release(self) -> None:
        self._held.clear()
        self._held_us = self._waited_us = 0


def _duration_us(pcm: bytes, rate: int, channels: int) -> int:
    return len(pcm) * 1_000_000 // (2 * channels * rate)


def remix(pcm: bytes, channels: int, wanted: int) -> bytes:
    """A channel whose codec is stereo into a mono stream (the mean), or the other way round (both alike)."""
    if channels == wanted:
        return pcm
    samples = array("h", pcm)
    if channels == 2 and wanted == 1:
        return array("h", [(a + b) >> 1 for a, b in zip(samples[::2], samples[1::2], strict=True)]).tobytes()
    doubled = array("h", bytes(2 * len(pcm)))
    doubled[::2] = samples
    doubled[1::2] = samples
    return doubled.tobytes()
