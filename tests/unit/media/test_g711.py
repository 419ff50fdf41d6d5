"""G.711 against its definition: the decision values and code words of the tables in ITU-T G.711 (11/1988)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np
import pytest

from mod_openai_realtime._media import g711_decode, g711_encode
from mod_openai_realtime.local import g711 as endpoint

LAWS = {"pcmu": "mulaw", "pcma": "alaw"}
EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2")
EVERY_WORD = bytes(range(256))


def decision_values(law: str) -> list[int]:
    """Where the intervals of one sign begin, in 16 bits, and the virtual end of the last (tables 1a and 2a)."""
    # (intervals, their size): in 14 bits for mu-law, in 12 and a sign for A-law.
    if law == "pcmu":
        segments, scale = [(1, 1), (15, 2)] + [(16, 4 << n) for n in range(7)], 4
    else:
        segments, scale = [(32, 2)] + [(16, 4 << n) for n in range(6)], 8
    values = [0]
    for count, size in segments:
        for _ in range(count):
            values.append(values[-1] + size)
    assert values[-1] == {"pcmu": 8159, "pcma": 4096}[law]
    return [value * scale for value in values]


def word(law: str, interval: int, negative: bool) -> int:
    """The character signal of an interval (columns 6 of the tables; of A-law, with the even bits inverted)."""
    if law == "pcmu":
        return (0x7F if negative else 0xFF) - interval
    return (interval if negative else 0x80 | interval) ^ 0x55


@pytest.mark.parametrize("law", LAWS)
def test_every_sample_has_the_word_of_its_interval(law: str) -> None:
    begins = decision_values(law)[:-1]
    expected = bytearray()
    for sample in EVERY_SAMPLE.tolist():
        # On the border of two intervals: the upper one, but below zero in A-law the lower.
        find = bisect_left if law == "pcma" and sample < 0 else bisect_right
        expected.append(word(law, find(begins, abs(sample)) - 1, sample < 0))

    assert g711_encode(EVERY_SAMPLE.tobytes(), law) == bytes(expected)


@pytest.mark.parametrize("law", LAWS)
def test_every_word_is_the_middle_of_its_interval(law: str) -> None:
    values = decision_values(law)
    expected = np.zeros(256, "<i2")
    for interval in range(128):
        # The first of mu-law lies around zero (note to table 2a).
        centred = law == "pcmu" and interval == 0
        middle = 0 if centred else (values[interval] + values[interval + 1]) // 2
        expected[word(law, interval, False)] = middle
        expected[word(law, interval, True)] = -middle

    assert g711_decode(EVERY_WORD, law) == expected.tobytes()


@pytest.mark.parametrize("law", LAWS)
def test_the_local_endpoint_has_the_same_tables(law: str) -> None:
    assert g711_encode(EVERY_SAMPLE.tobytes(), law) == endpoint.encode(LAWS[law], EVERY_SAMPLE)
    assert g711_decode(EVERY_WORD, law) == endpoint.decode(LAWS[law], EVERY_WORD).tobytes()


@pytest.mark.parametrize("law", LAWS)
def test_words_survive_decoding_and_encoding(law: str) -> None:
    again = g711_encode(g711_decode(EVERY_WORD, law), law)

    # mu-law has two zeros, and one of them is used.
    lost = {at for at in range(256) if again[at] != at}
    assert lost == ({0x7F} if law == "pcmu" else set())


def test_silence_is_the_word_that_the_standard_has_for_it() -> None:
    assert g711_encode(bytes(8), "pcmu") == b"\xff" * 4
    assert g711_encode(bytes(8), "pcma") == b"\xd5" * 4


def test_unaligned_audio_and_no_audio_are_taken() -> None:
    pcm = EVERY_SAMPLE.tobytes()
    assert g711_encode(memoryview(b"x" + pcm)[1:], "pcmu") == g711_encode(pcm, "pcmu")
    assert g711_encode(b"", "pcmu") == g711_decode(b"", "pcma") == b""


def test_half_a_sample_and_other_laws_are_refused() -> None:
    with pytest.raises(ValueError, match="whole number of samples"):
        g711_encode(b"123", "pcmu")
    for law in ("pcm", "", b"pcmu", None):
        with pytest.raises(ValueError, match="pcmu"):
            g711_decode(b"1", law)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        g711_encode(b"12")  # type: ignore[call-arg]
