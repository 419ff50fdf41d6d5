"""Many calls at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from audio.alignment import align
from audio.segments import sounding
from audio.tones import dominant_frequency, noise
from freeswitch import RealSwitch, StreamCommands
from sip import Call, Caller
from sip.hearing import has_ended

from mod_openai_realtime.audio.resampling import make_resampler
from mod_openai_realtime.local.thread import LocalEndpointThread

CALLS = 60
PACKET = 160  # samples
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

    spoken = {call.uuid: noise(1000, 8000, seed=number) for number, call in enumerate(caller.calls)}
    for call in caller.calls:
        call.party.say(spoken[call.uuid])
    for call in caller.calls:
        call.party.wait_said()
    caller.calls[-1].party.wait_packets(25)
    # The endpoint states 24 kHz, and so that is what it gets.
    lost = 0
    for record in endpoint.snapshot():
        received = make_resampler(24000, 8000).process(record.received_audio())
        said = spoken[record.path.rpartition("call=")[2]].reshape(-1, PACKET)
        lost += sum(align(packet, np.frombuffer(received, np.int16)).similarity < 0.75 for packet in said)
    assert lost <= TOLERATED * CALLS * 8000 / PACKET

    caller.hang_up()
    caller.wait_end()
    endpoint.wait_for(lambda server: all(record.closed for record in server.connections), 20)
