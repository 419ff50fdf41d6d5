"""STREAM_AUDIO_FORMAT=auto: G.711 of the telephone network reaches the server as it came."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audio.alignment import missing
from audio.tones import noise
from freeswitch import RealSwitch, StreamCommands
from sip import PCMA, PCMU, Call, MediaFormat

from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = pytest.mark.usefixtures("engine")


@pytest.mark.parametrize("media_format", [PCMU, PCMA], ids=lambda each: each.name)
def test_the_callers_packets_arrive_byte_for_byte(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    make_endpoint: Callable[..., LocalEndpointThread],
    media_format: MediaFormat,
) -> None:
    endpoint = make_endpoint()
    call = make_call("park", media_format)
    switch.api(f"uuid_setvar {call.uuid} STREAM_AUDIO_FORMAT auto")
    streams(call).start(endpoint.url, "mono")
    endpoint.wait_for(lambda server: server.connections[0].received_audio(), 20)
    packets = call.party.say(noise(1500, 8000))
    endpoint.wait_for(lambda server: packets[-1] in server.connections[0].received_audio(), 20)
    (record,) = endpoint.snapshot()
    assert missing(packets, record.received_audio()) == []
    (update,) = record.received_events("session.update")
    wanted = {"format": {"type": f"audio/{media_format.name.lower()}"}}
    assert update["session"]["audio"] == {"input": wanted, "output": wanted}
