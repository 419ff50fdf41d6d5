"""Agents in Python on real calls: what they say is heard, what they do is done."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from agent.talk import TONE, Talks, call_of, do, wait_outputs
from audio.files import read_wav, write_wav
from audio.tones import tone
from engine_process import EngineProcess
from freeswitch import RealSwitch
from sip.hearing import has_ended, sounded_ms, the_tone, wait_tone
from sip.telephone import TelephoneCall

from mod_openai_realtime.freeswitch.ports import own_ports


def is_host(pid: int) -> bool:
    """Of the engine's processes, those that agents run in: only they have what makes schemas."""
    return "pydantic_core" in Path(f"/proc/{pid}/maps").read_text()


def wait_variable(switch: RealSwitch, call: TelephoneCall, name: str, value: str) -> None:
    switch.wait_until(lambda: switch.api(f"uuid_getvar {call.uuid} {name}") == value)


def test_the_greeting_is_heard_whole(talk: Talks) -> None:
    call, _ = talk(TONE)
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    hertz, segment = the_tone(call.party.audio(), 8000)
    assert abs(hertz - 440) < 2 and abs(len(segment) - 4800) < 200


def test_variables_of_the_channel(talk: Talks, switch: RealSwitch) -> None:
    call, endpoint = talk(call_of("note_variable"), TONE)
    (output,) = wait_outputs(endpoint)
    assert output == "yes"
    assert switch.api(f"uuid_getvar {call.uuid} agent_was_here") == "yes"
    wait_tone(call.party, 440)  # the model answers once its call was


def test_a_hangup_waits_for_the_goodbye(talk: Talks) -> None:
    call, _ = talk({**TONE, **call_of("finish")})
    call.wait_end()
    hertz, segment = the_tone(call.party.audio(), 8000)
    assert abs(hertz - 440) < 2 and abs(len(segment) - 4800) < 200


def test_a_transfer_waits_for_what_was_said_and_leaves(talk: Talks, switch: RealSwitch) -> None:
    call, _ = talk({**TONE, **do("transfer", extension="tone-1000")})
    wait_tone(call.party, 1000)
    assert abs(sounded_ms(call.party.audio(), 440) - 600) <= 20
    assert switch.api(f"uuid_openai_agent {call.uuid} list") == "+OK []"
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "transferred"


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ({"extension": "9999"}, "no extension 9999"),
        ({"extension": "tone-1000", "context": "defualt"}, "no context defualt"),
    ],
)
def test_a_transfer_to_nowhere_fails_and_the_conversation_goes_on(talk: Talks, where: dict[str, str], why: str) -> None:
    call, endpoint = talk(do("transfer", **where), TONE)
    (output,) = wait_outputs(endpoint)
    assert why in output
    wait_tone(call.party, 440)


def test_digits_reach_the_agent(talk: Talks, switch: RealSwitch) -> None:
    call, _ = talk(TONE)
    wait_tone(call.party, 440)
    call.party.press("12#")
    wait_variable(switch, call, "agent_digits", "12")


def test_an_agent_that_is_stopped_leaves_the_caller_to_the_dialplan(talk: Talks, switch: RealSwitch) -> None:
    call, _ = talk(TONE)
    wait_tone(call.party, 440)
    (row,) = json.loads(switch.api(f"uuid_openai_agent {call.uuid} list").removeprefix("+OK "))
    assert (row["agent"], row["stream"], row["state"]) == ("helper", "default", "talking")
    assert switch.api(f"uuid_openai_agent {call.uuid} stop") == "+OK Success"
    wait_tone(call.party, 1000)
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "stopped"


def test_where_there_is_no_endpoint_the_dialplan_goes_on(talk: Talks, switch: RealSwitch) -> None:
    call = talk.begin(f"helper url=ws://127.0.0.1:{own_ports().free()}/ patience=1").wait_answered()
    wait_tone(call.party, 1000)
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "failed"
    assert "No connection within 1 s" in switch.api(f"uuid_getvar {call.uuid} openai_agent_reason")


def test_an_unknown_agent_fails_at_once(talk: Talks, switch: RealSwitch) -> None:
    call = talk.begin("nobody").wait_answered()
    wait_tone(call.party, 1000)
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_reason") == "Unknown agent 'nobody'"


