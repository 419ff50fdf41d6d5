"""Capture: messages of a fixed length, bit for bit where no resampling happens."""

import os
from array import array

import pytest

from mod_openai_realtime._media import Packetizer, StreamMemory, SwitchSide, g711_decode, g711_encode
from mod_openai_realtime.audio.audio_format import AudioFormat, Encoding
from mod_openai_realtime.audio.capture import MAX_HELD_MS, Capture
from mod_openai_realtime.audio.resampling import make_resampler


def bench(**settings: int) -> tuple[SwitchSide, Capture]:
    switch = SwitchSide()
    options = {"send_rate": 8000, "channels": 1, "message_ms": 20} | settings
    return switch, Capture(Packetizer(StreamMemory(switch.fd)), **options)


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


def test_frames_of_another_rate_are_one_signal() -> None:
    switch, capture = bench(send_rate=16000)
    said = os.urandom(320 * 10)
    messages: list[bytes] = []
    for at in range(0, len(said), 320):
        switch.capture(said[at : at + 320], 8000)
        messages += capture.messages()
    resampler = make_resampler(8000, 16000)
    assert resampler is not None
    assert b"".join(messages) == resampler.process(said)


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


def test_as_much_is_held_each_time() -> None:
    switch, capture = bench()
    for _ in range(2):
        said = [os.urandom(320) for _ in range(75)]
        for frame in said:
            switch.capture(frame, 8000)
            capture.hold()
        assert capture.messages() == said


def test_nothing_of_what_is_skipped_sounds_on_in_what_comes_after_it() -> None:
    (switch, capture), (other, fresh) = bench(send_rate=24000), bench(send_rate=24000)
    switch.capture(array("h", [30000] * 160).tobytes(), 8000)
    capture.messages()
    capture.skip()
    for side in (switch, other):
        side.capture(array("h", range(160)).tobytes(), 8000)
    assert capture.messages() == fresh.messages()


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


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_g711_is_one_byte_a_sample_of_the_same_audio(law: str) -> None:
    switch, capture = bench(message_ms=40)
    capture.set_format(AudioFormat(Encoding(law), 8000))
    sent = os.urandom(16 * 80)
    switch.capture(sent, 8000)
    assert capture.messages() == [g711_encode(sent[at : at + 640], law) for at in (0, 640)]
    switch.capture(sent[:320], 8000)
    assert capture.flush() == [g711_encode(sent[:320], law)]
    assert capture.silence(1000) == [g711_encode(bytes(640), law)] * 25


def test_a_change_of_format_loses_nothing_of_the_message_under_way() -> None:
    switch, capture = bench(send_rate=24000, message_ms=100)
    level = array("h", [4000] * 160).tobytes()
    for _ in range(3):
        switch.capture(level, 8000)
    assert capture.messages() == []
    capture.set_format(AudioFormat(Encoding.PCMU, 8000))
    for _ in range(2):
        switch.capture(level, 8000)
    (message,) = capture.messages()
    assert len(message) == 800
    middle = array("h", g711_decode(message, "pcmu"))[40:440]
    assert all(abs(sample - 4000) < 200 for sample in middle)


def test_held_audio_comes_first_and_its_oldest_goes_when_it_is_too_much() -> None:
    switch, capture = bench()
    frames = [bytes([n, n]) * 160 for n in range(130)]
    held = [capture.hold() for frame in frames[:129] if switch.capture(frame, 8000) is None]
    assert held == list(range(20, 2600, 20))
    switch.capture(frames[129], 8000)
    assert capture.messages() == frames[129 - MAX_HELD_MS // 20 :]
    switch.capture(frames[0], 8000)
    assert capture.messages() == [frames[0]]


def test_what_is_held_is_skipped_like_the_rest() -> None:
    switch, capture = bench()
    switch.capture(b"ab" * 160, 8000)
    capture.hold()
    capture.skip()
    switch.capture(b"cd" * 160, 8000)
    assert capture.hold() == 20
    assert capture.messages() == [b"cd" * 160]
