"""Sections 1.4, 3 and 7: what is told to the outside, and reconnection."""

from __future__ import annotations

import itertools
import json
import socket
import time

import numpy as np
import pytest
from audio.segments import sounding
from audio.tones import level, noise, tone
from contract import FarEnd, Leg, Switch
from contract.far_end import SILENT, delta, delta_text
from contract.switch import SUBCLASSES

from mod_openai_realtime.local.behaviour import Behaviour, first

REFUSING = Behaviour(raw=True, refuse_status=503)
STARTED = {"status": "started"}
STOPPED = {"status": "stopped"}


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.rule("1.4", "3.1")
def test_events_carry_the_channel_and_the_stream(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"contract_variable": "seen"})
    leg.ok(f"start {far.url} mono stream=ear_1 send")
    event = leg.event("connect", stream="ear_1")
    assert event.body == '{"status":"connected"}'
    assert event.headers["Stream-Name"] == "ear_1"
    assert event.headers["Unique-ID"] == leg.uuid
    assert event.headers.get("Event-Subclass", "mod_openai_audio_stream::connect") == "mod_openai_audio_stream::connect"
    assert event.headers.get("Event-Name", "CUSTOM") == "CUSTOM"
    assert any(name.startswith("Channel-") for name in event.headers)
    assert event.headers.get("variable_contract_variable") == "seen"


