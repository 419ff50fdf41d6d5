"""The resampler: pitch, level, alignment, and as much out as in."""

import itertools
import math
from array import array

import pytest

from mod_openai_realtime.audio.resampling import design, make_resampler

RATES = [8000, 16000, 24000, 32000, 48000]
PAIRS = [(a, b) for a in RATES for b in RATES if a != b]


def sine(hertz: float, rate: int, samples: int, level: float = 10000) -> bytes:
    return array("h", [round(level * math.sin(2 * math.pi * hertz * n / rate)) for n in range(samples)]).tobytes()


def power(pcm: array, hertz: float, rate: int) -> float:
    """Power of the part of `pcm` at `hertz` (Goertzel's filter as a plain correlation)."""
    re = sum(x * math.cos(2 * math.pi * hertz * n / rate) for n, x in enumerate(pcm))
    im = sum(x * math.sin(2 * math.pi * hertz * n / rate) for n, x in enumerate(pcm))
    return 2 * (re * re + im * im) / len(pcm) ** 2


def test_equal_rates_need_none() -> None:
    assert make_resampler(8000, 8000) is None


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_twenty_ms_in_give_twenty_ms_out(source: int, target: int) -> None:
    resampler = make_resampler(source, target)
    assert resampler is not None
    for _ in range(5):
        assert len(resampler.process(bytes(2 * source // 50))) == 2 * target // 50


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_tone_keeps_pitch_level_and_place(source: int, target: int) -> None:
    resampler = make_resampler(source, target, aligned=True)
    assert resampler is not None
    pcm = sine(1000, source, source // 5)
    out = b"".join(resampler.process(pcm[at : at + 200]) for at in range(0, len(pcm), 200)) + resampler.flush()
    assert len(out) == 2 * target // 5
    got = array("h", out)
    wanted = array("h", sine(1000, target, target // 5))
    inner = range(target // 50, len(wanted) - target // 50)
    error = sum((got[n] - wanted[n]) ** 2 for n in inner) / len(inner)
    signal = sum(wanted[n] ** 2 for n in inner) / len(inner)
    assert 10 * math.log10(signal / max(error, 1e-9)) > 60


@pytest.mark.parametrize(("source", "target"), [(8000, 24000), (24000, 8000), (48000, 8000), (8000, 48000)])
def test_images_and_aliases_are_sixty_db_down(source: int, target: int) -> None:
    resampler = make_resampler(source, target)
    assert resampler is not None
    if source < target:
        hertz, ghost = 3000.0, 5000.0  # the image around the low rate
    else:
        hertz, ghost = 5000.0, 3000.0  # would fold to there
    out = array("h", resampler.process(sine(hertz, source, source // 2, 16000)))[target // 50 :]
    out = out[: len(out) // target * target or target // 4]
    reference = 16000**2 / 2 if source > target else power(out, hertz, target)
    assert 10 * math.log10(max(power(out, ghost, target), 1e-9) / reference) < -60


def test_a_flush_starts_a_new_signal() -> None:
    resampler = make_resampler(24000, 8000, aligned=True)
    assert resampler is not None
    pcm = sine(700, 24000, 4800)
    first = resampler.process(pcm) + resampler.flush()
    again = resampler.process(pcm) + resampler.flush()
    assert first == again and len(first) == 3200


def test_two_channels_do_not_mix() -> None:
    resampler = make_resampler(8000, 24000, channels=2)
    assert resampler is not None
    left = array("h", sine(500, 8000, 800))
    both = array("h", [value for pair in zip(left, [0] * 800, strict=True) for value in pair])
    out = array("h", resampler.process(both.tobytes()))
    mono = make_resampler(8000, 24000)
    assert mono is not None
    assert out[::2] == array("h", mono.process(left.tobytes()))
    assert not any(out[1::2])


def test_full_scale_saturates_instead_of_wrapping() -> None:
    resampler = make_resampler(8000, 24000)
    assert resampler is not None
    square = array("h", ([32767] * 8 + [-32768] * 8) * 50)
    out = array("h", resampler.process(square.tobytes()))
    steps = [abs(b - a) for a, b in itertools.pairwise(out)]
    assert max(out) == 32767 and min(out) == -32768
    assert max(steps) < 60000


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_no_sum_of_the_filter_can_overflow(source: int, target: int) -> None:
    divisor = math.gcd(source, target)
    bank, _ = design(target // divisor, source // divisor)
    taps = array("h", bank)
    per_phase = len(taps) * divisor // target
    for phase in range(0, len(taps), per_phase):
        coefficients = taps[phase : phase + per_phase]
        assert sum(coefficients) == 1 << 14
        assert sum(map(abs, coefficients)) < 4 << 14


@pytest.mark.parametrize("rate", [0, 7000, 8001, 49_000, 96_000, 1 << 40])
def test_no_filter_is_made_for_a_rate_that_no_channel_has(rate: int) -> None:
    """That of 8001 Hz would be 64 million coefficients long, and take minutes."""
    for rates in ((rate, 24_000), (24_000, rate)):
        with pytest.raises(ValueError, match="no filter is made"):
            make_resampler(*rates)
