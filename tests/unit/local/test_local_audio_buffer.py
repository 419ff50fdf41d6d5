import pytest

from mod_openai_realtime.local.audio_buffer import InputAudioBuffer
from mod_openai_realtime.local.errors import RequestError
from mod_openai_realtime.local.formats import PCM, PCMU


def test_a_sample_split_over_two_appends_is_joined() -> None:
    buffer = InputAudioBuffer(PCM)
    assert buffer.append(b"\x01\x02\x03") == b"\x01\x02"
    assert buffer.append(b"\x04\x05\x06") == b"\x03\x04\x05\x06"


def test_less_than_100_ms_can_not_be_committed_and_stays() -> None:
    buffer = InputAudioBuffer(PCMU)
    buffer.append(bytes(799))
    with pytest.raises(RequestError) as caught:
        buffer.take()
    assert caught.value.code == "input_audio_buffer_commit_empty"
    buffer.append(bytes(1))
    assert len(buffer.take()) == 800
    assert buffer.held_ms == 0


def test_positions_go_on_over_commit_and_clear() -> None:
    buffer = InputAudioBuffer(PCMU)
    buffer.append(bytes(800))
    buffer.take()
    buffer.append(bytes(800))
    buffer.clear()
    assert buffer.end_ms == 200


def test_only_audio_after_the_start_is_taken() -> None:
    buffer = InputAudioBuffer(PCMU)
    buffer.append(b"a" * 800 + b"b" * 800)
    assert buffer.take(start_ms=150) == b"b" * 400


def test_beyond_the_limit_the_oldest_goes_and_is_counted() -> None:
    buffer = InputAudioBuffer(PCMU, limit_ms=200)
    buffer.append(b"a" * 800 + b"b" * 1600)
    assert buffer.dropped_ms == 100
    assert buffer.take() == b"b" * 1600


def test_audio_that_is_only_counted_still_makes_a_commit() -> None:
    buffer = InputAudioBuffer(PCM, keep=False)
    buffer.append(bytes(48 * 100))
    assert buffer.held_ms == 100
    assert buffer.take() == b""


def test_a_change_of_format_drops_what_is_held() -> None:
    buffer = InputAudioBuffer(PCMU)
    buffer.append(bytes(800))
    buffer.change_format(PCM)
    assert (buffer.held_ms, buffer.end_ms) == (0, 100)
