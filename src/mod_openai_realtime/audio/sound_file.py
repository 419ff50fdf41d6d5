"""Sound files as pcm16 at the rate that is wanted: what an agent plays to its caller beside the model's voice.

Blocking: reads a file, and may take tenths of a second to make the filter for an unusual rate. Not for an event loop.
"""

from __future__ import annotations

import os
import stat
import sys
import wave
from array import array
from pathlib import Path

from .resampling import make_odd_resampler

MAX_SOUND_S = 180
"""As much as waits to be played at most."""
LOWEST_RATE, HIGHEST_RATE = 4000, 192_000  # Hz
MAX_FILE_BYTES = 256 << 20  # 180 s of 192 kHz, four bytes a sample, stereo


class SoundError(Exception):
    """It can't be played; the text says why, without the path."""


def read_sound(path: Path, rate: int, *, pcm_rate: int | None = None) -> bytes:
    """The whole file as pcm16, mono, at `rate` Hz. `pcm_rate`: it holds nothing but pcm16, mono, at that rate; None: it
    is a WAV, of any rate and number of channels (which are mixed). Raises SoundError."""
    try:
        with open(path, "rb", opener=_open) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SoundError("it is no file")
            if status.st_size > MAX_FILE_BYTES:
                raise SoundError("it is too large")
            if pcm_rate is not None:
                samples, own_rate = file.read(), pcm_rate
                _check_length(len(samples) // 2, own_rate)
            else:
                with wave.open(file) as reader:
                    own_rate = reader.getframerate()
                    _check_length(reader.getnframes(), own_rate)
                    samples = _mono16(reader)
    except OSError as error:
        raise SoundError(error.strerror or "it can't be read") from None
    except (wave.Error, EOFError) as error:
        raise SoundError(f"no WAV of linear PCM: {error}") from None
    return resampled(samples[: len(samples) & ~1], own_rate, rate)


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold the thread


def _check_length(frames: int, rate: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise SoundError(f"a rate of {rate} Hz")
    if frames > MAX_SOUND_S * rate:
        raise SoundError(f"it is longer than {MAX_SOUND_S} s")


def _mono16(reader: wave.Wave_read) -> bytes:
    width, channels = reader.getsampwidth(), reader.getnchannels()
    data = reader.readframes(reader.getnframes())
    data = data[: len(data) - len(data) % (width * channels)]
    if width == 1:  # the only one that is unsigned
        samples = array("h", [(value - 128) << 8 for value in data])
    else:
        samples = array("h", _upper_halves(data, width))
        if sys.byteorder == "big":
            samples.byteswap()
    if channels > 1:
        sides = [samples[n::channels] for n in range(channels)]
        samples = array("h", [sum(each) // channels for each in zip(*sides, strict=True)])
    return samples.tobytes()


def _upper_halves(data: bytes, width: int) -> bytes:
    """Of samples of `width` bytes the most significant two."""
    if width == 2:
        return data
    halves = bytearray(len(data) // width * 2)
    halves[0::2], halves[1::2] = data[width - 2 :: width], data[width - 1 :: width]
    return bytes(halves)


def resampled(pcm: bytes, from_rate: int, to_rate: int) -> bytes:
    """pcm16, mono, at another rate; sample n lies at n * from_rate / to_rate of the input. Raises SoundError."""
    try:
        resampler = make_odd_resampler(from_rate, to_rate, aligned=True)
    except ValueError:
        raise SoundError(f"a rate of {from_rate} Hz") from None
    if resampler is None:
        return pcm
    samples = (len(pcm) // 2 * to_rate + from_rate - 1) // from_rate
    return (resampler.process(pcm) + resampler.flush())[: 2 * samples]
