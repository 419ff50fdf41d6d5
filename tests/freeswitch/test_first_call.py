"""A call as a user makes it first: speech arrives at the endpoint, the agent is heard."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from audio.alignment import align, missing
from audio.files import can_speak, speech
from audio.g711 import Pcm16
from audio.segments import gaps
from audio.tones import dominant_frequency, level, noise, tone
from freeswitch import RealSwitch, StreamCommands
from sip import L16_8K, L16_16K, PCMA, PCMU, Call, MediaFormat
from sip.hearing import decoded, has_ended, the_tone

from mod_openai_realtime.local.agent import Turn
from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = pytest.mark.usefixtures("engine")
MakeCall = Callable[..., Call]
Streams = Callable[[Call], StreamCommands]


@pytest.mark.parametrize("media_format", [PCMU, PCMA, L16_8K], ids=lambda each: each.name)
def test_caller_audio_arrives_bit_for_bit(
    streams: Streams, make_call: MakeCall, make_endpoint: Callable[..., LocalEndpointThread], media_format: MediaFormat
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(raw=True))  # it states no rate that would be followed
    call = make_call("park", media_format)
    streams(call).start(endpoint.url, "mono 8000 8000")
    call.party.wait_total(10)
    frames = decoded(media_format, call.party.say(noise(1500, 8000)))
    endpoint.wait_for(lambda server: frames[-1] in server.connections[0].received_audio(), 20)
    assert missing(frames, endpoint.snapshot()[0].received_audio()) == []


def test_caller_audio_is_sent_in_messages_of_20_ms(
    streams: Streams, make_call: MakeCall, make_endpoint: Callable[..., LocalEndpointThread]
) -> None:
    endpoint = make_endpoint()
    streams(make_call("park")).start(endpoint.url, "mono 24000")
    endpoint.wait_for(lambda server: len(server.connections[0].received) > 50, 20)
    sizes = [len(message.audio) for message in endpoint.snapshot()[0].received if message.audio]
    assert set(sizes[1:]) == {960}


@pytest.mark.parametrize("media_format", [PCMU, L16_16K], ids=lambda each: f"{each.name}-{each.rate}")
def test_the_agents_tone_is_heard_whole(
    streams: Streams, make_call: MakeCall, endpoint: LocalEndpointThread, media_format: MediaFormat
) -> None:
    rate = media_format.rate
    call = make_call("park", media_format)
    stream = streams(call)
    stream.start(endpoint.url)
    heard = call.party.wait_heard(lambda audio: has_ended(audio, rate))
    frequency, segment = the_tone(heard, rate)
    assert frequency == pytest.approx(440, abs=1)
    assert len(segment) / rate == pytest.approx(1.0, abs=0.004)
    assert json.loads(stream.wait_for("openai_speech_start").body) == {"status": "started"}
    assert json.loads(stream.wait_for("openai_speech_stop").body) == {"status": "stopped"}


def test_the_dialplan_of_the_readme_starts_a_stream(
    switch: RealSwitch, make_call: MakeCall, endpoint: LocalEndpointThread
) -> None:
    call = make_call("stream", headers={"X-Stream-Start": f"{endpoint.url} mono 24k"})
    assert json.loads(switch.events.wait_for("connect", call.uuid).body) == {"status": "connected"}
    assert switch.api(f"uuid_getvar {call.uuid} api_result") == "+OK Success"
    heard = call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    assert the_tone(heard, 8000)[0] == pytest.approx(440, abs=1)


def test_a_start_in_the_dialplan_that_fails_is_in_the_log(switch: RealSwitch, make_call: MakeCall) -> None:
    call = make_call("stream", headers={"X-Stream-Start": "ws://127.0.0.1:9/?key=secret mono 9k"})
    assert switch.api(f"uuid_getvar {call.uuid} api_result").startswith("-ERR Invalid send sample rate")
    [line] = [line for line in switch.log_text().splitlines() if call.uuid in line and "start failed" in line]
    assert "[WARNING]" in line and "openai_audio_stream default: start failed: Invalid send sample rate" in line


@pytest.mark.serial  # an echo has nothing in hand, and what comes late is heard as a gap
def test_speech_comes_back_from_an_endpoint_that_echoes(
    streams: Streams, make_call: MakeCall, make_endpoint: Callable[..., LocalEndpointThread]
) -> None:
    if not can_speak():
        pytest.skip("no espeak-ng or no sox")
    endpoint = make_endpoint(behaviour=Behaviour(echo=True))
    call = make_call("park")
    streams(call).start(endpoint.url, "mono 24000 24000")
    spoken = speech("The quick brown fox jumps over the lazy dog", 8000)
    call.party.say(spoken)
    heard = call.party.wait_heard(
        lambda audio: len(audio) > len(spoken) + 8000 and align(spoken, audio).similarity > 0.9
    )
    assert align(spoken, heard).similarity > 0.95


def test_a_turn_is_detected_and_answered(
    streams: Streams, make_call: MakeCall, make_endpoint: Callable[..., LocalEndpointThread]
) -> None:
    if not can_speak():
        pytest.skip("no espeak-ng or no sox")
    endpoint = make_endpoint(vad=True, agent=lambda context: Turn(text="I have heard you well and clear."))
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url, "mono 24000 24000")
    call.party.say(speech("Good morning, I would like to order a pizza please.", 8000))
    stream.wait_for("openai_speech_start", 30)
    stream.wait_for("openai_speech_stop", 30)
    types = [event["type"] for event in endpoint.snapshot()[0].sent_events()]
    assert types.index("input_audio_buffer.speech_started") < types.index("response.done")


def test_events_name_the_channel_and_the_stream(
    streams: Streams, make_call: MakeCall, endpoint: LocalEndpointThread
) -> None:
    call = make_call("park")
    event = streams(call).start(endpoint.url, "mono stream=agent")
    assert event.uuid == call.uuid
    assert event.headers["Stream-Name"] == "agent"


def test_a_codec_change_in_mid_call_goes_on_both_ways(
    streams: Streams, make_call: MakeCall, make_endpoint: Callable[..., LocalEndpointThread]
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(echo=True))
    call = make_call("park", PCMU, second_format=PCMA)
    streams(call).start(endpoint.url, "mono 24000 24000")
    _change_format(call, PCMA)
    call.party.repeat(tone(1000, 1000, 8000))
    call.party.wait_heard(lambda audio: _hears_the_tone(audio, 8000))


def _change_format(call: Call, media_format: MediaFormat) -> None:
    """Re-INVITE, and wait for packets in the new format."""
    call.party.wait_total(10)
    call.change_format(media_format)
    call.party.wait_heard(lambda audio: len(audio) > media_format.rate // 5)


def _hears_the_tone(audio: Pcm16, rate: int) -> bool:
    """Whether the last half second is a tone of 1000 Hz, whole and alone."""
    last = audio[-rate // 2 :]
    if len(last) < rate // 2 or level(last) < 1000 or gaps(last, rate):
        return False
    return abs(dominant_frequency(last, rate) - 1000) < 1
