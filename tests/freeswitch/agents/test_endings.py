"""How an agent's part ends, what its on_end is told, and what the caller hears where there was none to begin with."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from agent.talk import TONE, Talks, call_of, do, wait_outputs
from audio.files import write_wav
from audio.tones import tone
from engine_process import EngineProcess
from freeswitch import RealSwitch
from sip.hasty import HastyCall, HastyCallers
from sip.hearing import has_ended, sounded_ms, wait_tone

from mod_openai_realtime.freeswitch.ports import own_ports

BEHIND = 1000  # Hz: what the dialplan plays behind the application


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    path = tmp_path / "sorry.wav"
    write_wav(path, tone(600, 400, 8000), 8000)
    return path


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("patience=1", "No connection within 1 s"),
        ("key=env:NO_SUCH_KEY", "the engine has no environment variable NO_SUCH_KEY"),
        ("fails=yes", "there is no table of customers"),
    ],
    ids=["no endpoint", "no key", "its own code"],
)
def test_where_there_can_be_no_agent_the_prompt_is_heard_and_the_dialplan_goes_on(
    talk: Talks, switch: RealSwitch, prompt: Path, why: str, reason: str
) -> None:
    url = f"ws://127.0.0.1:{own_ports().free()}/"
    call = talk.begin(f"helper url={url} prompt={prompt} {why}").wait_answered()
    heard = wait_tone(call.party, BEHIND)
    assert abs(sounded_ms(heard, 600) - 400) <= 20
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "failed"
    assert reason in switch.api(f"uuid_getvar {call.uuid} openai_agent_reason")
    talk.wait_notes(["helper", "failed"])


def test_an_agent_that_is_stopped(talk: Talks, switch: RealSwitch) -> None:
    call, _ = talk(TONE)
    wait_tone(call.party, 440)
    assert switch.api(f"uuid_openai_agent {call.uuid} stop") == "+OK Success"
    talk.wait_notes(["helper", "stopped"])


def test_a_caller_who_hangs_up_while_a_tool_waits(talk: Talks, switch: RealSwitch) -> None:
    call, _ = talk(call_of("collect"))
    switch.wait_until(lambda: switch.api(f"uuid_getvar {call.uuid} agent_collects") == "yes")
    call.hang_up()
    talk.wait_notes(["helper", "caller"])


def test_after_the_end_nothing_can_be_done(talk: Talks) -> None:
    call, _ = talk(TONE, parameters="asks_after=yes")
    wait_tone(call.party, 440)
    call.hang_up()
    talk.wait_notes(["helper", "caller"], ["error", "the call is over"])


def test_callers_who_hang_up_at_once_leave_nothing(talk: Talks, switch: RealSwitch, engine: EngineProcess) -> None:
    endpoint = talk.endpoint()
    callers = HastyCallers(
        switch.sip_address, "agent", {"X-Agent": f"helper url={endpoint.url} notes={talk.notes_file}"}
    )
    callers.make([HastyCall(delay_ms) for delay_ms in (0, 1, 2, 5, 10, 20, 50)], every_ms=20)
    switch.wait_until(lambda: switch.session_count() == 0)
    switch.wait_until(lambda: len(endpoint.call(lambda it: [each for each in it.connections if not each.closed])) == 0)
    switch.wait_until(lambda: len(talk.notes) <= 7 and all(each == ["helper", "caller"] for each in talk.notes))


def test_a_call_that_was_handed_over_stays_with_its_agent_though_the_process_dies(
    talk: Talks, engine: EngineProcess
) -> None:
    call, endpoint = talk(call_of("hand_over"), TONE, call_of("who"), TONE)
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    talk.wait_notes(["helper", "handed_over"])
    (pid,) = [pid for pid in engine.children if "pydantic_core" in Path(f"/proc/{pid}/maps").read_text()]
    os.kill(pid, signal.SIGKILL)
    call.party.press("5#")  # an agent alone can tell it
    assert wait_outputs(endpoint, 2)[-1] == "night"
    wait_tone(call.party, 440, 800)
    call.hang_up()
    talk.wait_notes(["helper", "handed_over"], ["night", "caller"])


def test_a_caller_on_hold_whose_agent_dies_is_with_another_again(
    talk: Talks, switch: RealSwitch, engine: EngineProcess
) -> None:
    call, endpoint = talk(do("hold"), TONE, variables="hold_music=tone_stream://%(60000,0,800)")
    wait_outputs(endpoint)
    wait_tone(call.party, 800)
    (pid,) = [pid for pid in engine.children if "pydantic_core" in Path(f"/proc/{pid}/maps").read_text()]
    os.kill(pid, signal.SIGKILL)
    wait_tone(call.party, 440)  # what waited on hold
    since = len(call.party.received)
    assert sounded_ms(call.party.wait_heard(lambda audio: len(audio) > 1600, since=since), 800) == 0
