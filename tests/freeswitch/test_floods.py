"""A server that floods one call, beside another call of the same engine, both by SIP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from audio.g711 import Pcm16
from flood_server import FloodServer
from freeswitch import RealSwitch, StreamCommands
from sip import Call
from sip.hearing import has_ended, the_tone

from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.serial]  # a flood takes most of a core
TONE_MS = 6000


@pytest.fixture
def flooding() -> Iterator[FloodServer]:
    with FloodServer() as server:
        yield server


@pytest.mark.parametrize("flood", ["json20", "pings", "bombs", "parts", "interim"])
def test_a_call_beside_one_that_is_flooded_hears_all_that_its_agent_says(
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    make_endpoint: Callable[..., LocalEndpointThread],
    switch: RealSwitch,
    flooding: FloodServer,
    flood: str,
) -> None:
    behaviour = Behaviour(stream_tone=Tone(440, TONE_MS), pacing=Pacing(speed=1.0))
    endpoint = make_endpoint(behaviour=behaviour)
    good, flooded = make_call("park"), make_call("park")
    good_stream = streams(good)
    good_stream.start(endpoint.url, "mono 8000 24000")
    good_stream.wait_for("openai_speech_start")
    assert switch.api(f"uuid_setvar {flooded.uuid} STREAM_RESTORE conversation") == "+OK"
    streams(flooded).ok(f"start {flooding.url(flood)} mono 8000 24000")
    waits_ms = []

    def over(audio: Pcm16) -> bool:
        begun = time.monotonic()
        good_stream.ok("list")
        waits_ms.append(1000 * (time.monotonic() - begun))
        return has_ended(audio, 8000)

    heard = good.party.wait_heard(over)
    print(f"{len(waits_ms)} commands, the longest {max(waits_ms):.0f} ms")
    _, segment = the_tone(heard, 8000)
    assert len(segment) / 8000 == pytest.approx(TONE_MS / 1000, abs=0.01)
