"""An agent on a channel: from the command to the end, against a switch stepped by hand, a scripted endpoint and a host
that is played by the test."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audio.files import write_wav
from link.linked_channel import LinkedChannel, Server, linked_channel
from pilot_doubles import FakeHost

from mod_openai_realtime._media import SwitchSide
from mod_openai_realtime.agent.messages import (
    Acts,
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
from mod_openai_realtime.pilot.barge_in import LOOK_S, ConfirmedBargeIn

SESSION = {"type": "realtime", "instructions": "Be brief."}
DUMP = {
    "Caller-Caller-ID-Number": "+15550100",
    "Caller-Caller-ID-Name": "Ann",
    "Caller-Destination-Number": "5100",
    "Call-Direction": "inbound",
    "variable_AGENT_TABLE_SIZE": "4",
    "variable_AGENT_SHOP": "old",
    "variable_the_key": "sk-of-the-channel",
}


class Greeter(Server):
    """Greets, and answers a session.update."""

    async def greet(self) -> None:
        await self.say(type="session.created", session={})

    async def answer(self, message: dict[str, Any]) -> None:
        if message["type"] == "session.update":
            await self.say(type="session.updated", session=message["session"])


class Bench:
    def __init__(self, server: Greeter, channel: LinkedChannel) -> None:
        self.server, self.url, self.switch, self.timers = server, channel.url, channel.switch, channel.timers
        self._tick = channel.tick
        self.host = FakeHost(channel.agents).hello("bakery")
        self.told: list[Any] = []
        self.heard = b""
        """What the channel has sent of the agent."""

    def frame(self, pcm: bytes | None = None) -> bytes | None:
        out = self.switch.frame(pcm)
        self.heard += out or b""
        self._tick()
        return out

    async def host_told(self, kind: type[Any], count: int = 1) -> Any:
        """The `count`-th message of this type that the host was told; frames pass meanwhile."""
        async with asyncio.timeout(10):
            while True:
                self.told += self.host.told()
                found = [message for message in self.told if isinstance(message, kind)]
                if len(found) >= count:
                    return found[count - 1]
                if self.switch.bugs:
                    self.frame()
                await asyncio.sleep(0.001)

    def act(self, *acts: Any, keep: Kept | None = None) -> None:
        begin = next(message for message in self.told if isinstance(message, Begin))
        self.host.say(Acts(begin.call, self.told[-1].n, list(acts), keep))

    async def begin(self, arguments: str = "start bakery") -> Begin:
        assert await self.switch.api(arguments, api="agent") == "+OK Success"
        begin: Begin = await self.host_told(Begin)
        return begin

    async def event_told(self, kind: str) -> None:
        """The host was told of an event of this type; frames pass meanwhile."""
        number = 1
        while json.loads(bytes((await self.host_told(Event, number)).event))["type"] != kind:
            number += 1

    async def talk(self, **plan: Any) -> None:
        await self.begin()
        self.act(Plan(**{"session": SESSION, "url": self.url, **plan}))
        await self.host_told(Connected)


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = Greeter()
    async with linked_channel(server, tmp_path, frozenset({"bakery"})) as channel:
        channel.switch.answers["uuid_dump"] = json.dumps(DUMP)
        yield Bench(server, channel)


async def test_an_agent_is_told_of_its_call(bench: Bench) -> None:
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
async def test_commands_that_are_answered_at_once(bench: Bench, arguments: str, reply: str) -> None:
    assert await bench.switch.api(arguments, api="agent") == reply


async def test_the_session_is_asked_for_before_any_audio_and_then_the_agent_is_connected(bench: Bench) -> None:
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


async def test_an_agents_stream_is_a_stream_like_any_other(bench: Bench) -> None:
    await bench.talk()
    (stream,) = json.loads((await bench.switch.api("list")).removeprefix("+OK "))
    assert stream["name"] == "default" and stream["connected"]
    (agent,) = json.loads((await bench.switch.api("list", api="agent")).removeprefix("+OK "))
    assert (agent["agent"], agent["stream"], agent["state"]) == ("bakery", "default", "talking")
    assert await bench.switch.api("start ws://h/ mono", api="openai") == "-ERR Stream already exists"
    assert await bench.switch.api("mute") == "+OK Success"


async def test_what_the_server_says_and_what_is_heard_is_told_in_its_order(bench: Bench) -> None:
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


async def test_an_answer_that_is_cut_short_is_not_over_before_it_is_known_how_much_was_heard(bench: Bench) -> None:
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


async def test_what_an_agent_sends_goes_out(bench: Bench) -> None:
    await bench.talk()
    bench.act(Send({"type": "response.create"}))
    await bench.server.until(lambda: bench.server.texts[-1]["type"] == "response.create")


async def test_a_sound_of_its_own_is_played_and_told_of(bench: Bench, tmp_path: Path) -> None:
    await bench.talk()
    path = tmp_path / "sound.pcm"
    path.write_bytes(b"\x11\x22" * 2400)
    bench.act(Play(7, str(path), pcm=True, remove=True))
    played = await bench.host_told(Played)
    assert (played.id, played.heard_ms, played.interrupted, played.error) == (7, 100, False, None)
    assert not path.exists()
    bench.act(Play(8, str(path), pcm=True))
    assert (await bench.host_told(Played, 2)).error == "No such file or directory"


async def test_a_break_silences_it(bench: Bench, tmp_path: Path) -> None:
    await bench.talk()
    path = tmp_path / "sound.pcm"
    path.write_bytes(b"\x11\x22" * 24000)
    bench.act(Play(1, str(path), pcm=True))
    await bench.host_told(Speech)
    bench.act(Break())
    assert (await bench.host_told(Played)).interrupted


async def test_digits_arrive(bench: Bench) -> None:
    await bench.talk()
    bench.switch.key("1#")
    assert (await bench.host_told(Digit, 2)).digit == "#"


async def test_commands_are_carried_out(bench: Bench) -> None:
    await bench.talk()
    bench.act(Execute(1, "set_variable", "a", "b"), Execute(2, "stream", "pause"), Execute(3, "stream", "mute", "moon"))
    await bench.host_told(Result, 3)
    results = {message.id: message for message in bench.told if isinstance(message, Result)}
    assert results[1].ok and bench.switch.variables["a"] == "b"
    assert results[2].ok and "paused" in await bench.switch.api("list")
    assert results[3].error == "Invalid mute target; expected user, openai or all"


async def test_a_hangup_ends_the_call(bench: Bench) -> None:
    await bench.talk()
    bench.switch.hang_up()
    assert (await bench.host_told(Ended)).reason == "caller"
    assert await bench.switch.api("list", api="agent") == "+OK []"


async def test_a_hangup_by_the_agent_is_its_own(bench: Bench) -> None:
    await bench.talk()
    bench.act(Execute(1, "hang_up", "NORMAL_CLEARING"))
    await bench.host_told(Result)
    assert bench.switch.executed[-1][1]["arguments"] == f"{bench.switch.uuid} NORMAL_CLEARING"
    bench.switch.hang_up()
    assert (await bench.host_told(Ended)).reason == "hang_up"


@pytest.mark.parametrize("how", ["command", "agent"])
async def test_a_stop_ends_the_stream_and_the_channel_stays(bench: Bench, how: str) -> None:
    await bench.talk()
    if how == "command":
        assert await bench.switch.api("stop", api="agent") == "+OK Success"
    else:
        bench.act(Close())
    assert (await bench.host_told(Ended)).reason == "stopped"
    await bench.switch.until(lambda: bench.switch.closed == [1])
    assert await bench.switch.api("list") == "+OK []"


async def test_a_stop_before_the_plan_takes_the_bug_off(bench: Bench) -> None:
    await bench.begin()
    assert await bench.switch.api("stop", api="agent") == "+OK Success"
    assert (await bench.host_told(Ended)).reason == "stopped"
    assert bench.switch.bugs == {}
    bench.act(Plan(SESSION, url=bench.url))
    assert bench.server.connections == []


async def test_a_hangup_before_the_plan_ends_the_call(bench: Bench) -> None:
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
async def test_an_agent_that_cannot_begin_has_failed_with_a_reason(bench: Bench, act: Any, why: str) -> None:
    await bench.begin()
    bench.act(act)
    ended = await bench.host_told(Ended)
    assert (ended.reason, ended.detail) == ("failed", why)
    await bench.switch.until(lambda: bench.switch.bugs == {})
    assert bench.switch.failures == [why]
    assert any(why in text for _, text in bench.switch.log)
    assert not any("sk-literal" in text for _, text in bench.switch.log)


@pytest.mark.parametrize("why", ["it can't begin", "its key is missing"])
async def test_what_the_caller_hears_where_there_will_be_no_agent(bench: Bench, tmp_path: Path, why: str) -> None:
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


async def test_a_prompt_that_cannot_be_played_keeps_nobody_waiting(bench: Bench, tmp_path: Path) -> None:
    await bench.begin()
    bench.act(Fail("no customers", str(tmp_path / "none.wav")))
    assert (await bench.host_told(Ended)).reason == "failed"
    await bench.switch.until(lambda: bench.switch.failures == ["no customers"])


async def test_the_key_comes_from_where_the_agent_says(bench: Bench) -> None:
    await bench.talk(key="variable:the_key")
    request = bench.server.connections[0].request
    assert request is not None and request.headers["Authorization"] == "Bearer sk-of-the-channel"


async def test_an_agent_without_a_url_has_the_engines_with_its_own_model(bench: Bench) -> None:
    await bench.talk(url=None, model="other")
    request = bench.server.connections[0].request
    assert request is not None and request.path == "/v1/realtime?model=other"


async def test_what_is_asked_of_the_session_in_mid_call_is_said_as_the_server_takes_it(bench: Bench) -> None:
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


async def test_a_reconnect_restores_the_session_and_tells_the_agent(bench: Bench) -> None:
    await bench.talk()
    await bench.server.connections[0].close(1011)
    connected = await bench.host_told(Connected, 2)
    assert (connected.restored, connected.cause) == (True, "reconnect")
    updates = [text for text in bench.server.texts if text["type"] == "session.update"]
    assert [update["session"]["instructions"] for update in updates] == ["Be brief."] * 2


async def test_another_worker_goes_on_with_what_was_kept(bench: Bench) -> None:
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


ANSWER = bytes(range(1, 241)) * 10  # 300 ms of G.711


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """That of ConfirmedBargeIn."""
    clock = Clock()
    monkeypatch.setattr(ConfirmedBargeIn.__init__, "__defaults__", (clock,))
    return clock


class Clock:
    """In seconds."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def looks(bench: Bench) -> list[Any]:
    return [timer for timer in bench.timers.running if timer.delay_s == LOOK_S]


