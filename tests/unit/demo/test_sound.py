"""Where sound is, and whose it is."""

import numpy as np
import pytest

from mod_openai_realtime.demo.sound import Span, extent, likeness

NOISE = np.random.default_rng(1).integers(-9000, 9000, 4000).astype(np.int16)
OTHER = np.random.default_rng(2).integers(-9000, 9000, 4000).astype(np.int16)


def test_extent_is_from_the_first_to_the_last_sample_of_the_level() -> None:
    samples = np.array([0, 3, 500, 0, -500, 3, 0], np.int16)
    assert extent(samples) == Span(1, 6)
    assert extent(samples, level=400) == Span(2, 5)
    assert extent(samples, start=3, end=4) is None
    assert extent(samples, start=-5) == Span(1, 6)


def test_the_loudest_negative_sample_counts() -> None:
    assert extent(np.array([0, -32768], np.int16), level=400) == Span(1, 2)


def test_a_sound_is_like_itself_however_loud_and_late() -> None:
    late = np.concatenate([np.zeros(100, np.int16), NOISE // 2])
    like, shift = likeness(late, NOISE)
    assert like == pytest.approx(1.0, abs=1e-3)
    assert shift == 100
    assert likeness(NOISE, late)[1] == -100


def test_another_sound_is_not() -> None:
    assert likeness(OTHER, NOISE)[0] < 0.2


def test_samples_that_are_missing_in_the_middle_show() -> None:
    assert likeness(np.concatenate([NOISE[:1500], NOISE[2000:]]), NOISE)[0] < 0.9


def test_silence_is_like_nothing() -> None:
    assert likeness(np.zeros(10, np.int16), NOISE) == (0.0, 0)
    assert likeness(NOISE[:0], NOISE) == (0.0, 0)
