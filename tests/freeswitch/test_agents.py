"""Agents in Python on real calls: what they say is heard, what they do is done."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from audio.files import read_wav, write_wav
from audio.g711 import Pcm16
from audio.tones import tone, tone_amplitude
from engine_process import EngineProcess
from freeswitch import RealSwitch, find_freeswitch
from sip import Call, Caller
from sip.hearing import has_ended, the_tone

from mod_openai_realtime.freeswitch.ports import own_ports
from mod_openai_realtime.local.recording import ConnectionRecord
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.local.voice import hibari
from mod_openai_realtime.native import MODULE_PATH

AGENTS = Path(__file__).with_name("agents_under_test.py")
MakeCalls = Callable[..., Caller]
MakeEndpoint = Callable[..., LocalEndpointThread]
TONE: dict[str, object] = {"tone_hz": 440, "ms": 600}
Talk = Callable[..., tuple[Call, LocalEndpointThread]]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def engine_process(place: Path) -> Iterator[EngineProcess]:
    """With agents, where the others have none."""
    engine = EngineProcess(place, "--workers", "2", "--agent", f"{AGENTS}:Helper", "--log-level", "debug")
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def switch_process(place: Path) -> Iterator[RealSwitch]:
    prefix = find_freeswitch()
    if prefix is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX, or have freeswitch on the PATH")
    switch = RealSwitch(prefix, MODULE_PATH, place / "engine.sock", place)
    yield switch
    switch.stop()


@pytest.fixture
def talk(engine: EngineProcess, switch: RealSwitch, make_calls: MakeCalls, make_endpoint: MakeEndpoint) -> Talk:
    """A caller, and the endpoint that the agent talks to: what the model does in answer to the greeting's request, and
    to each turn of the caller, is in `script`."""

    def talk(
        *script: dict[str, object], vad: bool = False, variables: str = "", parameters: str = ""
    ) -> tuple[Call, LocalEndpointThread]:
        endpoint = make_endpoint(agent={"turns": list(script)}, vad=vad)
        headers = {"X-Agent": f"helper url={endpoint.url} {parameters}"}
        headers |= {"X-Variables": variables} if variables else {}
        call = make_calls("agent", 1, headers=headers).calls[0].wait_media()
        return call, endpoint

    return talk


def call_of(name: str, **arguments: object) -> dict[str, object]:
    return {"call": {"name": name, "arguments": arguments}}


def outputs(endpoint: LocalEndpointThread) -> list[dict[str, Any]]:
    """What the model was told that its calls gave, oldest first."""
    return endpoint.call(lambda it: outputs_of(it.connections))


def outputs_of(records: Sequence[ConnectionRecord]) -> list[dict[str, Any]]:
    items = [event["item"] for each in records for event in each.received_events("conversation.item.create")]
    return [item for item in items if item["type"] == "function_call_output"]


def is_host(pid: int) -> bool:
    """Of the engine's processes, those that agents run in: only they have what makes schemas."""
    return "pydantic_core" in Path(f"/proc/{pid}/maps").read_text()


def wait_outputs(endpoint: LocalEndpointThread, count: int = 1) -> list[dict[str, Any]]:
    endpoint.wait_for(lambda it: len(outputs_of(it.connections)) >= count, 20)
    return outputs(endpoint)


def wait_tone(call: Call, hertz: float, ms: int = 200) -> None:
    """Returns once the caller has heard so much of it."""

    def heard(audio: Pcm16) -> bool:
        last = audio[-8 * ms :]
        return len(last) == 8 * ms and tone_amplitude(last, hertz, 8000) > 1000

    call.party.wait_heard(heard)


def sounded_ms(audio: Pcm16, hertz: float) -> int:
    """For how long a tone was there, in whole frames."""
    frames = (audio[at : at + 160] for at in range(0, len(audio) - 159, 160))
    return 20 * sum(tone_amplitude(frame, hertz, 8000) > 1000 for frame in frames)


def wait_variable(switch: RealSwitch, call: Call, name: str, value: str) -> None:
    deadline = time.monotonic() + 20
    while switch.api(f"uuid_getvar {call.uuid} {name}") != value:
        assert time.monotonic() < deadline, f"{name} is not {value}"


def test_the_greeting_is_heard_whole(talk: Talk) -> None:
    call, _ = talk(TONE)
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    hertz, segment = the_tone(call.party.audio(), 8000)
    assert abs(hertz - 440) < 2 and abs(len(segment) - 4800) < 200


def test_variables_of_the_channel(talk: Talk, switch: RealSwitch) -> None:
    call, endpoint = talk(call_of("note_variable"), TONE)
    (output,) = wait_outputs(endpoint)
    assert output["output"] == "yes"
    assert switch.api(f"uuid_getvar {call.uuid} agent_was_here") == "yes"
    wait_tone(call, 440)  # the model answers once its call was