async def speaks(bench: Bench) -> None:
    """The audio of an answer that has begun."""
    delta = base64.b64encode(ANSWER).decode()
    await bench.server.say(type="response.output_audio.delta", response_id="r1", item_id="i1", delta=delta)
    await bench.server.say(type="response.output_audio.done", response_id="r1")


async def is_interrupted(bench: Bench) -> None:
    """The server hears the caller while the agent's answer is heard."""
    await bench.talk(barge_in="confirm")
    await bench.server.say(type="response.created", response={"id": "r1"})
    await speaks(bench)
    await bench.host_told(Speech)
    await bench.server.say(type="input_audio_buffer.speech_started")
    await bench.event_told("input_audio_buffer.speech_started")


async def test_a_cough_makes_the_agent_wait_and_go_on_to_the_sample(bench: Bench) -> None:
    await is_interrupted(bench)
    so_far = len(bench.heard)
    for _ in range(10):
        bench.frame()
    waited = bench.heard[so_far:]
    assert len(waited) == 10 * 320 and not any(waited[2 * 40 :])  # it fades, in 5 ms, and then there is silence
    await bench.server.say(type="input_audio_buffer.speech_stopped")
    turn = await bench.host_told(TurnHeard)
    assert turn.heard_ms == 300 and not turn.interrupted
    assert not any("cancel" in text["type"] or "truncate" in text["type"] for text in bench.server.texts)


