"""What the caller's side sounds like, beside the capture."""

from __future__ import annotations

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.tones import noise, silence, tone

from mod_openai_realtime._media import StreamMemory, SwitchSide, look_back, voice
from mod_openai_realtime.audio.caller_voice import CallerVoice, VoiceFrame


class Line:
    def __init__(self, rate: int = 8000, channels: int = 1) -> None:
        self.switch = SwitchSide(slot_payload_bytes=3840)
        self.memory = StreamMemory(self.switch.fd)
        self.voice = CallerVoice(self.memory)
        self.rate, self.channels = rate, channels

    def says(self, samples: Pcm16) -> None:
        size = self.rate // 50 * self.channels
        for at in range(0, len(samples) - size + 1, size):
            self.switch.capture(samples[at : at + size].astype("<i2").tobytes(), self.rate, self.channels)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_tone_is_as_loud_and_as_high_as_it_is(rate: int) -> None:
    line = Line(rate)
    line.says(tone(200, 200, rate, amplitude=16384))
    frame = line.voice.frames()[5]
    assert frame.level_db == pytest.approx(-9.0, abs=0.3)
    assert frame.periodicity > 0.98 and frame.period in (40, 80, 120)


def test_noise_has_no_period() -> None:
    line = Line()
    line.says(noise(1000, 8000))
    assert max(frame.periodicity for frame in line.voice.frames()) < 0.5


def test_silence_is_quiet() -> None:
    line = Line()
    line.says(silence(100, 8000))
    assert set(line.voice.frames()) == {VoiceFrame(-100.0, 0.0, 0)}


def test_frames_come_once_and_nothing_is_taken_from_the_capture() -> None:
    line = Line()
    line.says(noise(100, 8000))
    assert len(line.voice.frames()) == 5 and line.voice.frames() == []
    line.says(noise(60, 8000))
    assert len(line.voice.frames()) == 3
    line.says(noise(60, 8000))
    line.voice.skip()
    assert line.voice.frames() == []
    assert len(line.voice.look_back(6)) == 11
    assert line.memory.capture_dropped == 0


@pytest.mark.parametrize("rate", [8000, 16000])
def test_nothing_is_left_of_what_was_skipped(rate: int) -> None:
    skipping, fresh = Line(rate), Line(rate)
    skipping.says(noise(40, rate))
    skipping.switch.capture(noise(10, rate).astype("<i2").tobytes(), rate, 1)  # less than a frame at RATE
    skipping.voice.frames()
    skipping.voice.skip()
    for line in (skipping, fresh):
        line.says(tone(300, 100, rate))
    assert skipping.voice.frames() == fresh.voice.frames()


def test_only_what_is_still_there_is_seen() -> None:
    line = Line()
    line.says(noise(2000, 8000))
    assert len(line.voice.look_back(6)) == 64


def test_of_what_came_long_before_only_the_level_is_known() -> None:
    line = Line()
    line.says(tone(200, 400, 8000))
    frames = line.voice.look_back(6)
    assert [frame.period > 0 for frame in frames] == [False] * 14 + [True] * 6
    assert {round(frame.level_db) for frame in frames} == {-15}


def test_of_two_channels_the_caller_is_the_left() -> None:
    line = Line(channels=2)
    both = np.stack([tone(200, 200, 8000), silence(200, 8000)], axis=1).reshape(-1)
    line.says(both)
    assert line.voice.frames()[5].level_db > -20


def test_a_change_of_codec_in_mid_call_is_followed() -> None:
    line = Line()
    line.says(tone(200, 100, 8000))
    line.rate = 16000
    line.says(tone(200, 100, 16000))
    assert len(line.voice.frames()) >= 9


def test_a_stream_without_capture_has_nothing() -> None:
    switch = SwitchSide(capture_slots=1)
    memory = StreamMemory(switch.fd)
    assert CallerVoice(memory).look_back(6) == []
    memory.close()
    assert look_back(memory, 0) == (0, [])


def test_bad_arguments() -> None:
    with pytest.raises(TypeError):
        look_back("x", 0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="20 or 40 ms"):
        voice(b"\0" * 318)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_what_is_looked_back_on_twice_sounds_the_same_twice(rate: int) -> None:
    line = Line(rate)
    loud = noise(30, rate)
    for part in (loud[: rate // 50], loud[rate // 50 :]):  # the last is half a frame
        line.switch.capture(part.astype("<i2").tobytes(), rate, 1)
    once = line.voice.look_back(6)
    assert line.voice.look_back(6) == once


@pytest.mark.parametrize("rate", [8000, 16000])
def test_what_was_skipped_is_not_heard_in_what_comes(rate: int) -> None:
    line = Line(rate)
    line.switch.capture(noise(10, rate).astype("<i2").tobytes(), rate, 1)
    assert line.voice.frames() == []
    line.voice.skip()
    line.says(silence(40, rate))
    assert set(line.voice.frames()) == {VoiceFrame(-100.0, 0.0, 0)}


def test_half_a_frame_of_one_rate_is_not_joined_to_what_comes_at_another() -> None:
    line = Line(8000)
    line.switch.capture(noise(10, 8000).astype("<i2").tobytes(), 8000, 1)
    assert line.voice.frames() == []
    line.rate = 16000
    line.says(silence(60, 16000))
    assert {frame.level_db for frame in line.voice.frames()} == {-100.0}
