"""Caller audio on its way out: capture ring -> resampler -> messages of a fixed length, in the format wanted."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from .._media import Packetizer
from .audio_format import AudioFormat
from .resampling import make_resampler

# Caller audio that waits for the server to say what format it takes: the newest of it.
MAX_HELD_MS = 2000


class Mixing(IntEnum):
    """How audio gets the number of channels that the stream has; native/media/packetizer.c has the same numbers."""

    NONE = 0
    MEAN = 1  # a channel whose codec is stereo, in a mono stream
    SUM = 2  # both directions in one, as FreeSWITCH mixes them
    DOUBLE = 3  # a mono codec in a stereo stream: both alike


class Capture:
    """Messages of `message_ms` of pcm16 at `send_rate` Hz, or of what set_format() asks for; `channels` interleaved.

    Holds less than one message; what is older waits in the ring, which drops its oldest when it is full, or while held
    here, up to MAX_HELD_MS. 20 ms in are 20 ms out: the resampler adds about 3 ms of delay, and none where the rates
    are equal, when samples pass untouched.

    `packetizer` does the work. It reads the ring, and where its gate is open, frames of the rate that it knows pass by
    Python.
    """

    def __init__(
        self, packetizer: Packetizer, *, send_rate: int, channels: int, message_ms: int, two_in_one: bool = False
    ) -> None:
        """`two_in_one`: what comes in stereo has the two directions apart, and goes out as their sum."""
        self.packetizer = packetizer
        self._send_rate = send_rate
        self._channels = channels
        self._message_ms = message_ms
        self._two_in_one = two_in_one
        self._law: str | None = None
        self._rate, self._frame_channels = 0, 0  # of what has come last; 0: nothing yet
        self._slots_lost_here = 0
        self._held: list[tuple[bytes, int, int] | int] = []  # pcm16, its rate and channels; or ms of silence
        self._held_us = 0
        self._waited_us = 0
        self.packetizer.set_message(self._message_bytes, None)

    @property
    def _message_bytes(self) -> int:
        """Before companding."""
        return self._send_rate * self._message_ms // 1000 * self._channels * 2

    @property
    def lost_slots(self) -> int:
        """Frames, or parts of one, that were overwritten before they were read."""
        return self._slots_lost_here + self.packetizer.lost_slots

    def set_format(self, wanted: AudioFormat) -> None:
        """What comes from now on is in this format, also what is pending for the message under way."""
        self._law = wanted.law
        if wanted.rate != self._send_rate:
            pending = self.packetizer.take_pending()
            self._start_afresh()
            if pending:
                again = make_resampler(self._send_rate, wanted.rate, channels=self._channels, aligned=True)
                assert again is not None
                self.packetizer.feed(again.process(pending) + again.flush())
            self._send_rate = wanted.rate
        self.packetizer.set_message(self._message_bytes, self._law)

    def duration_us(self, outgoing_bytes: int) -> int:
        """Of so much pcm16 in the format in effect."""
        return outgoing_bytes * 1_000_000 // (2 * self._channels * self._send_rate)

    def hold(self) -> int:
        """Keep what has arrived, the newest MAX_HELD_MS of it, for messages() later; how many ms have been held so far,
        those included that were dropped."""
        for pcm, rate, channels in self._arrived():
            self._held.append((pcm, rate, channels))
            duration_us = _duration_us(pcm, rate, channels)
            self._waited_us += duration_us
            self._held_us += duration_us
            while self._held_us > MAX_HELD_MS * 1000:
                oldest = self._held.pop(0)
                if not isinstance(oldest, int):
                    self._held_us -= _duration_us(*oldest)
        return self._waited_us // 1000

    @property
    def held_ms(self) -> int:
        return self._held_us // 1000

    @property
    def holds(self) -> bool:
        """Whether anything is held, for messages()."""
        return bool(self._held)

    def wait_anew(self) -> None:
        """hold() counts from now on; what is held stays."""
        self._waited_us = 0

    def hold_silence(self, ms: int) -> None:
        """So much silence follows upon what has been held so far."""
        self._held.append(ms)

    def pass_by(self) -> int:
        """Forget what has arrived, but nothing that is held; the same figure as hold(), with it counted in."""
        for pcm, rate, channels in self._arrived():
            self._waited_us += _duration_us(pcm, rate, channels)
        return self._waited_us // 1000

    def messages(self) -> list[bytes]:
        """The messages that are complete by now."""
        messages = self._messages_held()
        for pcm, rate, channels in self._arrived():
            self._take(pcm, rate, channels)
        return messages + self.packetizer.take()

    def flush(self) -> list[bytes]:
        """All that is buffered, the last message as long as it happens to be."""
        return self.messages() + self.packetizer.flush()

    def flush_held(self) -> list[bytes]:
        """The same of what has been held, without what has arrived since."""
        return self._messages_held() + self.packetizer.flush()

    def silence(self, ms: int) -> list[bytes]:
        """All that is buffered, then `ms` of silence; the last message as long as it happens to be."""
        return self.messages() + self._messages_of_silence(ms) + self.packetizer.flush()

    def skip(self) -> None:
        """Forget all that is buffered; what is captured next starts afresh."""
        self.packetizer.skip()
        self._release()
        if self._rate or self.packetizer.pending:
            self.packetizer.take_pending()
            self._start_afresh()

    def _arrived(self) -> Iterator[tuple[bytes, int, int]]:
        """pcm16, its rate and channels, run by run."""
        while (run := self.packetizer.read()) is not None:
            pcm, rate, channels, _, lost = run
            self._slots_lost_here += lost
            yield pcm, rate, channels

    def _messages_held(self) -> list[bytes]:
        """Those that are complete with what was held, which is let go."""
        messages: list[bytes] = []
        for held in self._held:
            if isinstance(held, int):
                messages += self._messages_of_silence(held)
            else:
                self._take(*held)
        self._release()
        return messages

    def _messages_of_silence(self, ms: int) -> list[bytes]:
        """Those that are complete with so much silence behind what is pending. It is silence to the sample: what a
        resampler holds back, 3 ms at most, is not sent."""
        messages: list[bytes] = []
        self._start_afresh()
        left = self._send_rate * ms // 1000 * self._channels * 2
        while left > 0:
            # Not at once: the packetizer's memory stays as small as a message.
            part = min(left, self._message_bytes)
            self.packetizer.feed(bytes(part))
            messages += self.packetizer.take()
            left -= part
        return messages

    def _start_afresh(self) -> None:
        """What is taken next does not follow upon what was taken last."""
        self.packetizer.set_input(0, 0, None)
        self._rate = 0

    def _take(self, pcm: bytes, rate: int, channels: int) -> None:
        if rate != self._rate or channels != self._frame_channels:
            # A codec change in mid-call, or another format: a new filter, from here on.
            self._rate, self._frame_channels = rate, channels
            resampler = make_resampler(rate, self._send_rate, channels=self._channels)
            self.packetizer.set_input(rate, channels, resampler, self._mixing(channels))
        self.packetizer.feed(pcm)

    def _mixing(self, channels: int) -> Mixing:
        if channels == self._channels:
            return Mixing.NONE
        if channels == 1:
            return Mixing.DOUBLE
        return Mixing.SUM if self._two_in_one else Mixing.MEAN

    def _release(self) -> None:
        self._held.clear()
        self._held_us = self._waited_us = 0


def _duration_us(pcm: bytes, rate: int, channels: int) -> int:
    return len(pcm) * 1_000_000 // (2 * channels * rate)
