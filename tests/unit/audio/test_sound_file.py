"""Sound files of every common kind come out as pcm16 at the rate that is wanted."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np
import pytest
from audio.tones import dominant_frequency, tone

from mod_openai_realtime.audio import sound_file
from mod_openai_realtime.audio.sound_file import SoundError, read_sound


def write(path: Path, samples: np.ndarray, rate: int, *, width: int = 2, channels: int = 1) -> Path:
    if width == 1:
        data = ((samples.astype(np.int32) >> 8) + 128).astype(np.uint8).tobytes()
    else:
        wide = np.zeros((len(samples), width), np.uint8)
        wide[:, width - 2 :] = samples.astype("<i2").view(np.uint8).reshape(-1, 2)
        data = wide.tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000])
def test_a_tone_of_any_rate_is_that_tone(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "tone.wav", tone(440, 500, rate), rate)
    pcm = np.frombuffer(read_sound(path, 24000), "<i2")
    assert abs(len(pcm) - 12000) <= 1
    assert abs(dominant_frequency(pcm[1000:-1000], 24000) - 440) < 2


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_of_any_width(tmp_path: Path, width: int) -> None:
    sound = tone(440, 200, 24000)
    pcm = np.frombuffer(read_sound(write(tmp_path / "x.wav", sound, 24000, width=width), 24000), "<i2")
    assert np.abs(pcm.astype(int) - sound).max() <= (256 if width == 1 else 0)


def test_channels_are_mixed(tmp_path: Path) -> None:
    stereo = np.array([1000, 3000, -500, 500, 7, 8], "<i2")
    path = write(tmp_path / "x.wav", stereo, 24000, channels=2)
    assert np.frombuffer(read_sound(path, 24000), "<i2").tolist() == [2000, 0, 7]


def test_bare_samples(tmp_path: Path) -> None:
    path = tmp_path / "x.pcm"
    path.write_bytes(b"\1\0\2\0\3")
    assert read_sound(path, 24000, pcm_rate=24000) == b"\1\0\2\0"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "Is a directory|no file"),
        (lambda path: os.mkfifo(path), "no file"),
        (lambda path: path.write_bytes(b""), "no WAV"),
        (lambda path: path.write_bytes(b"RIFFxxxxWAVEfmt "), "no WAV"),
        (lambda path: path.write_bytes(b"ID3" + bytes(4000)), "no WAV"),
    ],
    ids=["missing", "folder", "pipe", "empty", "short", "mp3"],
)
def test_what_is_no_sound(tmp_path: Path, make, reason: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path / "x.wav")
    with pytest.raises(SoundError, match=reason):
        read_sound(tmp_path / "x.wav", 24000)


def test_a_rate_that_no_sound_has_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match="a rate of 8001 Hz"):
        read_sound(write(tmp_path / "x.wav", tone(440, 100, 8000), 8001), 24000)


def test_the_longest_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_file, "MAX_SOUND_S", 1)
    path = write(tmp_path / "x.wav", np.zeros(24001, "<i2"), 24000)
    with pytest.raises(SoundError, match="longer than 1 s"):
        read_sound(path, 24000)
    monkeypatch.setattr(sound_file, "MAX_FILE_BYTES", 1000)
    with pytest.raises(SoundError, match="too large"):
        read_sound(path, 24000)
