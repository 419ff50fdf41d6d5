"""Two parties that talk to each other directly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from audio.alignment import places
from audio.tones import noise
from sip import L16_16K, PCMU, MediaRoom


@pytest.fixture
def room() -> Iterator[MediaRoom]:
    with MediaRoom() as room:
        yield room


def test_what_one_says_the_other_receives_in_whole_packets(room: MediaRoom) -> None:
    speaker, listener = room.party(), room.party()
    said = speaker.say(noise(110, 8000))
    speaker.connect(listener.port)
    listener.wait_payload(said[-1])
    assert [len(payload) for payload in said] == [160] * 6
    assert places(said, listener.payload()) == [160 * n for n in range(6)]


def test_audio_is_laid_out_by_timestamp_and_decoded(room: MediaRoom) -> None:
    speaker, listener = room.party(L16_16K), room.party(L16_16K)
    spoken = noise(100, 16000)
    said = speaker.say(spoken)
    speaker.connect(listener.port)
    listener.wait_payload(said[-1])
    assert np.array_equal(listener.audio()[: len(spoken)], spoken)


def test_a_party_with_nothing_to_say_sends_silence(room: MediaRoom) -> None:
    speaker, listener = room.party(), room.party()
    speaker.connect(listener.port)
    listener.wait_total(3)
    assert set(listener.payload()) == {0xFF}


def test_lost_packets_show_as_silence(room: MediaRoom) -> None:
    speaker, listener = room.party(PCMU), room.party(PCMU)
    said = speaker.say(noise(100, 8000))
    speaker.connect(listener.port)
    listener.wait_payload(said[-1])
    del listener.received[2]
    audio = listener.audio()
    assert not audio[320:480].any()
    assert audio[:320].any()
    assert audio[480:640].any()


def test_waiting_for_what_does_not_come_fails(room: MediaRoom) -> None:
    with pytest.raises(TimeoutError, match="fewer than 1 packets"):
        room.party().wait_packets(1, timeout=0.01)


def test_keys_are_events_of_one_timestamp_each_and_time_goes_on(room: MediaRoom) -> None:
    speaker, listener = room.party(), room.party()
    speaker.press("1#")
    last = speaker.say(noise(20, 8000))[-1]
    speaker.connect(listener.port)
    listener.wait_payload(last)
    keys = [packet for packet in listener.received if packet.payload_type == 101]
    assert [packet.payload[0] for packet in keys] == [1] * 8 + [11] * 8
    assert [packet.marker for packet in keys] == ([True] + [False] * 7) * 2
    assert [packet.payload[1] >> 7 for packet in keys] == [0, 0, 0, 0, 0, 1, 1, 1] * 2
    starts = [packet.timestamp for packet in keys]
    assert len(set(starts)) == 2 and (starts[8] - starts[0]) % (1 << 32) == 160 * 11
    assert (listener.received[-1].timestamp - starts[0]) % (1 << 32) >= 160 * 22


def test_no_telephone_has_such_a_key(room: MediaRoom) -> None:
    with pytest.raises(ValueError, match="'x' is no key"):
        room.party().press("1x")