def test_a_host_that_is_killed_is_followed_by_another(talk: Talks, engine: EngineProcess) -> None:
    call, endpoint = talk(TONE, call_of("note_variable"), TONE)
    wait_tone(call.party, 440)
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    (pid,) = [pid for pid in engine.children if is_host(pid)]
    os.kill(pid, signal.SIGKILL)
    # A digit makes the model answer: only an agent can tell it.
    call.party.press("5#")
    (output,) = wait_outputs(endpoint)
    assert output == "yes"
    wait_tone(call.party, 440)


def test_a_worker_that_is_killed_is_followed_by_another(talk: Talks, engine: EngineProcess) -> None:
    call, endpoint = talk(TONE)
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    for pid in engine.children:
        if not is_host(pid):
            os.kill(pid, signal.SIGKILL)
    endpoint.wait_for(lambda it: len(it.connections) >= 2, 20)
    # A digit makes the model answer: only an agent can tell it.
    call.party.press("5#")
    call.party.wait_heard(lambda audio: sounded_ms(audio, 440) >= 1160)


def test_own_audio_is_heard_exactly(talk: Talks, tmp_path: Path) -> None:
    path = tmp_path / "chime.wav"
    write_wav(path, tone(600, 400, 8000), 8000)
    call, endpoint = talk(do("play", audio=str(path)), TONE)
    (output,) = wait_outputs(endpoint)
    assert output == "Heard(text='', ms=400, interrupted=False)"
    wait_tone(call.party, 440)
    assert abs(sounded_ms(call.party.audio(), 600) - 400) <= 20


def test_what_the_agent_has_the_model_say_was_heard_when_it_returns(talk: Talks) -> None:
    _, endpoint = talk(do("say", text="One moment."), {"say": "One moment."}, TONE)
    (output,) = wait_outputs(endpoint)
    found = re.fullmatch(r"Heard\(text='One moment.', ms=(\d+), interrupted=False\)", output)
    assert found and int(found[1]) > 300


def test_on_hold_the_caller_hears_music(talk: Talks) -> None:
    music = "hold_music=tone_stream://%(60000,0,800)"
    call, endpoint = talk(call_of("ask_somebody"), TONE, variables=music)
    wait_outputs(endpoint)
    wait_tone(call.party, 440)
    assert 300 <= sounded_ms(call.party.audio(), 800) <= 700


def test_digits_are_collected(talk: Talks, switch: RealSwitch) -> None:
    call, endpoint = talk(call_of("collect"), TONE)
    wait_variable(switch, call, "agent_collects", "yes")
    call.party.press("789")
    (output,) = wait_outputs(endpoint)
    assert output == "789"
    wait_tone(call.party, 440)


def test_a_bridge_connects_the_caller_to_another_party(talk: Talks, switch: RealSwitch) -> None:
    call, _ = talk(do("bridge", dial_string="loopback/tone-700/default"))
    wait_tone(call.party, 700)
    switch.wait_until(lambda: switch.api(f"uuid_openai_agent {call.uuid} list") == "+OK []")
    wait_tone(call.party, 700)


def test_a_bridge_that_fails_is_told_and_the_conversation_goes_on(talk: Talks) -> None:
    call, endpoint = talk(do("bridge", dial_string="loopback/over/default"), TONE)
    (output,) = wait_outputs(endpoint)
    assert output.startswith("CallError")
    wait_tone(call.party, 440)


def test_an_application_runs_and_returns(talk: Talks) -> None:
    call, endpoint = talk(do("execute", application="playback", data="tone_stream://%(300,0,900)"), TONE)
    (output,) = wait_outputs(endpoint)
    assert output == "None"
    wait_tone(call.party, 440)
    assert sounded_ms(call.party.audio(), 900) >= 260


def test_a_recording_has_both_sides(talk: Talks, switch: RealSwitch) -> None:
    _, endpoint = talk(
        do("record", path=f"{switch.recordings}/agent.wav"),
        do("say", text="x"),
        TONE,
        do("stop_recording"),
        TONE,
    )
    wait_outputs(endpoint, 3)
    samples, rate = read_wav(switch.recordings / "agent.wav")
    assert rate == 8000
    assert max(sounded_ms(samples[side::2], 440) for side in (0, 1)) >= 500
