"""The G.711 tables, against values of the standard's tables and the properties that it implies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from audio.g711 import Pcm16, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

ALL_CODES = bytes(range(256))


@pytest.mark.parametrize(
    ("code", "value"), [(0xFF, 0), (0x7F, 0), (0x80, 32124), (0x00, -32124), (0xFE, 8), (0x7E, -8), (0xEF, 132)]
)
def test_ulaw_decodes_the_standards_values(code: int, value: int) -> None:
    assert ulaw_decode(bytes([code]))[0] == value


@pytest.mark.parametrize(("code", "value"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0xC5, 264)])
def test_alaw_decodes_the_standards_values(code: int, value: int) -> None:
    assert alaw_decode(bytes([code]))[0] == value


def test_alaw_codes_survive_decoding_and_encoding() -> None:
    assert alaw_encode(alaw_decode(ALL_CODES)) == ALL_CODES


def test_ulaw_codes_survive_but_for_the_negative_zero() -> None:
    survived = ulaw_encode(ulaw_decode(ALL_CODES))
    assert [code for code in ALL_CODES if survived[code] != code] == [0x7F]
    assert survived[0x7F] == 0xFF


@pytest.mark.parametrize(("encode", "decode"), [(ulaw_encode, ulaw_decode), (alaw_encode, alaw_decode)])
def test_each_sample_becomes_the_nearest_value(
    encode: Callable[[Pcm16], bytes], decode: Callable[[bytes], Pcm16]
) -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    errors = np.abs(decode(encode(samples)).astype(np.int32) - samples)
    values = np.sort(decode(ALL_CODES).astype(np.int32))
    right = np.clip(np.searchsorted(values, samples), 1, 255)
    nearest = np.minimum(np.abs(values[right] - samples), np.abs(values[right - 1] - samples))
    assert np.array_equal(errors, nearest)