def test_a_hangup_waits_for_the_goodbye(talk: Talk) -> None:
    call, _ = talk({**TONE, **call_of("finish")})
    call.wait_end()
    hertz, segment = the_tone(call.party.audio(), 8000)
    assert abs(hertz - 440) < 2 and abs(len(segment) - 4800) < 200


def test_a_transfer_waits_for_what_was_said_and_leaves(talk: Talk, switch: RealSwitch) -> None:
    call, _ = talk({**TONE, **call_of("put_through", to="tone-1000")})
    wait_tone(call, 1000)
    assert abs(sounded_ms(call.party.audio(), 440) - 600) <= 20
    assert switch.api(f"uuid_openai_agent {call.uuid} list") == "+OK []"
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "transferred"


def test_a_transfer_to_nowhere_fails_and_the_conversation_goes_on(talk: Talk) -> None:
    call, endpoint = talk(call_of("put_through", to="9999"), TONE)
    (output,) = wait_outputs(endpoint)
    assert "no extension 9999" in output["output"]
    wait_tone(call, 440)


def test_digits_reach_the_agent(talk: Talk, switch: RealSwitch) -> None:
    call, _ = talk(TONE)
    wait_tone(call, 440)
    switch.api(f"uuid_recv_dtmf {call.uuid} ~12#")
    wait_variable(switch, call, "agent_digits", "12")


def test_an_agent_that_is_stopped_leaves_the_caller_to_the_dialplan(talk: Talk, switch: RealSwitch) -> None:
    call, _ = talk(TONE)
    wait_tone(call, 440)
    (row,) = json.loads(switch.api(f"uuid_openai_agent {call.uuid} list").removeprefix("+OK "))
    assert (row["agent"], row["stream"], row["state"]) == ("helper", "default", "talking")
    assert switch.api(f"uuid_openai_agent {call.uuid} stop") == "+OK Success"
    wait_tone(call, 1000)
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "stopped"


def test_where_there_is_no_endpoint_the_dialplan_goes_on(
    engine: EngineProcess, switch: RealSwitch, make_calls: MakeCalls
) -> None:
    port = own_ports().free()
    call = make_calls("agent", 1, headers={"X-Agent": f"helper url=ws://127.0.0.1:{port}/ patience=1"}).calls[0]
    call.wait_media()
    wait_tone(call, 1000)
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_result") == "failed"
    assert "No connection within 1 s" in switch.api(f"uuid_getvar {call.uuid} openai_agent_reason")


def test_an_unknown_agent_fails_at_once(engine: EngineProcess, switch: RealSwitch, make_calls: MakeCalls) -> None:
    call = make_calls("agent", 1, headers={"X-Agent": "nobody"}).calls[0].wait_media()
    wait_tone(call, 1000)
    assert switch.api(f"uuid_getvar {call.uuid} openai_agent_reason") == "Unknown agent 'nobody'"


def test_a_host_that_is_killed_is_followed_by_another(talk: Talk, switch: RealSwitch, engine: EngineProcess) -> None:
    call, endpoint = talk(TONE, call_of("note_variable"), TONE)
    wait_tone(call, 440)
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    (pid,) = [pid for pid in engine.children if is_host(pid)]
    os.kill(pid, signal.SIGKILL)
    # A digit makes the model answer: only an agent can tell it.
    switch.api(f"uuid_recv_dtmf {call.uuid} ~5#")
    (output,) = wait_outputs(endpoint)
    assert output["output"] == "yes"
    wait_tone(call, 440)


def test_a_worker_that_is_killed_is_followed_by_another(talk: Talk, switch: RealSwitch, engine: EngineProcess) -> None:
    call, endpoint = talk(TONE)
    call.party.wait_heard(lambda audio: has_ended(audio, 8000))
    for pid in engine.children:
        if not is_host(pid):
            os.kill(pid, signal.SIGKILL)
    endpoint.wait_for(lambda it: len(it.connections) >= 2, 20)
    # A digit makes the model answer: only an agent can tell it.
    switch.api(f"uuid_recv_dtmf {call.uuid} ~5#")
    call.party.wait_heard(lambda audio: sounded_ms(audio, 440) >= 1160)


def test_own_audio_is_heard_exactly(talk: Talk, tmp_path: Path) -> None:
    path = tmp_path / "chime.wav"
    write_wav(path, tone(600, 400, 8000), 8000)
    call, endpoint = talk(call_of("do", what="play", text=str(path)), TONE)
    (output,) = wait_outputs(endpoint)
    assert output["output"] == "400 False"
    wait_tone(call, 440)
    assert abs(sounded_ms(call.party.audio(), 600) - 400) <= 20


LONG: dict[str, object] = {"tone_hz": 440, "ms": 3000}


