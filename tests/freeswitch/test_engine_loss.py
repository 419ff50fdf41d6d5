"""The engine dies in mid-call."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

import numpy as np
import pytest
from audio.alignment import align
from audio.tones import noise
from engine_process import EngineProcess
from freeswitch import RealSwitch, StreamCommands
from sip import Call, Caller
from sip.hearing import has_ended, the_tone

from mod_openai_realtime.audio.resampling import make_resampler
from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread


def test_a_killed_engine_is_reported_and_the_call_goes_on(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    engine: EngineProcess,
    endpoint: LocalEndpointThread,
) -> None:
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url)
    engine.kill()
    assert json.loads(stream.wait_for("disconnect").body)["status"] == "disconnected"
    call.party.wait_packets(50)
    assert switch.api(f"uuid_exists {call.uuid}") == "true"


def test_a_restarted_engine_takes_the_stream_up_again(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    engine: EngineProcess,
    endpoint: LocalEndpointThread,
) -> None:
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url, "mono 8000 24000")
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    engine.kill()
    stream.wait_for("disconnect")
    since = len(call.party.received)
    engine.start()
    stream.wait_for("connect")

    heard = call.party.wait_heard(lambda audio: has_ended(audio, 8000), since=since)
    frequency, segment = the_tone(heard, 8000)
    assert frequency == pytest.approx(440, abs=1)
    assert len(segment) / 8000 == pytest.approx(1.0, abs=0.004)

    speech = noise(500, 8000)
    call.party.say(speech)
    call.party.wait_said()
    call.party.wait_packets(25)
    # The endpoint states 24 kHz, and so that is what it gets.
    received = make_resampler(24000, 8000).process(endpoint.snapshot()[-1].received_audio())
    assert align(speech, np.frombuffer(received, np.int16)).similarity > 0.85


def test_twenty_streams_play_again_after_their_workers_were_killed(
    streams: Callable[[Call], StreamCommands],
    make_calls: Callable[..., Caller],
    engine: EngineProcess,
    make_endpoint: Callable[..., LocalEndpointThread],
) -> None:
    endpoint = make_endpoint(
        keep="counts", behaviour=Behaviour(stream_tone=Tone(440, 600_000), pacing=Pacing(200, 1.0))
    )
    caller = make_calls("park", 20)
    caller.wait_media()
    playing = [streams(call) for call in caller.calls]
    for stream in playing:
        stream.start(endpoint.url)
    for _ in range(2):
        for stream in playing:
            stream.wait_for("openai_speech_start")
        for worker in engine.children:
            os.kill(worker, signal.SIGKILL)
        for stream in playing:
            stream.wait_for("disconnect")
            stream.wait_for("connect")
    for stream in playing:
        stream.wait_for("openai_speech_start")


def test_a_call_can_end_while_the_engine_is_away(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    engine: EngineProcess,
    endpoint: LocalEndpointThread,
) -> None:
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url)
    engine.kill()
    stream.wait_for("disconnect")
    call.hang_up()
    call.wait_end()


def test_an_engine_that_stops_in_order_closes_its_connections(
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    engine: EngineProcess,
    endpoint: LocalEndpointThread,
) -> None:
    stream = streams(make_call("park"))
    stream.start(endpoint.url)
    engine.stop()
    endpoint.wait_for(lambda server: server.connections[0].closed, 20)
    assert endpoint.snapshot()[0].close_code != 1006
    stream.wait_for("disconnect")
