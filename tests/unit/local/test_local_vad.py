import asyncio
from typing import Any

import numpy as np
import pytest

from mod_openai_realtime.local.settings import TurnDetection
from mod_openai_realtime.local.speech_batch import SpeechBatch
from mod_openai_realtime.local.vad import (
    FRAME_MS,
    Decimator,
    SileroModel,
    SpeechDetector,
    SpeechStarted,
    SpeechStopped,
    silero,
)
from mod_openai_realtime.local.voice import hibari

SETTINGS = TurnDetection(0.5, 300, 500, True, True, None)


class Scripted:
    """Gives these probabilities, frame for frame."""

    def __init__(self, *probabilities: float) -> None:
        self._given = iter(probabilities)

    def start(self) -> None:
        return None

    def probability(self, state: Any, frame: Any) -> tuple[float, Any]:
        return next(self._given), state


def frames(count: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.zeros(256 * count, np.int16)


def test_speech_starts_at_its_first_frame_less_the_padding() -> None:
    detector = SpeechDetector(Scripted(*[0] * 20, 0.6, 0.6), SETTINGS, 8000)
    assert detector.feed(frames(22)) == [SpeechStarted(20 * FRAME_MS - 300)]


def test_the_padding_never_reaches_before_the_first_audio() -> None:
    detector = SpeechDetector(Scripted(0.6, 0.6), SETTINGS, 8000)
    assert detector.feed(frames(2)) == [SpeechStarted(0)]


def test_a_click_of_one_frame_is_no_speech() -> None:
    detector = SpeechDetector(Scripted(0.9, 0.1, 0.9, 0.1), SETTINGS, 8000)
    assert detector.feed(frames(4)) == []


def test_speech_stops_after_unbroken_silence_only() -> None:
    silence = [0.1] * 16
    detector = SpeechDetector(Scripted(0.9, 0.9, *silence[1:], 0.4, *silence), SETTINGS, 8000)
    assert detector.feed(frames(18))[1:] == []
    assert detector.feed(frames(16)) == [SpeechStopped(34 * FRAME_MS)]


def test_frames_need_not_come_whole() -> None:
    detector = SpeechDetector(Scripted(0.9, 0.9), SETTINGS, 8000)
    found = [change for part in np.array_split(frames(2), 7) for change in detector.feed(part)]
    assert found == [SpeechStarted(0)]


def test_decimation_keeps_speech_and_removes_what_would_alias() -> None:
    at = np.arange(24000) / 24000

    def level(hz: int) -> float:
        decimated = Decimator().feed(np.sin(2 * np.pi * hz * at).astype(np.float32))
        return float(np.sqrt(np.mean(decimated[100:] ** 2)) * np.sqrt(2))

    assert level(1000) == pytest.approx(1.0, abs=0.01)
    assert level(6000) < 0.01


def test_decimation_in_parts_is_the_same_as_in_one() -> None:
    samples = np.random.default_rng(1).normal(size=5000).astype(np.float32)
    parts = Decimator()
    joined = np.concatenate([parts.feed(part) for part in np.array_split(samples, 37)])
    assert np.allclose(joined, Decimator().feed(samples), atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 24000])
async def test_the_network_finds_synthesized_speech_and_its_end(rate: int) -> None:
    speech = await hibari().speak("I would like to book a table for two people, please.", rate)
    silence = np.zeros(rate, np.int16)
    found = SpeechDetector(silero(), SETTINGS, rate).feed(np.concatenate([silence, speech, silence]))
    assert [type(change) for change in found] == [SpeechStarted, SpeechStopped]
    started, stopped = found
    assert isinstance(started, SpeechStarted) and isinstance(stopped, SpeechStopped)
    assert 700 <= started.start_ms <= 1200
    assert abs(stopped.end_ms - (1000 + len(speech) * 1000 / rate + 500)) < 400


def test_the_network_takes_a_ringing_tone_for_silence() -> None:
    at = np.arange(8000 * 3) / 8000
    tone = (8000 * (np.sin(2 * np.pi * 440 * at) + np.sin(2 * np.pi * 480 * at))).astype(np.int16)
    assert SpeechDetector(silero(), SETTINGS, 8000).feed(tone) == []


async def test_frames_of_several_sessions_are_judged_together_and_as_each_alone() -> None:
    speech = await hibari().speak("I would like to book a table for two people, please.", 8000)
    silence = np.zeros(8000, np.int16)
    sounds = [np.concatenate([silence[: 2000 * index], speech, silence]) for index in range(3)]
    alone = [SpeechDetector(silero(), SETTINGS, 8000).feed(sound) for sound in sounds]
    runs: list[int] = []

    class Counting:
        def probabilities(self, states: list[Any], frames: list[Any]) -> list[tuple[float, Any]]:
            runs.append(len(frames))
            return silero().probabilities(states, frames)

    batch = SpeechBatch(Counting())
    detectors = [SpeechDetector(silero(), SETTINGS, 8000) for _ in sounds]
    together = await asyncio.gather(
        *(each.feed_to(batch, sound) for each, sound in zip(detectors, sounds, strict=True))
    )
    assert together == alone
    assert max(runs) == len(sounds)


async def test_a_network_that_fails_fails_those_who_asked() -> None:
    class Broken:
        def probabilities(self, states: list[Any], frames: list[Any]) -> list[tuple[float, Any]]:
            raise RuntimeError("out of memory")

    batch = SpeechBatch(Broken())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of memory"):
            await batch.probability(None, frames(1))


def test_a_quiet_line_costs_nothing_and_speech_after_it_is_found() -> None:
    asked = 0

    class Counting(SileroModel):
        def __init__(self) -> None:
            super().__init__()
            network, self._network = self._network, self

            def run(*arguments: Any) -> Any:
                nonlocal asked
                asked += 1
                return network.run(*arguments)

            self.run = run

    detector = SpeechDetector(Counting(), SETTINGS, 8000)
    assert detector.feed(frames(1000)) == []
    assert asked <= 40
    speech = hibari().speak_now("I would like to book a table for two people, please.", 8000)
    assert [type(change) for change in detector.feed(speech)][:1] == [SpeechStarted]


def test_a_frame_that_the_network_is_late_with_counts_for_the_silence() -> None:
    loud, faint = np.full(256, 8000, np.int16), np.full(256, 80, np.int16)
    late = [0.9] * 3
    stops = []
    for tail in (loud, faint):
        detector = SpeechDetector(Scripted(0.9, 0.9, *late, *[0.1] * 16), SETTINGS, 8000)
        detector.feed(np.concatenate([loud, loud, *[tail] * len(late)]))
        silences = 0
        while not detector.feed(faint):
            silences += 1
        stops.append(silences)
    assert stops == [15, 14]
