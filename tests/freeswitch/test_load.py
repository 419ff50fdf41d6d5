"""Many calls at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audio.alignment import missing
from audio.segments import sounding
from audio.tones import dominant_frequency, noise
from freeswitch import RealSwitch, StreamCommands
from sip import PCMU, Call, Caller
from sip.hearing import decoded, has_ended

from mod_openai_realtime.local.thread import LocalEndpointThread

CALLS = 60
TOLERATED = 0.02  # the share of the audio that a machine too busy to send each packet in time may lose


@pytest.mark.serial
@pytest.mark.usefixtures("engine")
def test_sixty_calls_hear_and_are_heard(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_calls: Callable[..., Caller],
    endpoint: LocalEndpointThread,
) -> None:
    caller = make_calls("park", CALLS)
    caller.wait_media()
    for call in caller.calls:
        streams(call).start(f"{endpoint.url}&call={call.uuid}", "mono 8000 24000")

    unheard = 0.0
    for call in caller.calls:
        heard = call.party.wait_heard(lambda audio: has_ended(audio, 8000))
        longest = max(sounding(heard, 8000), key=len)
        assert dominant_frequency(longest.of(heard), 8000) == pytest.approx(440, abs=8000 / len(longest))
        unheard += abs(1 - sum(map(len, sounding(heard, 8000))) / 8000)
    assert unheard <= TOLERATED * CALLS

    spoken = {
        call.uuid: decoded(PCMU, call.party.say(noise(1000, 8000, seed=number)))
        for number, call in enumerate(caller.calls)
    }
    for call in caller.calls:
        call.party.wait_said()
    ends = [frames[-1] for frames in spoken.values()]
    endpoint.wait_for(
        lambda server: all(_heard_end(record.received_audio(), ends) for record in server.connections), 30
    )
    lost = [
        (record.index, number)
        for record in endpoint.snapshot()
        for number in missing(spoken[record.path.rpartition("call=")[2]], record.received_audio())
    ]
    assert len(lost) <= TOLERATED * sum(map(len, spoken.values())), lost

    caller.hang_up()
    caller.wait_end()
    endpoint.wait_for(lambda server: all(record.closed for record in server.connections), 20)


def _heard_end(audio: bytes, ends: list[bytes]) -> bool:
    return any(end in audio for end in ends)
