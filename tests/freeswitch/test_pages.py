"""What the pages of docs/ tell to do, done on a call."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from audio.tones import tone_amplitude
from freeswitch import RealSwitch, StreamCommands
from sip import Call
from sip.hearing import has_ended, the_tone
from xml_reader import ROOT, fenced

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = pytest.mark.usefixtures("engine")
MakeCall = Callable[..., Call]
MakeEndpoint = Callable[..., LocalEndpointThread]
Streams = Callable[[Call], StreamCommands]
TONE = {"tone_hz": 440, "ms": 1000}


def test_the_lua_script_makes_the_model_greet(
    switch: RealSwitch, make_call: MakeCall, make_endpoint: MakeEndpoint, tmp_path: Path
) -> None:
    [script] = [text for kind, _, text in fenced(ROOT / "docs/how-to/lua.md") if kind == "lua"]
    file = tmp_path / "agent.lua"
    file.write_text(script)
    if switch.api("module_exists mod_lua") != "true" and not switch.api("load mod_lua").startswith("+OK"):
        pytest.skip("this FreeSWITCH has no mod_lua")
    endpoint = make_endpoint(agent={"greeting": TONE, "turns": ["Goodbye."]})
    call = make_call("park")
    # FreeSWITCH's RTP times start with the first packet: a channel that is transferred before it has sent some leaves a
    # packet time out of them, right behind that packet, whatever it holds and with or without streams.
    call.party.wait_packets(5)
    actions = f"set:lua_result=${{luarun({file} ${{uuid}} {endpoint.url})}},park"
    assert switch.api(f"uuid_transfer {call.uuid} '{actions}' inline").startswith("+OK")
    heard = call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    hertz, tone = the_tone(heard, 8000)
    assert hertz == pytest.approx(440, abs=1)
    assert len(tone) == pytest.approx(8000, abs=20)
    [update] = endpoint.snapshot()[0].received_events("session.update")
    assert "bakery" in update["session"]["instructions"]


def test_a_stream_of_the_api_goes_along_with_a_transfer(
    switch: RealSwitch, make_call: MakeCall, make_endpoint: MakeEndpoint, streams: Streams
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, None)))
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_start")
    assert switch.api(f"uuid_transfer {call.uuid} tone-700").startswith("+OK")
    since = len(call.party.received)
    heard = call.party.wait_heard(lambda audio: len(audio) > 16000, since=since)
    assert tone_amplitude(heard[-8000:], 440, 8000) > 1000  # the agent's, in place of what the dialplan plays
    assert json.loads(stream.run("list").removeprefix("+OK "))[0]["connected"]
    stream.ok("stop")
    since = len(call.party.received)
    call.party.wait_heard(
        lambda audio: len(audio) > 1600 and tone_amplitude(audio[-1600:], 700, 8000) > 1000, since=since
    )


def test_an_answer_goes_on_behind_a_transfer_where_it_was(
    switch: RealSwitch, make_call: MakeCall, make_endpoint: MakeEndpoint, streams: Streams
) -> None:
    """FreeSWITCH sends no packet for one packet time then, of any channel. What it sends is the whole answer."""
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, 3000)))
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_start")
    call.party.wait_packets(50)
    assert switch.api(f"uuid_transfer {call.uuid} park inline").startswith("+OK")
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    sent = call.party.samples()
    hertz, tone = the_tone(sent, 8000)
    assert hertz == pytest.approx(440, abs=1)
    assert len(tone) == pytest.approx(24_000, abs=20)
    # One wave from its start to its end: a packet that is lost or sent twice would put its halves out of step.
    assert tone_amplitude(tone.of(sent), 440, 8000) > 0.99 * tone_amplitude(sent[tone.start :][:4000], 440, 8000)


def test_two_named_streams_share_a_call_and_an_endpoint(
    switch: RealSwitch, make_call: MakeCall, make_endpoint: MakeEndpoint, streams: Streams
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, 1000)))
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url, "mono 24k send stream=transcript")
    stream.start(endpoint.url, "mono 24k stream=agent")
    heard = call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    assert the_tone(heard, 8000)[0] == pytest.approx(440, abs=1)
    endpoint.wait_for(lambda server: all(each.received_audio_bytes > 96_000 for each in server.connections))
    assert {each["name"] for each in json.loads(stream.run("list").removeprefix("+OK "))} == {"agent", "transcript"}


def test_an_upgrade_of_the_module_while_the_application_runs(
    switch: RealSwitch, make_call: MakeCall, make_endpoint: MakeEndpoint, streams: Streams
) -> None:
    call = make_call("park")
    actions = f"openai_audio_stream:{make_endpoint().url} mono 24k,park"
    assert switch.api(f"uuid_transfer {call.uuid} '{actions}' inline").startswith("+OK")
    streams(call).wait_for("connect")
    switch.events.taken("CHANNEL_PARK", call.uuid)
    assert "Module in use" in switch.api("reload mod_openai_audio_stream")
    assert switch.module_loaded()
    streams(call).ok("stop")  # the application returns, and the dialplan goes on
    switch.events.wait_for("CHANNEL_PARK", call.uuid)
    assert switch.api("reload mod_openai_audio_stream").endswith("+OK module unloaded\n+OK module loaded")
    streams(call).start(make_endpoint().url)


def test_an_unload_by_force_hangs_up_the_calls_in_the_application(
    switch: RealSwitch, make_call: MakeCall, make_endpoint: MakeEndpoint, streams: Streams
) -> None:
    """FreeSWITCH does that itself, to every module's."""
    inside, beside = make_call("park"), make_call("park")
    streams(beside).start(make_endpoint().url)
    actions = f"openai_audio_stream:{make_endpoint().url} mono 24k,park"
    assert switch.api(f"uuid_transfer {inside.uuid} '{actions}' inline").startswith("+OK")
    streams(inside).wait_for("connect")
    assert switch.api("unload -f mod_openai_audio_stream").startswith("+OK")
    inside.wait_end()
    assert switch.api(f"uuid_exists {beside.uuid}") == "true"
    assert switch.load_module().startswith("+OK")
