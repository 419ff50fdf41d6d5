import numpy as np
import pytest

from mod_openai_realtime.local import g711

EVERY_WORD = bytes(range(256))


@pytest.mark.parametrize("law", ["mulaw", "alaw"])
def test_every_code_word_survives_decoding_and_encoding(law: str) -> None:
    decoded = g711.decode(law, EVERY_WORD)
    again = g711.decode(law, g711.encode(law, decoded))
    assert np.array_equal(decoded, again)  # mu-law has two words for zero


@pytest.mark.parametrize(
    ("law", "word", "sample"),
    [
        ("mulaw", 0xFF, 0),
        ("mulaw", 0x00, -32124),
        ("mulaw", 0x80, 32124),
        ("mulaw", 0xFE, 8),
        ("alaw", 0xD5, 8),
        ("alaw", 0x55, -8),
        ("alaw", 0xAA, 32256),
        ("alaw", 0x2A, -32256),
    ],
)
def test_known_code_words(law: str, word: int, sample: int) -> None:
    assert g711.decode(law, bytes([word]))[0] == sample
    assert g711.encode(law, np.array([sample], np.int16)) == bytes([word])


@pytest.mark.parametrize(("law", "bias"), [("mulaw", 132), ("alaw", 0)])
def test_no_sample_is_off_by_more_than_half_a_step(law: str, bias: int) -> None:
    samples = np.arange(-32768, 32768, dtype=np.int16)
    magnitude = np.abs(samples.astype(int))
    error = np.abs(g711.decode(law, g711.encode(law, samples)).astype(int) - samples)
    # Sixteen steps to each doubling, and none finer than 16 (A-law) or 8 (mu-law).
    assert np.all(error <= np.maximum((magnitude + bias) / 32, 8) + 0.5)
