"""Agent audio is heard whatever the channel is doing, each sample once; and the dialplan application."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.segments import gaps
from audio.tones import dominant_frequency, tone_amplitude
from freeswitch import RealSwitch, StreamCommands
from sip import L16_16K, PCMA, PCMU, Call, Caller, MediaFormat
from sip.hearing import the_tone

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = pytest.mark.usefixtures("engine")
MakeCall = Callable[..., Call]
MakeEndpoint = Callable[..., LocalEndpointThread]
Streams = Callable[[Call], StreamCommands]

# Channels that send nothing by themselves, and channels that do.
SILENT = ["silent-park", "silent-sleep", "silent-bridge"]
SENDING = ["park", "bridge", "conference-playout", "tone-900"]


def frames_with(audio: Pcm16, frequency: float) -> list[int]:
    """The frames of 20 ms in which a tone of 440 Hz dominates."""
    frames = range(0, len(audio) - 159, 160)
    return [at // 160 for at in frames if tone_amplitude(audio[at : at + 160], frequency, 8000) > 4000]


def call_to(
    make_calls: Callable[..., Caller], destination: str, media_format: MediaFormat = PCMU, **options: object
) -> Call:
    """An answered call, which need not have heard anything yet."""
    return make_calls(destination, 1, media_format, **options).calls[0].wait_media()


@pytest.mark.parametrize("media_format", [PCMU, PCMA, L16_16K], ids=lambda each: f"{each.name}-{each.rate}")
@pytest.mark.parametrize("destination", SILENT)
def test_agent_audio_is_heard_whole_in_a_channel_that_sends_nothing(
    streams: Streams,
    make_calls: Callable[..., Caller],
    endpoint: LocalEndpointThread,
    destination: str,
    media_format: MediaFormat,
) -> None:
    call = call_to(make_calls, destination, media_format)
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_start")
    stream.wait_for("openai_speech_stop")
    rate = media_format.rate
    heard = call.party.wait_heard(lambda audio: len(audio) >= rate)
    frequency, segment = the_tone(heard, rate)
    assert frequency == pytest.approx(440, abs=1)
    assert len(segment) / rate == pytest.approx(1.0, abs=0.004)


def test_a_channel_that_sends_nothing_is_written_to_only_while_the_agent_speaks(
    streams: Streams, make_calls: Callable[..., Caller], endpoint: LocalEndpointThread
) -> None:
    call = call_to(make_calls, "silent-park")
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_stop")
    received = endpoint.snapshot()[0].received_audio_bytes
    endpoint.wait_for(lambda server: server.connections[0].received_audio_bytes > received + 8000, 20)
    # One second of agent audio, and at most the rest of its last frame.
    assert 50 <= len(call.party.received) <= 52


def test_frames_are_written_at_the_pace_of_the_channel(
    streams: Streams, make_calls: Callable[..., Caller], make_endpoint: MakeEndpoint
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, 3000)))
    call = call_to(make_calls, "silent-park")
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_stop")
    packets = call.party.received
    steps = {(after.timestamp - before.timestamp) % (1 << 32) for before, after in pairwise(packets)}
    assert steps == {160}
    assert {(after.sequence - before.sequence) % (1 << 16) for before, after in pairwise(packets)} == {1}
    assert packets[-1].at - packets[0].at == pytest.approx(0.02 * (len(packets) - 1), abs=0.2)


@pytest.mark.parametrize("destination", SENDING)
def test_agent_audio_replaces_what_a_channel_sends_frame_for_frame(
    streams: Streams, make_calls: Callable[..., Caller], endpoint: LocalEndpointThread, destination: str
) -> None:
    call = call_to(make_calls, destination)
    call.party.wait_total(20)
    since = len(call.party.received)
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_stop")
    call.party.wait_packets(10)
    heard = call.party.audio(since)
    frames = frames_with(heard, 440)
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert 49 <= len(frames) <= 51
    segment = heard[(frames[0] + 1) * 160 : frames[-1] * 160]
    assert gaps(segment, 8000) == []
    assert dominant_frequency(segment, 8000) == pytest.approx(440, abs=1)
    # Nothing is put in between: time goes on as the channel counts it.
    packets = call.party.received[since:]
    assert len(packets) * 0.02 == pytest.approx(packets[-1].at - packets[0].at, abs=0.2)


def test_a_file_that_begins_and_ends_under_the_agent_does_not_disturb_it(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller], make_endpoint: MakeEndpoint
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, 4000)))
    call = call_to(make_calls, "silent-park")
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_start")
    assert switch.api(f"uuid_broadcast {call.uuid} silence_stream://800 aleg").startswith("+OK")
    switch.events.wait_for("PLAYBACK_STOP", call.uuid)
    stream.wait_for("openai_speech_stop")
    heard = call.party.wait_heard(lambda audio: len(frames_with(audio, 440)) >= 199)
    # The channel takes over and hands back; what was to be heard is heard once, all of it.
    assert 199 <= len(frames_with(heard, 440)) <= 201
    sounding = np.concatenate([heard[at * 160 : (at + 1) * 160] for at in frames_with(heard, 440)])
    assert tone_amplitude(sounding, 440, 8000) > 8000


def test_barge_in_silences_a_channel_that_sends_nothing_by_itself(
    streams: Streams, make_calls: Callable[..., Caller], make_endpoint: MakeEndpoint
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, 60_000)))
    call = call_to(make_calls, "silent-park")
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_start")
    call.party.wait_total(25)
    started = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_1"}
    endpoint.call(lambda server: server.live(0).emit(started))
    stream.wait_for("openai_speech_stop")
    # The channel sends nothing by itself: with the agent silent, a second of the caller's audio passes without a packet
    # more than what was on its way.
    sent = len(call.party.received)
    received = endpoint.snapshot()[0].received_audio_bytes
    endpoint.wait_for(lambda server: server.connections[0].received_audio_bytes > received + 48_000, 20)
    assert len(call.party.received) - sent <= 3


def test_pause_and_resume_in_a_channel_that_sends_nothing_by_itself(
    streams: Streams, make_calls: Callable[..., Caller], make_endpoint: MakeEndpoint
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, 60_000)))
    call = call_to(make_calls, "silent-park")
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_start")
    call.party.wait_total(10)
    stream.ok("pause")
    count = len(call.party.received)
    received = endpoint.snapshot()[0].received_audio_bytes
    stream.ok("resume")
    call.party.wait_total(count + 20)
    endpoint.wait_for(lambda server: server.connections[0].received_audio_bytes > received, 20)
    stream.ok("stop")
    stream.wait_for("openai_speech_stop")


def test_a_channel_survives_a_transfer_under_the_agents_voice(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller], make_endpoint: MakeEndpoint
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, None)))
    call = call_to(make_calls, "silent-park")
    streams(call).start(endpoint.url)
    for destination in ["silent-sleep", "tone-900", "silent-park", "silent-sleep"]:
        assert switch.api(f"uuid_transfer {call.uuid} {destination}").startswith("+OK")
        call.party.wait_packets(40)
    heard = call.party.audio()[-1600:]
    assert dominant_frequency(heard, 8000) == pytest.approx(440, abs=2)


# -- the application


def application(make_calls: Callable[..., Caller], arguments: str, **variables: str) -> Call:
    return make_calls("application", headers={"X-Stream-Start": arguments}).calls[0]


def result(switch: RealSwitch, call: Call) -> tuple[str, str]:
    """The two variables, once the application is over and the dialplan parks the call."""
    switch.events.wait_for("CHANNEL_PARK", call.uuid)
    names = ("openai_audio_stream_result", "openai_audio_stream_reason")
    first, second = (switch.api(f"uuid_getvar {call.uuid} {name}") for name in names)
    return first, second


def test_the_application_answers_streams_and_plays(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller], endpoint: LocalEndpointThread
) -> None:
    call = application(make_calls, f"{endpoint.url} mono 8000 24000").wait_media()
    stream = streams(call)
    assert json.loads(stream.wait_for("connect").body) == {"status": "connected"}
    stream.wait_for("openai_speech_stop")
    call.party.wait_packets(20)
    heard = call.party.audio()
    frequency, segment = the_tone(heard, 8000)
    assert frequency == pytest.approx(440, abs=1)
    assert len(segment) / 8000 == pytest.approx(1.0, abs=0.004)
    endpoint.wait_for(lambda server: server.connections[0].received_audio_bytes > 8000, 20)
    stream.ok("stop")
    assert result(switch, call) == ("stopped", "_undef_")


def test_uuid_break_ends_the_application_and_its_stream(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller], endpoint: LocalEndpointThread
) -> None:
    call = application(make_calls, f"{endpoint.url} mono stream=agent").wait_media()
    stream = streams(call)
    stream.wait_for("connect")
    assert switch.api(f"uuid_break {call.uuid}").startswith("+OK")
    assert result(switch, call) == ("broken", "_undef_")
    assert stream.run("list") == "+OK []"
    endpoint.wait_for(lambda server: server.connections[0].closed, 20)


def test_a_transfer_ends_the_application_and_its_stream(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller], endpoint: LocalEndpointThread
) -> None:
    call = application(make_calls, f"{endpoint.url} mono").wait_media()
    stream = streams(call)
    stream.wait_for("connect")
    assert switch.api(f"uuid_transfer {call.uuid} silent-park").startswith("+OK")
    assert result(switch, call) == ("transferred", "_undef_")
    assert stream.run("list") == "+OK []"


def test_hanging_up_ends_the_application_and_its_stream(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller], endpoint: LocalEndpointThread
) -> None:
    call = application(make_calls, f"{endpoint.url} mono").wait_media()
    streams(call).wait_for("connect")
    call.hang_up()
    ended = switch.events.wait_for("CHANNEL_HANGUP_COMPLETE", call.uuid)
    assert ended.headers["variable_openai_audio_stream_result"] == "hangup"
    call.wait_end()
    endpoint.wait_for(lambda server: server.connections[0].closed, 20)


def test_a_bad_argument_is_told_and_the_dialplan_goes_on(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller]
) -> None:
    call = application(make_calls, "ws://localhost:1/ quadro").wait_media()
    assert result(switch, call) == ("failed", "Invalid mix type; expected mono, mixed or stereo")
    assert "openai_audio_stream: Invalid mix type" in switch.log_text()
    streams(call)  # the channel lives


def test_digits_are_told_and_broadcasts_played_while_the_application_runs(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller], make_endpoint: MakeEndpoint
) -> None:
    endpoint = make_endpoint()
    call = application(make_calls, f"{endpoint.url} mono").wait_media()
    streams(call).wait_for("connect")
    switch.events.command("event plain DTMF")
    assert switch.api(f"uuid_recv_dtmf {call.uuid} 7").startswith("+OK")
    assert switch.events.wait_for("DTMF", call.uuid).headers["DTMF-Digit"] == "7"
    assert switch.api(f"uuid_broadcast {call.uuid} tone_stream://%(1000,0,600) aleg").startswith("+OK")
    heard = call.party.wait_heard(lambda audio: len(frames_with(audio, 600)) >= 45)
    assert dominant_frequency(heard, 8000) == pytest.approx(600, abs=2)
    assert switch.api(f"uuid_getvar {call.uuid} openai_audio_stream_result") == "_undef_"
