"""Capture: messages of a fixed length, bit for bit where no resampling happens."""

import os
from array import array

import pytest

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.stream.capture import Capture


def bench(**settings: int) -> tuple[SwitchSide, Capture]:
    switch = SwitchSide()
    options = {"send_rate": 8000, "channels": 1, "message_ms": 20} | settings
    return switch, Capture(StreamMemory(switch.fd), **options)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40])
@pytest.mark.parametrize("message_ms", [20, 100])
def test_messages_are_of_one_length_whatever_the_ptime(ptime_ms: int, message_ms: int) -> None:
    switch, capture = bench(message_ms=message_ms)
    sent = os.urandom(16 * 1200)
    step = 16 * ptime_ms
    messages: list[bytes] = []
    for at in range(0, len(sent), step):
        switch.capture(sent[at : at + step], 8000)
        messages += capture.messages()
    assert {len(message) for message in messages} == {16 * message_ms}
    assert b"".join(messages) == sent


def test_a_flush_gives_the_rest() -> None:
    switch, capture = bench(message_ms=100)
    switch.capture(b"ab" * 160, 8000)
    assert capture.messages() == []
    assert capture.flush() == [b"ab" * 160]
    assert capture.flush() == []


def test_what_is_skipped_is_never_sent() -> None:
    switch, capture = bench(message_ms=100)
    switch.capture(b"ab" * 160, 8000)
    capture.messages()
    switch.capture(b"cd" * 160, 8000)
    capture.skip()
    for _ in range(5):
        switch.capture(b"ef" * 160, 8000)
    assert capture.messages() == [b"ef" * 800]


def test_eight_kilohertz_at_twentyfour_is_twenty_ms_for_twenty_ms() -> None:
    switch, capture = bench(send_rate=24000)
    for _ in range(10):
        switch.capture(bytes(320), 8000)
        assert [len(message) for message in capture.messages()] == [960]


def test_a_codec_change_goes_on_at_the_send_rate() -> None:
    switch, capture = bench(send_rate=16000)
    switch.capture(bytes(320), 8000)
    switch.capture(os.urandom(640), 16000)
    switch.capture(bytes(320), 8000)
    assert [len(message) for message in capture.messages()] == [640] * 3


def test_a_stereo_codec_becomes_the_mean_in_a_mono_stream() -> None:
    switch, capture = bench()
    switch.capture(array("h", [100, 300] * 160).tobytes(), 8000, 2)
    assert capture.messages() == [array("h", [200] * 160).tobytes()]


def test_stereo_stays_interleaved() -> None:
    switch, capture = bench(channels=2)
    pcm = array("h", [1, 2] * 160).tobytes()
    switch.capture(pcm, 8000, 2)
    assert capture.messages() == [pcm]


def test_silence_is_of_the_length_asked_for() -> None:
    _, capture = bench(send_rate=24000)
    silence = capture.silence(1000)
    assert len(silence) == 50 and b"".join(silence) == bytes(48000)


def test_lost_slots_are_counted() -> None:
    switch, capture = bench()
    for _ in range(70):
        switch.capture(bytes(320), 8000)
    capture.messages()
    assert capture.lost_slots == 6
