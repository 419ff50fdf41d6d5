"""Re-INVITEs in mid-call that change the channel's rate: both directions go on at their pitch and their pace.

Between rates of L16 only: FreeSWITCH settles the byte order of L16 when a call begins, and keeps it for any codec.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.segments import gaps, sounding
from audio.tones import dominant_frequency, tone
from freeswitch import RealSwitch, StreamCommands
from sip import L16_8K, L16_16K, PCMU, Call, MediaFormat, RtpParty
from sip.hearing import has_ended

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.recording import ConnectionRecord
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = pytest.mark.usefixtures("engine")
MakeCall = Callable[..., Call]
MakeEndpoint = Callable[..., LocalEndpointThread]
Streams = Callable[[Call], StreamCommands]

there_and_back = pytest.mark.parametrize(
    ("first", "second"), [(L16_8K, L16_16K), (L16_16K, L16_8K)], ids=["8000-16000-8000", "16000-8000-16000"]
)
FORMATS = {media_format.payload_type: media_format for media_format in (L16_8K, L16_16K)}


@there_and_back
def test_the_caller_is_heard_at_pitch_and_pace(
    streams: Streams, make_call: MakeCall, make_endpoint: MakeEndpoint, first: MediaFormat, second: MediaFormat
) -> None:
    endpoint = make_endpoint()
    call = make_call("park", first, second_format=second)
    streams(call).start(endpoint.url, "mono 24000")
    call.party.wait_total(10)
    for media_format, frequency in ((first, 700), (second, 900), (first, 1100)):
        _change_format(call, media_format)
        already = len(_arrived(endpoint))
        call.party.say(tone(frequency, 1500, media_format.rate))
        endpoint.wait_for(lambda server: has_ended(_pcm(server.connections[0])[already:], 24000), 20)  # noqa: B023
        spoken = _arrived(endpoint)[already:]
        segment = sounding(spoken, 24000, bridge_ms=150)[-1].of(spoken)
        assert dominant_frequency(segment, 24000) == pytest.approx(frequency, abs=2)
        # FreeSWITCH puts frames of its own where a packet has not come in time: samples of -1.
        made_up = sum(len(gap) for gap in gaps(segment, 24000, shortest_ms=15))
        assert (len(segment) - made_up) / 24000 == pytest.approx(1.5, abs=0.1)
        assert bytes(2 * 480) not in segment.tobytes()  # and the engine none


@there_and_back
@pytest.mark.parametrize(
    ("destination", "writer"),
    [("park", "uuid_broadcast {} silence_stream://-1 aleg"), ("park", ""), ("silent-park", "")],
    ids=["silence-stream", "parked", "silent"],
)
def test_the_agent_is_heard_at_pitch_and_pace(
    switch: RealSwitch,
    streams: Streams,
    make_call: MakeCall,
    make_endpoint: MakeEndpoint,
    first: MediaFormat,
    second: MediaFormat,
    destination: str,
    writer: str,
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(1000, 4000)))
    call = make_call(destination, first, second_format=second)
    if writer:
        assert switch.api(writer.format(call.uuid)).startswith("+OK")
        switch.events.wait_for("PLAYBACK_START", call.uuid)
    streams(call).start(endpoint.url)
    for media_format in (second, first):
        call.party.wait_heard(lambda audio: len(audio) >= call.party.format.rate)
        call.change_format(media_format)
    streams(call).wait_for("openai_speech_stop")
    _assert_the_tone_throughout(call.party, 4.0)


@there_and_back
def test_a_writer_that_has_got_the_channels_codec_is_replaced_at_pitch_and_pace(
    switch: RealSwitch,
    streams: Streams,
    make_call: MakeCall,
    make_endpoint: MakeEndpoint,
    first: MediaFormat,
    second: MediaFormat,
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(1000, 4000)))
    call = make_call("park", first, second_format=second)
    # Another media bug that can replace frames; behind it FreeSWITCH puts its codec into the writer's frame.
    assert switch.api(f"uuid_audio {call.uuid} start write level 0").startswith("+OK")
    call.party.wait_packets(10)
    assert switch.api(f"uuid_audio {call.uuid} stop").startswith("+OK")
    streams(call).start(endpoint.url)
    for media_format in (second, first):
        call.party.wait_heard(lambda audio: len(audio) >= call.party.format.rate)
        call.change_format(media_format)
    streams(call).wait_for("openai_speech_stop")
    _assert_the_tone_throughout(call.party, 4.0)


@there_and_back
def test_the_channels_own_audio_keeps_its_pitch_beside_a_stream_with_nothing_to_say(
    streams: Streams, make_call: MakeCall, make_endpoint: MakeEndpoint, first: MediaFormat, second: MediaFormat
) -> None:
    call = make_call("tone-1000", first, second_format=second)
    streams(call).start(make_endpoint().url)
    call.party.wait_packets(20)
    for media_format in (second, first):
        since = len(call.party.received)
        call.change_format(media_format)
        heard = call.party.wait_heard(lambda audio: len(audio) >= call.party.format.rate, since=since)
        last = heard[-media_format.rate // 2 :]
        assert dominant_frequency(last, media_format.rate) == pytest.approx(1000, abs=2)
        assert gaps(last, media_format.rate) == []


@pytest.mark.parametrize("ptime_ms", [10, 30, 40])
def test_the_other_leg_of_a_bridge_can_have_another_packet_time(
    switch: RealSwitch, streams: Streams, make_call: MakeCall, make_endpoint: MakeEndpoint, ptime_ms: int
) -> None:
    endpoint = make_endpoint(behaviour=Behaviour(stream_tone=Tone(1000, 2000)))
    call, other = make_call("park", PCMU), make_call("park", replace(PCMU, ptime_ms=ptime_ms))
    assert switch.api(f"uuid_bridge {call.uuid} {other.uuid}").startswith("+OK")
    switch.events.wait_for("CHANNEL_BRIDGE", call.uuid)
    since = len(call.party.received)
    streams(call).start(endpoint.url)
    heard = call.party.wait_heard(lambda audio: has_ended(audio, 8000), since=since)
    # A packet that the other party sends late is comfort noise in this direction: no frame, and so none of ours.
    assert sum(len(gap) for gap in gaps(heard, 8000)) <= 2 * 8 * ptime_ms + 160
    parts = [part.of(heard) for part in sounding(heard, 8000)]
    assert dominant_frequency(max(parts, key=len), 8000) == pytest.approx(1000, abs=1)
    assert sum(map(len, parts)) / 8000 == pytest.approx(2.0, abs=0.02)


def _change_format(call: Call, media_format: MediaFormat) -> None:
    """Re-INVITE unless it is the format already, and wait for packets in it."""
    if media_format != call.party.format:
        since = len(call.party.received)
        call.change_format(media_format)
        call.party.wait_heard(lambda audio: len(audio) > media_format.rate // 5, since=since)


def _arrived(endpoint: LocalEndpointThread) -> Pcm16:
    return _pcm(endpoint.snapshot()[0])


def _pcm(connection: ConnectionRecord) -> Pcm16:
    return np.frombuffer(connection.received_audio(), dtype="<i2").astype(np.int16)


def _assert_the_tone_throughout(party: RtpParty, seconds: float) -> None:
    """A tone of 1000 Hz, no matter in which format, with no more than a moment missing at each change."""
    loud = 0
    runs = itertools.groupby(list(party.received), lambda packet: packet.payload_type)
    for payload_type, packets in runs:
        media_format = FORMATS[payload_type]
        # FreeSWITCH announces the new format some packets before it changes the codec.
        whole = [packet.payload for packet in packets if len(packet.payload) == media_format.packet_bytes]
        audio = np.concatenate([media_format.decode(payload) for payload in whole])
        loud += sum(bool(np.abs(media_format.decode(payload)).max() > 1000) for payload in whole)
        assert sum(map(len, gaps(audio, media_format.rate))) <= 0.05 * media_format.rate
        assert dominant_frequency(audio, media_format.rate) == pytest.approx(1000, abs=2)
    announced = sum(len(packet.payload) != FORMATS[packet.payload_type].packet_bytes for packet in party.received)
    assert (loud + announced) * 0.02 == pytest.approx(seconds, abs=0.15)
