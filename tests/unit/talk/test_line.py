"""The audio between a page and a call, at their rates."""

from __future__ import annotations

import math
import struct
from typing import cast

import pytest

from mod_openai_realtime.standin import Call, Codec
from mod_openai_realtime.talk.line import CUSHION_MS, MAX_WAITING_MS, Line


class FakeCall:
    """Of the stand-in's call what a line uses; nothing is taken of what is fed."""

    def __init__(self, rate: int = 8000) -> None:
        self.codec = Codec(rate, rate, 20)
        self.fed = b""
        self.to_send = b""

    def feed_more(self, pcm: bytes) -> int:
        left = len(self.fed)
        self.fed += pcm
        return left

    def sent(self) -> bytes:
        taken, self.to_send = self.to_send, b""
        return taken


def line(call: FakeCall, page_rate: int) -> Line:
    return Line(cast(Call, call), page_rate)


def tone(rate: int, ms: int) -> bytes:
    return b"".join(struct.pack("<h", round(9000 * math.sin(6.283 * 400 * n / rate))) for n in range(rate * ms // 1000))


def loudest(pcm: bytes) -> int:
    return max(map(abs, struct.unpack(f"<{len(pcm) // 2}h", pcm)), default=0)


def test_the_microphone_is_heard_behind_a_cushion() -> None:
    call = FakeCall()
    line(call, 8000).hear(tone(8000, 20))
    assert call.fed == bytes(16 * CUSHION_MS) + tone(8000, 20)


def test_after_a_gap_there_is_a_cushion_again() -> None:
    call = FakeCall()
    heard = line(call, 8000)
    heard.hear(tone(8000, 20))
    call.fed = b""
    heard.hear(tone(8000, 20))
    assert len(call.fed) == 16 * (CUSHION_MS + 20)


def test_a_page_that_catches_up_leaves_no_delay_behind() -> None:
    call = FakeCall()
    heard = line(call, 8000)
    for _ in range(100):
        heard.hear(tone(8000, 20))
    assert len(call.fed) <= 16 * (MAX_WAITING_MS + 40)
    assert len(call.fed) + heard.dropped_bytes == 16 * (CUSHION_MS + 2000)


@pytest.mark.parametrize("page_rate", [8000, 48000, 96000])
def test_rates_are_converted_both_ways(page_rate: int) -> None:
    call = FakeCall()
    both = line(call, page_rate)
    call.to_send = tone(8000, 100)
    played = both.take()
    assert abs(len(played) - 2 * page_rate // 10) <= 2 * page_rate // 100 and 8000 < loudest(played) < 10000
    both.hear(tone(page_rate, 100))
    assert abs(len(call.fed) - 16 * (CUSHION_MS + 100)) <= 160 and 8000 < loudest(call.fed) < 10000
    assert both.take() == b""


@pytest.mark.parametrize("page_rate", [0, 7999, 44101, 192001])
def test_no_browser_has_such_a_rate(page_rate: int) -> None:
    with pytest.raises(ValueError, match="Hz"):
        line(FakeCall(), page_rate)
