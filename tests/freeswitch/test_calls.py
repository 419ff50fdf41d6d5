"""The harness itself: calls into FreeSWITCH, without the module. What it can't hear, no other test here can."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audio.alignment import missing
from audio.segments import gaps
from audio.tones import dominant_frequency, noise, tone, tone_amplitude
from freeswitch import EventSocketError, RealSwitch
from sip import L16_16K, PCMA, PCMU, Call, Caller, MediaFormat


@pytest.mark.parametrize("media_format", [PCMU, PCMA, L16_16K], ids=lambda each: f"{each.name}-{each.rate}")
def test_echo_returns_each_packet_bit_for_bit(make_call: Callable[..., Call], media_format: MediaFormat) -> None:
    party = make_call("echo", media_format).party
    party.wait_packets(10)
    sent = party.say(noise(1000, media_format.rate))
    party.wait_said()
    party.wait_packets(10)
    assert missing(sent, party.payload()) == []


def test_playback_is_heard_at_its_frequency_without_gaps(make_call: Callable[..., Call]) -> None:
    party = make_call("tone-700").party
    heard = party.wait_heard(lambda audio: len(audio) >= 8000)
    assert dominant_frequency(heard[-4000:], 8000) == pytest.approx(700, abs=1)
    assert gaps(heard, 8000) == []


def test_parked_channel_sends_silence(make_call: Callable[..., Call]) -> None:
    party = make_call("park").party
    packets = party.wait_packets(20)
    assert {packet.payload_type for packet in packets} == {0}
    assert len({packet.sequence for packet in packets}) == len(packets)


def test_parties_of_a_conference_hear_each_other(make_calls: Callable[..., Caller]) -> None:
    caller = make_calls("conference-pair", 2)
    caller.wait_media()
    first, second = (call.party for call in caller.calls)
    first.repeat(tone(600, 1000, 8000))
    heard = second.wait_heard(lambda audio: len(audio) > 4000 and tone_amplitude(audio[-1600:], 600, 8000) > 1000)
    assert dominant_frequency(heard[-1600:], 8000) == pytest.approx(600, abs=2)


def test_loopback_leg_carries_audio_both_ways(make_call: Callable[..., Call]) -> None:
    party = make_call("bridge").party
    party.repeat(tone(500, 1000, 8000))
    party.wait_heard(lambda audio: len(audio) > 4000 and tone_amplitude(audio[-1600:], 500, 8000) > 1000)


def test_caller_hangs_up(make_calls: Callable[..., Caller]) -> None:
    caller = make_calls("echo")
    call = caller.calls[0].wait_media()
    call.hang_up()
    call.wait_end()
    caller.wait_end()


def test_switch_hangs_up(make_calls: Callable[..., Caller], plain_switch: RealSwitch) -> None:
    caller = make_calls("echo")
    call = caller.calls[0].wait_media()
    assert plain_switch.api(f"uuid_kill {call.uuid}").startswith("+OK")
    call.wait_end()
    caller.wait_end()


def test_reinvite_changes_the_codec(make_call: Callable[..., Call], plain_switch: RealSwitch) -> None:
    call = make_call("echo", PCMU, second_format=L16_16K)
    call.party.wait_packets(10)
    call.change_format(L16_16K)
    since = len(call.party.received)
    call.party.wait_heard(lambda audio: len(audio) > 3200, since=since)
    assert "Channel-Read-Codec-Rate: 16000" in plain_switch.api(f"uuid_dump {call.uuid}")


def test_early_media_reaches_the_caller(make_calls: Callable[..., Caller], plain_switch: RealSwitch) -> None:
    call = make_calls("early").calls[0]
    call.wait_media("CHANNEL_PROGRESS_MEDIA")
    call.party.wait_packets(10)
    assert plain_switch.api(f"uuid_answer {call.uuid}").startswith("+OK")
    plain_switch.events.wait_for("CHANNEL_ANSWER", call.uuid)


def test_variables_come_with_the_invite(make_call: Callable[..., Call], plain_switch: RealSwitch) -> None:
    call = make_call("park", headers={"X-Variables": "STREAM_BUFFER_SIZE=100 other=two"})
    assert plain_switch.api(f"uuid_getvar {call.uuid} STREAM_BUFFER_SIZE") == "100"
    assert plain_switch.api(f"uuid_getvar {call.uuid} other") == "two"


def test_event_bodies_of_a_megabyte_arrive_whole(plain_switch: RealSwitch) -> None:
    body = '{"text":"' + "é" * 524_288 + '"}'
    with plain_switch.connect() as events:
        events.subscribe("harness::large")
        events.send_event("harness::large", body)
        event = events.wait_for("harness::large")
    assert event.body.rstrip("\n") == body


def test_events_keep_their_order(plain_switch: RealSwitch) -> None:
    with plain_switch.connect() as events:
        events.subscribe("harness::ordered")
        for number in range(200):
            events.send_event("harness::ordered", str(number))
        bodies = [events.wait_for("harness::ordered").body.strip() for _ in range(200)]
    assert bodies == [str(number) for number in range(200)]


def test_waiting_for_an_event_that_never_comes_fails(plain_switch: RealSwitch) -> None:
    with pytest.raises(EventSocketError, match="no connect event"):
        plain_switch.events.wait_for("connect", "no-such-channel", timeout=0.01)


def test_twenty_calls_at_once_are_echoed_bit_for_bit(make_calls: Callable[..., Caller]) -> None:
    caller = make_calls("echo", 20)
    caller.wait_media()
    for call in caller.calls:
        call.party.wait_total(10)
    sent = {call.party: call.party.say(noise(1000, 8000, seed=n)) for n, call in enumerate(caller.calls)}
    for party, payloads in sent.items():
        party.wait_said()
        party.wait_payload(payloads[-1])
        assert missing(payloads, party.payload()) == []
    caller.hang_up()
    caller.wait_end()