async def test_words_are_a_barge_in_once_they_have_lasted(bench: Bench, clock: Clock) -> None:
    await is_interrupted(bench)
    while looks(bench):  # nothing is heard of the caller, but the server goes on hearing them
        (look,) = looks(bench)
        clock.now += LOOK_S
        look.cancel()
        look.function()
    assert clock.now == pytest.approx(1001.0, abs=2 * LOOK_S)
    turn = await bench.host_told(TurnHeard)
    assert turn.interrupted and turn.heard_ms < 300
    await bench.server.until(lambda: bench.server.texts[-1]["type"] == "conversation.item.truncate")
    assert bench.server.texts[-1]["audio_end_ms"] == turn.heard_ms
    assert [text for text in bench.server.texts if text["type"] == "response.cancel"]


async def test_an_answer_that_is_only_coming_is_held_back_too(bench: Bench, clock: Clock) -> None:
    await bench.talk(barge_in="confirm")
    await bench.server.say(type="response.created", response={"id": "r1"})
    await bench.server.say(type="input_audio_buffer.speech_started")
    await speaks(bench)
    await bench.event_told("input_audio_buffer.speech_started")
    for _ in range(10):
        bench.frame()
    assert not any(bench.heard)
    await bench.server.say(type="input_audio_buffer.speech_stopped")
    turn = await bench.host_told(TurnHeard)
    assert turn.heard_ms == 300 and not turn.interrupted


@pytest.mark.parametrize("policy", ["off", "confirm"])
async def test_the_server_is_asked_to_leave_its_answers_alone(bench: Bench, policy: str) -> None:
    await bench.talk(barge_in=policy)
    update = next(text for text in bench.server.texts if text["type"] == "session.update")
    assert update["session"]["audio"]["input"]["turn_detection"]["interrupt_response"] is False
    bench.act(Send({"type": "session.update", "session": {"audio": {"input": {"turn_detection": {"type": "x"}}}}}))
    await bench.server.until(lambda: bench.server.texts[-1] != update)
    detection = bench.server.texts[-1]["session"]["audio"]["input"]["turn_detection"]
    assert detection == {"type": "x", "interrupt_response": False}


async def test_where_barge_in_is_off_the_caller_stops_nothing(bench: Bench) -> None:
    await bench.talk(barge_in="off")
    await bench.server.say(type="response.created", response={"id": "r1"})
    await speaks(bench)
    await bench.host_told(Speech)
    await bench.server.say(type="input_audio_buffer.speech_started")
    turn = await bench.host_told(TurnHeard)
    assert turn.heard_ms == 300 and not turn.interrupted
    assert looks(bench) == []


async def test_what_may_not_be_interrupted_is_not_paused(bench: Bench, tmp_path: Path) -> None:
    await bench.talk(barge_in="confirm")
    path = tmp_path / "sound.pcm"
    path.write_bytes(b"\x11\x22" * 4800)
    bench.act(Play(1, str(path), pcm=True, interruptible=False))
    await bench.host_told(Speech)
    await bench.server.say(type="input_audio_buffer.speech_started")
    played = await bench.host_told(Played)
    assert played.heard_ms == 200 and not played.interrupted
