"""What the caller's side sounds like just now, for who has to tell a voice from a noise. Read beside the capture, of
which nothing is taken away."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

from .._media import Resampler, StreamMemory, look_back, voice
from .resampling import make_resampler

RATE = 8000
"""A telephone's; others are converted."""
FRAME_MS = 20
_FRAME_BYTES = RATE * FRAME_MS // 1000 * 2


@dataclass(frozen=True, slots=True)
class VoiceFrame:
    """Of FRAME_MS."""

    level_db: float
    """Under full scale."""
    periodicity: float
    """0 to 1: how alike it is to itself, one period of a voice later."""
    period: int
    """In samples at RATE; 0 where it has none."""


class CallerVoice:
    """Of a stream that captures."""

    def __init__(self, memory: StreamMemory) -> None:
        self._memory = memory
        self._position = 0
        self._rate = 0
        self._resampler: Resampler | None = None
        self._waiting = b""  # at RATE, less than a frame
        self._before = bytes(_FRAME_BYTES)

    def look_back(self, whole: int) -> list[VoiceFrame]:
        """All that is still there: the last second of a telephone's, less of finer audio. Only of the last `whole`
        frames is it known how periodic they are."""
        self._position = 0
        self._start_afresh()
        frames = self._taken()
        early = max(0, len(frames) - whole)
        levels = [_figures(frame) for _, frame in frames[:early]]
        return levels + [_figures(before + frame) for before, frame in frames[early:]]

    def frames(self) -> list[VoiceFrame]:
        """What has come since the last call of either, as far as it is still there; oldest first."""
        return [_figures(before + frame) for before, frame in self._taken()]

    def _taken(self) -> list[tuple[bytes, bytes]]:
        """Frames of pcm16 at RATE, each with the one before it."""
        self._position, slots = look_back(self._memory, self._position)
        taken: list[tuple[bytes, bytes]] = []
        for pcm, rate, channels in slots:
            converted = self._converted(pcm, rate, channels)  # which may drop what waits
            self._waiting += converted
            while len(self._waiting) >= _FRAME_BYTES:
                frame, self._waiting = self._waiting[:_FRAME_BYTES], self._waiting[_FRAME_BYTES:]
                taken.append((self._before, frame))
                self._before = frame
        return taken

    def skip(self) -> None:
        """What has come so far does not matter."""
        self._position = self._memory.capture_head
        self._start_afresh()

    def _converted(self, pcm: bytes, rate: int, channels: int) -> bytes:
        if channels > 1:
            pcm = array("h", pcm)[::channels].tobytes()  # the caller is on the left
        if rate != self._rate:
            self._start_afresh()
            self._rate, self._resampler = rate, make_resampler(rate, RATE)
        return pcm if self._resampler is None else self._resampler.process(pcm)

    def _start_afresh(self) -> None:
        self._rate, self._resampler = 0, None
        self._waiting, self._before = b"", bytes(_FRAME_BYTES)


def _figures(pcm: bytes) -> VoiceFrame:
    power, squared, period = voice(pcm)
    return VoiceFrame(10 * math.log10(power + 1e-10), math.sqrt(squared), period)