@pytest.fixture(scope="module")
def words() -> Pcm16:
    return hibari().speak_now("No, wait a moment please, I do not want that.", 8000)


def speak_into(call: Call, words: Pcm16) -> None:
    """The caller has heard half a second of what sounds, and speaks."""
    wait_tone(call, 440, 500)
    call.party.say(words)


def speech_started(endpoint: LocalEndpointThread) -> int:
    kind = "input_audio_buffer.speech_started"
    return endpoint.call(lambda it: sum(len(each.sent_events(kind)) for each in it.connections))


@pytest.mark.parametrize(
    ("parameters", "whole"),
    [("", False), ("barge_in=off", True), ("greeting=whole", True), ("barge_in=confirm", False)],
    ids=["server", "off", "uninterruptible", "confirm"],
)
def test_a_greeting_is_stopped_by_the_callers_voice_only_where_it_may(
    talk: Talk, words: Pcm16, parameters: str, whole: bool
) -> None:
    call, endpoint = talk(LONG, {"tone_hz": 880, "ms": 400}, vad=True, parameters=parameters)
    speak_into(call, words)
    wait_tone(call, 880)  # what the caller said is answered, then or later
    ms = sounded_ms(call.party.audio(), 440)
    assert abs(ms - 3000) <= 40 if whole else ms < 2600
    assert speech_started(endpoint) >= 1


def test_an_announcement_is_heard_whole_whoever_speaks(talk: Talk, words: Pcm16, tmp_path: Path) -> None:
    path = tmp_path / "notice.wav"
    write_wav(path, tone(440, 3000, 8000), 8000)
    call, endpoint = talk(call_of("do", what="announce", text=str(path)), {"tone_hz": 880, "ms": 400}, vad=True)
    speak_into(call, words)
    (output,) = wait_outputs(endpoint)
    assert output["output"] == "3000 False"
    assert abs(sounded_ms(call.party.audio(), 440) - 3000) <= 40
    assert speech_started(endpoint) >= 1


def test_what_the_agent_has_the_model_say_was_heard_when_it_returns(talk: Talk) -> None:
    _, endpoint = talk(call_of("do", what="say", text="One moment."), {"say": "One moment."}, TONE)
    (output,) = wait_outputs(endpoint)
    text, ms = output["output"].split("|")
    assert text == "One moment." and int(ms) > 300


def test_on_hold_the_caller_hears_music(talk: Talk) -> None:
    music = "hold_music=tone_stream://%(60000,0,800)"
    call, endpoint = talk(call_of("do", what="hold"), TONE, variables=music)
    wait_outputs(endpoint)
    wait_tone(call, 440)
    assert 300 <= sounded_ms(call.party.audio(), 800) <= 700


def test_digits_are_collected(talk: Talk, switch: RealSwitch) -> None:
    call, endpoint = talk(call_of("do", what="digits"), TONE)
    wait_variable(switch, call, "agent_collects", "yes")
    switch.api(f"uuid_recv_dtmf {call.uuid} ~789")
    (output,) = wait_outputs(endpoint)
    assert output["output"] == "789"
    wait_tone(call, 440)


def test_a_bridge_connects_the_caller_to_another_party(talk: Talk, switch: RealSwitch) -> None:
    call, _ = talk(call_of("do", what="bridge", text="loopback/tone-700/default"))
    wait_tone(call, 700)
    deadline = time.monotonic() + 20
    while switch.api(f"uuid_openai_agent {call.uuid} list") != "+OK []":
        assert time.monotonic() < deadline, "the agent is still there"
    wait_tone(call, 700)


def test_a_bridge_that_fails_is_told_and_the_conversation_goes_on(talk: Talk) -> None:
    call, endpoint = talk(call_of("do", what="bridge", text="loopback/over/default"), TONE)
    (output,) = wait_outputs(endpoint)
    assert "done" not in output["output"]
    wait_tone(call, 440)


def test_an_application_runs_and_returns(talk: Talk) -> None:
    call, endpoint = talk(call_of("do", what="execute", text="tone_stream://%(300,0,900)"), TONE)
    (output,) = wait_outputs(endpoint)
    assert output["output"] == "done"
    wait_tone(call, 440)
    assert sounded_ms(call.party.audio(), 900) >= 260


def test_a_recording_has_both_sides(talk: Talk, switch: RealSwitch) -> None:
    _, endpoint = talk(
        call_of("do", what="record", text=f"{switch.recordings}/agent.wav"),
        call_of("do", what="say", text="x"),
        TONE,
        call_of("do", what="stop_recording"),
        TONE,
    )
    wait_outputs(endpoint, 3)
    samples, rate = read_wav(switch.recordings / "agent.wav")
    assert rate == 8000
    assert max(sounded_ms(samples[side::2], 440) for side in (0, 1)) >= 500
