"""What a response sounds like: speech, samples given, or a tone; taken piece by piece at the rate asked for."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from .formats import AudioFormat
from .g711 import Samples

_SILENCE = 200  # of 32767: the breath before and after a synthesised word is below


class Sound(Protocol):
    """Audio in one wire format."""

    audio_format: AudioFormat
    duration_ms: float | None
    """None for a sound without an end."""
    audible_ms: tuple[float, float]
    """Where in it the first thing is to be heard, and the last."""

    def piece(self, start_ms: int, length_ms: int) -> bytes:
        """What is there of these milliseconds, encoded."""


@dataclass(frozen=True)
class Tone:
    """A sine; `hz` is whole, so that each second is the same. `ms` None: without an end. `level` is 0 to 1."""

    hz: int
    ms: int | None
    level: float = 0.5


class ToneSound:
    """A tone whose pieces join without a step."""

    def __init__(self, tone: Tone, audio_format: AudioFormat) -> None:
        self._tone = tone
        self.audio_format = audio_format
        self.duration_ms: float | None = tone.ms
        self.audible_ms = (0.0, float(tone.ms or 0))

    def piece(self, start_ms: int, length_ms: int) -> bytes:
        if self._tone.ms is not None:
            length_ms = max(0, min(length_ms, self._tone.ms - start_ms))
        return _tone_piece(self._tone.hz, self._tone.level, self.audio_format, start_ms % 1000, length_ms)


@lru_cache(maxsize=256)
def _tone_piece(hz: int, level: float, audio_format: AudioFormat, start_ms: int, length_ms: int) -> bytes:
    rate = audio_format.rate
    at = np.arange(rate * length_ms // 1000) + rate * start_ms // 1000
    samples = np.round(np.sin(2 * np.pi * hz * at / rate) * level * 32767).astype(np.int16)
    return audio_format.encode(samples)


class SampledSound:
    """Samples that are there as a whole, at the format's rate."""

    def __init__(self, samples: Samples, audio_format: AudioFormat) -> None:
        self._data = audio_format.encode(samples)
        self.audio_format = audio_format
        self.duration_ms: float | None = audio_format.ms(len(self._data))
        loud = np.flatnonzero(np.abs(samples) > _SILENCE) if len(samples) else samples
        self.audible_ms = (
            (loud[0] * 1000 / audio_format.rate, (loud[-1] + 1) * 1000 / audio_format.rate)
            if len(loud)
            else (0.0, self.duration_ms)
        )

    def piece(self, start_ms: int, length_ms: int) -> bytes:
        per_ms = self.audio_format.rate * self.audio_format.sample_bytes // 1000
        return self._data[start_ms * per_ms : (start_ms + length_ms) * per_ms]
