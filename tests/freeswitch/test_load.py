"""Many calls at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audio.alignment import missing
from audio.tones import noise
from freeswitch import RealSwitch, StreamCommands
from sip import PCMU, Call, Caller
from sip.hearing import decoded, has_ended, the_tone

from mod_openai_realtime.local.thread import LocalEndpointThread

CALLS = 60


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

    for call in caller.calls:
        frequency, segment = the_tone(call.party.wait_heard(lambda audio: has_ended(audio, 8000)), 8000)
        assert frequency == pytest.approx(440, abs=1)
        assert len(segment) / 8000 == pytest.approx(1.0, abs=0.004)

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
    for record in endpoint.snapshot():
        frames = spoken[record.path.rpartition("call=")[2]]
        assert missing(frames, record.received_audio()) == []

    caller.hang_up()
    caller.wait_end()
    endpoint.wait_for(lambda server: all(record.closed for record in server.connections), 20)


def _heard_end(audio: bytes, ends: list[bytes]) -> bool:
    return any(end in audio for end in ends)
