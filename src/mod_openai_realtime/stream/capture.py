"""Caller audio on its way out: capture ring -> resampler -> messages of a fixed length."""

from __future__ import annotations

from array import array
from typing import Protocol

from .._media import Resampler
from .resampling import make_resampler


class CaptureMemory(Protocol):
    """What capture needs of a stream's memory; _media.StreamMemory is one."""

    def read_capture(self) -> tuple[bytes, int, int, int, int] | None: ...
    def skip_capture(self) -> int: ...


class Capture:
    """Messages of `message_ms` of pcm16 at `send_rate` Hz, `channels` interleaved.

    Holds less than one message; what is older waits in the ring, which drops its oldest when it is full. 20 ms in are
    20 ms out: the resampler adds about 3 ms of delay, and none where the rates are equal, when samples pass untouched.
    """

    def __init__(self, memory: CaptureMemory, *, send_rate: int, channels: int, message_ms: int) -> None:
        self._memory = memory
        self._send_rate = send_rate
        self._channels = channels
        self._message_bytes = send_rate * message_ms // 1000 * channels * 2
        self._rate = 0
        self._resampler: Resampler | None = None
        self._pending = bytearray()
        self.lost_slots = 0
        self.last_time_ns = 0

    def messages(self) -> list[bytes]:
        """The messages that are complete by now."""
        pending = self._pending
        while (run := self._memory.read_capture()) is not None:
            pcm, rate, channels, self.last_time_ns, lost = run
            self.lost_slots += lost
            if channels != self._channels:
                pcm = _remix(pcm, channels, self._channels)
            if rate != self._rate:
                # A codec change in mid-call: a new filter, from here on.
                self._rate = rate
                self._resampler = make_resampler(rate, self._send_rate, channels=self._channels)
            pending += pcm if self._resampler is None else self._resampler.process(pcm)
        size = self._message_bytes
        if len(pending) < size:
            return []
        if len(pending) == size:
            message = bytes(pending)
            pending.clear()
            return [message]
        whole = len(pending) // size * size
        messages = [bytes(pending[at : at + size]) for at in range(0, whole, size)]
        del pending[:whole]
        return messages

    def flush(self) -> list[bytes]:
        """All that is buffered, the last message as long as it happens to be."""
        messages = self.messages()
        if self._pending:
            messages.append(bytes(self._pending))
            self._pending.clear()
        return messages

    def skip(self) -> None:
        """Forget all that is buffered; what is captured next starts afresh."""
        self._memory.skip_capture()
        if self._pending or self._resampler is not None:
            self._pending.clear()
            self._resampler = None
            self._rate = 0

    def silence(self, ms: int) -> list[bytes]:
        """Messages that hold `ms` of silence in all, the last one padded to a whole message."""
        total = self._send_rate * ms // 1000 * self._channels * 2
        count = -(-total // self._message_bytes)
        return [bytes(self._message_bytes)] * count


def _remix(pcm: bytes, channels: int, wanted: int) -> bytes:
    """A channel whose codec is stereo into a mono stream (the mean), or the other way round (both alike)."""
    samples = array("h", pcm)
    if channels == 2 and wanted == 1:
        return array("h", [(a + b) >> 1 for a, b in zip(samples[::2], samples[1::2], strict=True)]).tobytes()
    doubled = array("h", bytes(2 * len(pcm)))
    doubled[::2] = samples
    doubled[1::2] = samples
    return doubled.tobytes()
