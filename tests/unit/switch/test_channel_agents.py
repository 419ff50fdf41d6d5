"""An agent on a channel: from the command to the end."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agent_bench import SESSION, AgentBench, agent_bench
from audio.files import write_wav

from mod_openai_realtime._media import SwitchSide
from mod_openai_realtime.agent.messages import (
    Begin,
    Break,
    Close,
    Connected,
    Digit,
    Ended,
    Event,
    Execute,
    Fail,
    Kept,
    Plan,
    Play,
    Playback,
    Played,
    Result,
    Send,
    Speech,
    TurnHeard,
)


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AgentBench]:
    async with agent_bench(tmp_path, monkeypatch) as bench:
        yield bench


async def test_an_agent_is_told_of_its_call(bench: AgentBench) -> None:
    begin = await bench.begin("start bakery shop=new 'note=two words'")
    assert begin.agent == "bakery" and begin.kept is None and not begin.connected
    facts = begin.facts
    assert (facts.caller_number, facts.caller_name, facts.dialled) == ("+15550100", "Ann", "5100")
    assert facts.direction == "inbound" and facts.uuid == bench.switch.uuid
    assert facts.parameters == {"table_size": "4", "shop": "new", "note": "two words"}


@pytest.mark.parametrize(
    ("arguments", "reply"),
    [
        ("start", "-ERR Start requires the name of an agent"),
        ("start clinic", "-ERR Unknown agent 'clinic'"),
        ("start bakery loud", "-ERR Invalid parameter of an agent; expected name=value"),
        ("start bakery stream=A", "-ERR Invalid stream name; expected 1-64 lowercase letters, digits, '_' or '-'"),
        ("stop", "-ERR Stream not found"),
        ("stop now", "-ERR Stop accepts only an optional stream selector"),
        ("list all", "-ERR List accepts no arguments"),
        ("mute", "-ERR Unknown command"),
        ("list", "+OK []"),
    ],
)
async def test_commands_that_are_answered_at_once(bench: AgentBench, arguments: str, reply: str) -> None:
    assert await bench.switch.api(arguments, api="agent") == reply


async def test_the_session_is_asked_for_before_any_audio_and_then_the_agent_is_connected(bench: AgentBench) -> None:
    await bench.begin()
    bench.act(Plan(SESSION, url=bench.url))
    connected = await bench.host_told(Connected)
    assert (connected.restored, connected.cause) == (False, "first")
    for _ in range(3):
        bench.frame(b"\1\0" * 160)
    await bench.server.until(lambda: len(bench.server.texts) > 1)
    update, audio = bench.server.texts[:2]
    assert update["type"] == "session.update" and update["session"]["instructions"] == "Be brief."
    assert audio["type"] == "input_audio_buffer.append"
    assert not any(subclass == "restored" for subclass, _ in bench.switch.events["default"])


async def test_an_agents_stream_is_a_stream_like_any_other(bench: AgentBench) -> None:
    await bench.talk()
    (stream,) = json.loads((await bench.switch.api("list")).removeprefix("+OK "))
    assert stream["name"] == "default" and stream["connected"]
    (agent,) = json.loads((await bench.switch.api("list", api="agent")).removeprefix("+OK "))
    assert (agent["agent"], agent["stream"], agent["state"]) == ("bakery", "default", "talking")
    assert await bench.switch.api("start ws://h/ mono", api="openai") == "-ERR Stream already exists"
    assert await bench.switch.api("mute") == "+OK Success"


async def test_what_the_server_says_and_what_is_heard_is_told_in_its_order(bench: AgentBench) -> None:
    await bench.talk()
    await bench.server.say(type="response.created", response={"id": "r1"})
    samples = base64.b64encode(b"\x11" * 2400).decode()  # 300 ms of G.711
    await bench.server.say(type="response.output_audio.delta", response_id="r1", item_id="i1", delta=samples)
    await bench.server.say(type="response.output_audio.done", response_id="r1")
    await bench.server.say(type="response.done", response={"id": "r1"})
    await bench.host_told(Playback, 2)
    kinds = [
        json.loads(bytes(message.event))["type"] if isinstance(message, Event) else message
        for message in bench.told
        if isinstance(message, Event | Speech | Playback | TurnHeard)
    ]
    assert kinds[0] == "session.created"
    idle = [message for message in kinds if isinstance(message, Playback)]
    assert [message.idle for message in idle] == [False, True]
    assert kinds.index(idle[0]) < kinds.index("response.done") < kinds.index(idle[1])
    turn = next(message for message in kinds if isinstance(message, TurnHeard))
    assert turn.response_id == "r1" and turn.heard_ms == turn.received_ms == 300 and not turn.interrupted
    assert kinds.index(turn) < kinds.index(idle[1])
    assert not any(kind == "response.output_audio.delta" for kind in kinds)


async def test_an_answer_that_is_cut_short_is_not_over_before_it_is_known_how_much_was_heard(bench: AgentBench) -> None:
    await bench.talk()
    await bench.server.say(type="response.created", response={"id": "r1"})
    samples = base64.b64encode(b"\x11" * 8000).decode()  # a second of G.711
    await bench.server.say(type="response.output_audio.delta", response_id="r1", item_id="i1", delta=samples)
    await bench.server.say(type="response.done", response={"id": "r1", "status": "completed"})
    await bench.host_told(Speech)
    await bench.server.say(type="input_audio_buffer.speech_started")
    await bench.host_told(Playback, 2)
    kinds = [type(message) for message in bench.told]
    idle = [number for number, message in enumerate(bench.told) if isinstance(message, Playback) and message.idle]
    assert kinds.index(TurnHeard) < idle[0]
    assert next(each for each in bench.told if isinstance(each, TurnHeard)).interrupted


async def test_what_an_agent_sends_goes_out(bench: AgentBench) -> None:
    await bench.talk()
    bench.act(Send({"type": "response.create"}))
    await bench.server.until(lambda: bench.server.texts[-1]["type"] == "response.create")


async def test_a_sound_of_its_own_is_played_and_told_of(bench: AgentBench, tmp_path: Path) -> None:
    await bench.talk()
    path = tmp_path / "sound.pcm"
    path.write_bytes(b"\x11\x22" * 2400)
    bench.act(Play(7, str(path), pcm=True, remove=True))
    played = await bench.host_told(Played)
    assert (played.id, played.heard_ms, played.interrupted, played.error) == (7, 100, False, None)
    assert not path.exists()
    bench.act(Play(8, str(path), pcm=True))
    assert (await bench.host_told(Played, 2)).error == "No such file or directory"


async def test_a_break_silences_it(bench: AgentBench, tmp_path: Path) -> None:
    await bench.talk()
    path = tmp_path / "sound.pcm"
    path.write_bytes(b"\x11\x22" * 24000)
    bench.act(Play(1, str(path), pcm=True))
    await bench.host_told(Speech)
    bench.act(Break())
    assert (await bench.host_told(Played)).interrupted


async def test_digits_arrive(bench: AgentBench) -> None:
    await bench.talk()
    bench.switch.key("1#")
    assert (await bench.host_told(Digit, 2)).digit == "#"


async def test_commands_are_carried_out(bench: AgentBench) -> None:
    await bench.talk()
    bench.act(Execute(1, "set_variable", "a", "b"), Execute(2, "stream", "pause"), Execute(3, "stream", "mute", "moon"))
    await bench.host_told(Result, 3)
    results = {message.id: message for message in bench.told if isinstance(message, Result)}
    assert results[1].ok and bench.switch.variables["a"] == "b"
    assert results[2].ok and "paused" in await bench.switch.api("list")
    assert results[3].error == "Invalid mute target; expected user, openai or all"


async def test_a_hangup_ends_the_call(bench: AgentBench) -> None:
    await bench.talk()
    bench.switch.hang_up()
    assert (await bench.host_told(Ended)).reason == "caller"
    assert await bench.switch.api("list", api="agent") == "+OK []"


async def test_a_hangup_by_the_agent_is_its_own(bench: AgentBench) -> None:
    await bench.talk()
    bench.act(Execute(1, "hang_up", "NORMAL_CLEARING"))
    await bench.host_told(Result)
    assert bench.switch.executed[-1][1]["arguments"] == f"{bench.switch.uuid} NORMAL_CLEARING"
    bench.switch.hang_up()
    assert (await bench.host_told(Ended)).reason == "hang_up"


@pytest.mark.parametrize("how", ["command", "agent"])
async def test_a_stop_ends_the_stream_and_the_channel_stays(bench: AgentBench, how: str) -> None:
    await bench.talk()
    if how == "command":
        assert await bench.switch.api("stop", api="agent") == "+OK Success"
    else:
        bench.act(Close())
    assert (await bench.host_told(Ended)).reason == "stopped"
    await bench.switch.until(lambda: bench.switch.closed == [1])
    assert await bench.switch.api("list") == "+OK []"


async def test_a_stop_before_the_plan_takes_the_bug_off(bench: AgentBench) -> None:
    await bench.begin()
    assert await bench.switch.api("stop", api="agent") == "+OK Success"
    assert (await bench.host_told(Ended)).reason == "stopped"
    assert bench.switch.bugs == {}
    bench.act(Plan(SESSION, url=bench.url))
    assert bench.server.connections == []


async def test_a_hangup_before_the_plan_ends_the_call(bench: AgentBench) -> None:
    await bench.begin()
    bench.switch.hang_up()
    assert (await bench.host_told(Ended)).reason == "caller"
    assert await bench.switch.api("list", api="agent") == "+OK []"


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (Fail("on_start raised ValueError"), "on_start raised ValueError"),
        (Plan(SESSION, url="http://h/"), "the agent's url is no ws:// or wss:// address"),
        (Plan(SESSION, key="env:NO_SUCH_KEY"), "the agent's key: the engine has no environment variable NO_SUCH_KEY"),
        (Plan(SESSION, key="variable:none"), "the agent's key: the channel has no variable none"),
        (Plan(SESSION, key="sk-literal"), "the agent's key is none of env:NAME, file:PATH, variable:NAME"),
    ],
)
async def test_an_agent_that_cannot_begin_has_failed_with_a_reason(bench: AgentBench, act: Any, why: str) -> None:
    await bench.begin()
    bench.act(act)
    ended = await bench.host_told(Ended)
    assert (ended.reason, ended.detail) == ("failed", why)
    await bench.switch.until(lambda: bench.switch.bugs == {})
    assert bench.switch.failures == [why]
    assert any(why in text for _, text in bench.switch.log)
    assert not any("sk-literal" in text for _, text in bench.switch.log)


@pytest.mark.parametrize("why", ["it can't begin", "its key is missing"])
async def test_what_the_caller_hears_where_there_will_be_no_agent(bench: AgentBench, tmp_path: Path, why: str) -> None:
    prompt = tmp_path / "sorry.wav"
    write_wav(prompt, np.full(1600, 3000, np.int16), 8000)
    await bench.begin()
    plan = Plan(SESSION, key="variable:none", failure_prompt=str(prompt))
    bench.act(Fail("no customers", str(prompt)) if why == "it can't begin" else plan)
    ended = await bench.host_told(Ended)
    assert ended.reason == "failed"
    loud = np.abs(np.frombuffer(bench.heard, np.int16)) > 1000
    assert np.count_nonzero(loud) == pytest.approx(1600, abs=80)
    await bench.switch.until(lambda: bench.switch.bugs == {})
    assert bench.switch.failures == [
        "no customers" if why == "it can't begin" else "the agent's key: the channel has no variable none"
    ]
    assert bench.server.connections == []


async def test_a_prompt_that_cannot_be_played_keeps_nobody_waiting(bench: AgentBench, tmp_path: Path) -> None:
    await bench.begin()
    bench.act(Fail("no customers", str(tmp_path / "none.wav")))
    assert (await bench.host_told(Ended)).reason == "failed"
    await bench.switch.until(lambda: bench.switch.failures == ["no customers"])


async def test_the_key_comes_from_where_the_agent_says(bench: AgentBench) -> None:
    await bench.talk(key="variable:the_key")
    request = bench.server.connections[0].request
    assert request is not None and request.headers["Authorization"] == "Bearer sk-of-the-channel"


async def test_an_agent_without_a_url_has_the_engines_with_its_own_model(bench: AgentBench) -> None:
    await bench.talk(url=None, model="other")
    request = bench.server.connections[0].request
    assert request is not None and request.path == "/v1/realtime?model=other"


async def test_what_is_asked_of_the_session_in_mid_call_is_said_as_the_server_takes_it(bench: AgentBench) -> None:
    bench.switch.variables["STREAM_DIALECT"] = "openai-beta"
    detection = {"type": "server_vad", "threshold": 0.9}
    await bench.talk(session={**SESSION, "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}})
    asked = {"instructions": "Be slow.", "audio": {"input": {"turn_detection": detection}}}
    bench.act(Send({"type": "session.update", "session": asked}))
    updates = [text for text in bench.server.texts if text["type"] == "session.update"]
    assert updates[0]["session"]["turn_detection"] == {"type": "semantic_vad"}
    await bench.server.until(lambda: bench.server.texts[-1]["session"].get("instructions") == "Be slow.")
    assert bench.server.texts[-1]["session"] == {"instructions": "Be slow.", "turn_detection": detection}
    # And is asked again of the next.
    await bench.server.connections[0].close(1011)
    await bench.host_told(Connected, 2)
    again = [text for text in bench.server.texts if text["type"] == "session.update"][-1]["session"]
    assert again["turn_detection"] == detection and again["instructions"] == "Be slow." and "audio" not in again


async def test_a_reconnect_restores_the_session_and_tells_the_agent(bench: AgentBench) -> None:
    await bench.talk()
    await bench.server.connections[0].close(1011)
    connected = await bench.host_told(Connected, 2)
    assert (connected.restored, connected.cause) == (True, "reconnect")
    updates = [text for text in bench.server.texts if text["type"] == "session.update"]
    assert [update["session"]["instructions"] for update in updates] == ["Be brief."] * 2


async def test_another_worker_goes_on_with_what_was_kept(bench: AgentBench) -> None:
    await bench.talk()
    bench.act(keep=Kept({"table": "7"}))
    for timer in list(bench.timers.running):
        timer.function()
    await bench.switch.until(lambda: b'"table":"7"' in bench.switch.kept.get(1, b""))
    kept = bench.switch.kept[1]
    assert await bench.switch.api("stop", api="agent") == "+OK Success"
    await bench.host_told(Ended)
    bench.told.clear()
    side = SwitchSide(played_slots=64)
    bench.switch.resume(5, "start bakery", side, api="agent", kept=kept)
    begin = await bench.host_told(Begin)
    assert begin.kept == Kept({"table": "7"})
    assert begin.facts.caller_number == "+15550100"
    connected = await bench.host_told(Connected)
    assert connected.restored
