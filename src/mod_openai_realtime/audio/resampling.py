"""Resamplers between the channel's rate and the stream's.

The filter is a low-pass of the windowed-sinc kind with a Kaiser window (J. F. Kaiser, 1974): for a stopband of A dB and
a transition of dw radians a sample, beta = 0.1102 (A - 8.7) and length - 1 = (A - 8) / (2.285 dw).
"""

from __future__ import annotations

import math
from array import array
from functools import lru_cache

from .._media import Resampler, is_sound_rate

STOPBAND_DB = 76.0  # with these edges 48 coefficients a phase where the rate goes up: see resampler.c
# Of the lower rate's Nyquist frequency: flat up to 0.85 (3.4 kHz at 8 kHz, the telephone band), silent from 1.05 on.
PASS_EDGE, STOP_EDGE = 0.85, 1.05
TAPS_MULTIPLE = 16
COEFFICIENT_ONE = 1 << 14  # Q14, as resampler.c has it
MAX_RATIO = 640  # as resampler.c has it


def make_resampler(from_rate: int, to_rate: int, *, channels: int = 1, aligned: bool = False) -> Resampler | None:
    """A resampler from `from_rate` to `to_rate` Hz, or None where they are equal and samples pass as they are.

    `aligned`: the filter's delay (about 3 ms) is dropped at the start and its tail flushed at the end, so that output
    sample n lies at n * from_rate / to_rate of the input exactly. Otherwise output comes as early as it can.

    Raises ValueError for a rate that no channel can have.
    """
    if from_rate == to_rate:
        return None
    for rate in (from_rate, to_rate):
        if not is_sound_rate(rate):
            raise ValueError(f"no filter is made for {rate} Hz")  # it could take minutes
    return make_odd_resampler(from_rate, to_rate, channels=channels, aligned=aligned)


def make_odd_resampler(from_rate: int, to_rate: int, *, channels: int = 1, aligned: bool = False) -> Resampler | None:
    """As make_resampler, at any rates: of files and of browsers. Blocking: a filter between odd ones takes seconds to
    make, the first time.

    Raises ValueError where their ratio is no filter's: 11,025 Hz to 48 kHz is 640 to 147, 44.1 kHz to 8 kHz 80 to 441.
    """
    if from_rate == to_rate:
        return None
    divisor = math.gcd(from_rate, to_rate)
    up, down = to_rate // divisor, from_rate // divisor
    if max(up, down) > MAX_RATIO:
        raise ValueError(f"no filter is made from {from_rate} to {to_rate} Hz")
    bank, delay = design(up, down)
    return Resampler(up, down, bank, channels, delay if aligned else 0)


@lru_cache(maxsize=64)
def design(up: int, down: int) -> tuple[bytes, int]:
    """The polyphase bank of `up`/`down` (int16 Q14, `up` phases, oldest sample first); its delay in output samples."""
    nyquist = 0.5 / max(up, down)  # cycles per sample at the common rate
    cutoff = nyquist * (PASS_EDGE + STOP_EDGE) / 2
    transition = 2 * math.pi * nyquist * (STOP_EDGE - PASS_EDGE)
    length = (STOPBAND_DB - 8) / (2.285 * transition)
    # The delay is a whole number of output samples and the filter a whole number of inputs long.
    half = math.ceil(length / 2 / math.lcm(up, down)) * math.lcm(up, down)
    beta = 0.1102 * (STOPBAND_DB - 8.7)
    taps = [_kaiser(n, half, beta) * _sinc(n, cutoff) for n in range(-half, half)]
    per_phase = 2 * half // up
    # Silent coefficients before the oldest sample: the inner loop of resampler.c takes TAPS_MULTIPLE at a time.
    padding = array("h", [0] * (-per_phase % TAPS_MULTIPLE))
    bank = array("h")
    for phase in range(up):
        coefficients = taps[phase::up]
        gain = COEFFICIENT_ONE / math.fsum(coefficients)  # every phase passes DC unchanged: no tone at the phase rate
        quantised = [round(value * gain) for value in coefficients]
        largest = max(range(per_phase), key=lambda i: abs(quantised[i]))
        quantised[largest] += COEFFICIENT_ONE - sum(quantised)
        bank.extend(padding)
        bank.extend(reversed(quantised))
    return bank.tobytes(), half // down


def _sinc(n: int, cutoff: float) -> float:
    return 2 * cutoff if n == 0 else math.sin(2 * math.pi * cutoff * n) / (math.pi * n)


def _kaiser(n: int, half: int, beta: float) -> float:
    return _bessel_i0(beta * math.sqrt(1 - (n / half) ** 2)) / _bessel_i0(beta)


def _bessel_i0(x: float) -> float:
    """Modified Bessel function of the first kind and order zero, by its power series."""
    total = term = 1.0
    k = 1
    while term > 1e-12 * total:
        term *= (x / 2 / k) ** 2
        total += term
        k += 1
    return total
