"""The measuring tools that the tests of calls rely on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from audio.alignment import align, places
from audio.files import can_speak, read_wav, speech, write_wav
from audio.segments import gaps, sounding
from audio.tones import dominant_frequency, level, noise, silence, tone, tone_amplitude


@pytest.mark.parametrize("frequency", [300, 440.5, 1004, 3300])
def test_dominant_frequency_is_right_to_a_hertz(frequency: float) -> None:
    assert dominant_frequency(tone(frequency, 500, 8000), 8000) == pytest.approx(frequency, abs=1)


def test_silence_has_no_frequency() -> None:
    with pytest.raises(ValueError, match="silence"):
        dominant_frequency(silence(100, 8000), 8000)


def test_tone_amplitude_tells_one_tone_from_another() -> None:
    mixed = tone(600, 500, 8000, 5000) + tone(1200, 500, 8000, 1000)
    assert tone_amplitude(mixed, 600, 8000) == pytest.approx(5000, rel=0.01)
    assert tone_amplitude(mixed, 1200, 8000) == pytest.approx(1000, rel=0.01)
    assert tone_amplitude(mixed, 900, 8000) < 10


def test_sounding_finds_both_ends_of_each_tone() -> None:
    audio = np.concatenate(
        (silence(100, 8000), tone(1000, 300, 8000), silence(50, 8000), tone(500, 200, 8000), silence(10, 8000))
    )
    first, second = sounding(audio, 8000)
    assert (first.start, first.end) == pytest.approx((800, 3200), abs=2)
    assert (second.start, second.end) == pytest.approx((3600, 5200), abs=2)
    assert dominant_frequency(second.of(audio), 8000) == pytest.approx(500, abs=1)


def test_a_gap_is_found_to_the_sample() -> None:
    audio = tone(1000, 1000, 8000)
    audio[4000:4160] = 0
    (gap,) = gaps(audio, 8000)
    assert (gap.start, gap.end) == pytest.approx((4000, 4160), abs=2)


def test_zero_crossings_are_no_gaps() -> None:
    assert gaps(tone(200, 1000, 8000), 8000) == []


def test_silence_does_not_sound() -> None:
    assert sounding(silence(100, 8000), 8000) == []


def test_align_finds_a_reference_under_noise() -> None:
    reference = noise(300, 8000, seed=3)
    received = noise(1000, 8000, amplitude=2000, seed=4)
    received[1234 : 1234 + len(reference)] += reference // 2
    found = align(reference, received)
    assert found.offset == 1234
    assert 0.7 < found.similarity < 1


def test_align_of_equal_audio_is_perfect() -> None:
    audio = noise(300, 8000)
    assert align(audio, audio).similarity == pytest.approx(1)


def test_places_follow_the_order_and_tell_what_is_missing() -> None:
    assert places([b"ab", b"xx", b"cd", b"ab"], b"..ab.cd") == [2, -1, 5, -1]


def test_wav_files_come_back_as_written(tmp_path: Path) -> None:
    audio = noise(100, 16000)
    write_wav(tmp_path / "a.wav", audio, 16000)
    samples, rate = read_wav(tmp_path / "a.wav")
    assert rate == 16000
    assert np.array_equal(samples, audio)


def test_speech_is_made_at_the_rate_asked_for() -> None:
    if not can_speak():
        pytest.skip("no espeak-ng or no sox")
    audio = speech("one two three", 8000)
    assert 4000 < len(audio) < 24000
    assert level(audio) > 300