@pytest.mark.rule("1.4")
def test_all_seven_events_name_the_default_stream(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say("marker")
    far.speak(tone(500, 60, 8000))
    far.finish()
    for name in ("json", "play", "openai_speech_start", "openai_speech_stop"):
        assert leg.event(name).stream == "default"
    far.behave(first(2, REFUSING, SILENT))
    far.drop()
    for name in ("disconnect", "connect"):
        assert leg.event(name).stream == "default"
    leg.ok("stop")
    leg.event("disconnect")


@pytest.mark.rule("3.1", "3.2", "7.1")
def test_each_connection_and_each_loss_is_told(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono")
    far.close(4001, "bye now")
    lost = leg.event("disconnect").json()
    assert lost == {"status": "disconnected", "message": {"code": 4001, "reason": "bye now"}}
    assert leg.event("connect").body == '{"status":"connected"}'
    far.drop()
    assert leg.event("disconnect").json()["message"]["code"] == 1006
    leg.event("connect")
    far.close(1000)
    assert leg.event("disconnect").json()["message"]["code"] == 1000
    leg.event("connect")
    leg.ok("stop")
    assert leg.event("disconnect").json()["message"]["code"] == 1000
    assert len(far.connections) == 4
    assert leg.events("error", "connect", "disconnect") == []


@pytest.mark.rule("3.3", "7.1", "7.2")
def test_each_failed_try_is_told_with_its_number_wait_and_status(leg: Leg, far: FarEnd) -> None:
    far.behave(first(4, REFUSING, SILENT))
    leg.ok(f"start {far.url} mono")
    messages = [leg.event("error").json() for _ in range(4)]
    leg.event("connect")
    assert all(message["status"] == "error" for message in messages)
    details = [message["message"] for message in messages]
    assert [detail["retries"] for detail in details] == [1, 2, 3, 4]
    assert {detail["http_status"] for detail in details} == {503}
    assert all(isinstance(detail["error"], str) and detail["error"] for detail in details)
    waits = [detail["wait_time"] for detail in details]
    assert waits[0] >= 100 and waits[-1] > 2 * waits[0] and max(waits) <= 10_000
    times = [handshake.at for handshake in far.handshakes]
    gaps = [(later - earlier) * 1000 for earlier, later in itertools.pairwise(times)]
    assert all(gap >= wait - 5 for gap, wait in zip(gaps, waits, strict=True))
    assert leg.events("error") == []


@pytest.mark.rule("3.3")
def test_a_port_that_nobody_listens_on_has_no_http_status(leg: Leg) -> None:
    leg.ok(f"start ws://127.0.0.1:{closed_port()}/ mono")
    message = leg.event("error").json()["message"]
    assert message["http_status"] == 0 and message["retries"] == 1 and message["wait_time"] > 0
    assert leg.event("error").json()["message"]["retries"] == 2


@pytest.mark.rule("3.3", "4.9")
def test_without_reconnection_there_is_one_try_and_no_wait(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_NO_RECONNECT": "true"})
    far.behave(REFUSING)
    leg.ok(f"start {far.url} mono")
    assert leg.event("error").json()["message"]["wait_time"] == 0
    leg.until(lambda: leg.api("list") == "+OK []")
    assert len(far.handshakes) == 1


@pytest.mark.rule("7.3")
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_fatal_answer_waits_the_longest(leg: Leg, far: FarEnd, status: int) -> None:
    far.behave(Behaviour(raw=True, refuse_status=status))
    leg.ok(f"start {far.url} mono")
    message = leg.event("error").json()["message"]
    assert message["http_status"] == status and message["wait_time"] == 10_000
    leg.ok("stop")


@pytest.mark.rule("7.6")
def test_a_stop_during_a_reconnect_ends_it_at_once(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono")
    far.behave(REFUSING)
    far.drop()
    leg.event("error")
    leg.event("error")
    leg.ok("stop")
    tried = len(far.handshakes)
    assert leg.api("list") == "+OK []" and leg.bugs() == 0
    far.behave(SILENT)
    leg.start(f"{far.url} mono")
    assert len(far.handshakes) == tried + 1
    assert len(far.connections) == 2


@pytest.mark.rule("3.4", "3.5")
def test_texts_become_json_events_as_they_came(leg: Leg, far: FarEnd) -> None:
    texts = [
        '{"type":"session.created","b":1,"a":{"x":[1,2.50,1E2]}}',
        '  {"type" : "response.done" , "n":123456789012345678901234567890}  ',
        "this is no JSON {[",
        '"a string"',
        '{"delta":"AAAA","type":"response.output_audio_transcript.delta"}',
        '{"type":"error","error":{"code":"x","message":"umlaut \\u00fc and ü"}}',
        json.dumps({"type": "long", "text": "y" * 200_000}),
    ]
    leg.start(f"{far.url} mono")
    far.send(*texts)
    assert [leg.event("json").body.rstrip("\n") for _ in texts] == [text.rstrip("\n") for text in texts]


@pytest.mark.rule("3.4", "9.deltas")
def test_an_audio_delta_is_never_a_json_event(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k stream=mouth")
    leg.start(f"{far.url} mono send stream=ear")
    good = delta(tone(500, 40, 8000).tobytes())
    for connection in (0, 1):
        far.send(good, delta_text("A*"), '{"type":"response.output_audio.delta"}', connection=connection)
        far.send('{"type":"response.audio.delta","delta":7}', '{"type":"marker"}', connection=connection)
    for stream in ("mouth", "ear"):
        assert leg.event("json", stream=stream).body == '{"type":"marker"}'
    leg.until(lambda: [line for line in leg.warnings() if "base64" in line])


@pytest.mark.rule("9.dropped")
def test_a_text_with_a_nul_byte_is_no_event_but_a_warning(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    texts = ['{"type":"cut","text":"before\0after"}', "plain \0 text", '{"type":"end"}\0', "\0"]
    far.send(*texts, *texts, '{"type":"escaped","text":"before\\u0000after"}')
    body = leg.event("json").body
    assert body == '{"type":"escaped","text":"before\\u0000after"}'
    leg.until(lambda: leg.warnings())
    [warning] = leg.warnings()
    assert "NUL" in warning


@pytest.mark.rule("3.7", "3.9")
@pytest.mark.stepped
def test_speech_starts_with_the_first_frame_that_is_heard_and_stops_when_it_has_drained(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(noise(400, 8000))
    far.say("marker")
    leg.event("json", still=True)
    assert leg.events("openai_speech_start") == []
    leg.run(20)
    assert leg.event("openai_speech_start", still=True).json() == STARTED
    leg.run(360)
    assert level(leg.heard()[-160:]) > 1000
    leg.run(200)
    far.say("marker")
    leg.event("json", still=True)
    assert leg.events("openai_speech_stop") == []
    far.finish()
    assert leg.event("openai_speech_stop").json() == STOPPED
    assert leg.events("openai_speech_start", "openai_speech_stop") == []


@pytest.mark.rule("3.7")
def test_the_stop_comes_after_the_last_sound(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(tone(500, 700, 8000))
    far.finish()
    leg.event("openai_speech_start")
    leg.event("openai_speech_stop")
    leg.run(100)
    [heard] = sounding(leg.heard(), 8000)
    assert len(heard) == pytest.approx(5600, abs=16)


@pytest.mark.rule("3.8", "3.9")
def test_a_barge_in_stops_speech_at_once(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(tone(500, 8000, 8000))
    leg.event("openai_speech_start")
    far.say("input_audio_buffer.speech_started")
    assert leg.event("openai_speech_stop", still=True).json() == STOPPED
    far.say("input_audio_buffer.speech_started")
    far.finish()
    far.say("response.done", response={"id": "r1"})
    for _ in range(4):
        leg.event("json")
    leg.run(200)
    assert leg.events("openai_speech_start", "openai_speech_stop") == []


@pytest.mark.rule("3.9")
def test_speech_events_come_in_pairs_whatever_the_server_does(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    for number in range(6):
        name = f"r{number}"
        far.say("response.created", response={"id": name})
        far.speak(tone(400 + 50 * number, 100 + 40 * number, 8000), name)
        if number % 3 == 0:
            far.say("input_audio_buffer.speech_started")
        if number % 2:
            far.finish(name)
        far.finish(name)
        far.say("response.done", response={"id": name})
        leg.run(120)
    far.say("last")
    leg.until(lambda: any('"last"' in event.body for event in leg.events("json")))
    leg.run(1500)
    leg.ok("stop")
    leg.event("disconnect")
    told = [event.json() for event in leg.events("openai_speech_start", "openai_speech_stop")]
    assert told and told == [STARTED, STOPPED] * (len(told) // 2)


@pytest.mark.rule("3.9")
def test_a_stop_in_mid_speech_closes_the_pair(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(tone(500, 5000, 8000))
    leg.event("openai_speech_start")
    leg.ok("stop")
    assert leg.event("openai_speech_stop").json() == STOPPED
    leg.event("disconnect")
    assert [event.name for event in leg.events(*SUBCLASSES)].count("openai_speech_stop") == 0


@pytest.mark.rule("7.4")
def test_caller_audio_of_the_time_without_a_connection_is_never_sent(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    before, lost, after = (noise(500, 8000, seed=seed) for seed in (1, 2, 3))
    leg.tell(before)
    leg.until(lambda: before.tobytes() in far.audio(0).tobytes())
    far.behave(first(len(far.handshakes) + 2, REFUSING, SILENT))
    far.drop()
    leg.event("error", still=True)
    leg.tell(lost)
    leg.event("connect", still=True)
    leg.tell(after)
    leg.until(lambda: after.tobytes() in far.audio(1).tobytes())
    assert not any(lost[at : at + 80].tobytes() in far.audio(1).tobytes() for at in range(0, len(lost), 80))


@pytest.mark.rule("7.5", "3.9")
def test_completed_playback_drains_through_a_reconnect(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(2500, 8000)
    far.speak(speech)
    far.finish()
    leg.event("openai_speech_start")
    far.behave(first(len(far.handshakes) + 3, REFUSING, SILENT))
    far.drop()
    leg.event("disconnect")
    leg.event("openai_speech_stop")
    leg.until(lambda: speech.tobytes() in leg.heard().tobytes())
    leg.event("connect")
    again = noise(300, 8000, seed=2)
    far.speak(again)
    leg.until(lambda: again.tobytes() in leg.heard().tobytes())


@pytest.mark.rule("7.5", "3.9")
def test_playback_that_the_loss_cut_short_drains_and_ends_in_its_stop_too(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(800, 8000)
    far.speak(speech)
    leg.event("openai_speech_start")
    far.drop()
    leg.event("openai_speech_stop")
    leg.until(lambda: speech.tobytes() in leg.heard().tobytes())


@pytest.mark.rule("3.6", "5.15", "5.16")
def test_a_play_event_is_the_message_with_the_file_in_place_of_the_audio(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    message = {"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "output_index": 3}
    far.send(json.dumps({**message, "delta": json.loads(delta(np.ones(80, np.int16).tobytes()))["delta"]}))
    body = leg.event("play").json()
    assert body.pop("file").endswith(f"{leg.uuid}_0.tmp.wav")
    assert body == message


@pytest.mark.rule("1.5")
def test_variables_are_read_at_the_start_and_changes_count_for_the_next(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_BUFFER_SIZE": "40"})
    leg.start(f"{far.url} mono 8k send stream=a")
    leg.set_variable("STREAM_BUFFER_SIZE", "100")
    leg.start(f"{far.url} mono 8k send stream=b")
    leg.until(lambda: len(far.messages(0)) >= 3 and len(far.messages(1)) >= 2)
    assert {len(message.audio) for message in far.messages(0)} == {640}
    assert {len(message.audio) for message in far.messages(1)} == {1600}
    far.drop(0)
    leg.event("connect", stream="a", still=False)
    leg.until(lambda: len(far.messages(2)) >= 2)
    assert {len(message.audio) for message in far.messages(2)} == {640}


@pytest.mark.rule("7.1")
def test_a_server_that_greets_and_hangs_up_is_not_stormed(leg: Leg, far: FarEnd) -> None:
    begun = time.monotonic()
    leg.start(f"{far.url} mono")
    while time.monotonic() < begun + 2:
        far.until(lambda records: not records[-1].closed)
        far.close(1013, "try later")
        leg.event("disconnect")
        leg.event("connect")
    times = [handshake.at for handshake in far.handshakes]
    assert len([at for at in times if at < begun + 2]) <= 8
    # The first loss is tried again at once, within 250 ms.
    assert all(later - earlier >= 0.095 for earlier, later in itertools.pairwise(times[1:]))
