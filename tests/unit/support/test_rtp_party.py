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
