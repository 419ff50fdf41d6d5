"""A caller who speaks while an agent on a channel is heard."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from agent_bench import AgentBench, agent_bench

from mod_openai_realtime.agent.messages import (
    Play,
    Played,
    Send,
    Speech,
    TurnHeard,
)
from mod_openai_realtime.pilot.barge_in import LOOK_S, ConfirmedBargeIn

ANSWER = bytes(range(1, 241)) * 10  # 300 ms of G.711


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AgentBench]:
    async with agent_bench(tmp_path, monkeypatch) as bench:
        yield bench


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


def looks(bench: AgentBench) -> list[Any]:
    return [timer for timer in bench.timers.running if timer.delay_s == LOOK_S]


async def speaks(bench: AgentBench) -> None:
    """The audio of an answer that has begun."""
    delta = base64.b64encode(ANSWER).decode()
    await bench.server.say(type="response.output_audio.delta", response_id="r1", item_id="i1", delta=delta)
    await bench.server.say(type="response.output_audio.done", response_id="r1")


async def is_interrupted(bench: AgentBench, barge_in: str = "confirm") -> None:
    """The server hears the caller while the agent's answer is heard."""
    await bench.talk(barge_in=barge_in)
    await bench.server.say(type="response.created", response={"id": "r1"})
    await speaks(bench)
    await bench.host_told(Speech)
    await bench.server.say(type="input_audio_buffer.speech_started")
    await bench.event_told("input_audio_buffer.speech_started")


async def test_a_cough_makes_the_agent_wait_and_go_on_to_the_sample(bench: AgentBench) -> None:
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


async def test_words_are_a_barge_in_once_they_have_lasted(bench: AgentBench, clock: Clock) -> None:
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


async def test_an_answer_that_is_only_coming_is_held_back_too(bench: AgentBench, clock: Clock) -> None:
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
async def test_the_server_is_asked_to_leave_its_answers_alone(bench: AgentBench, policy: str) -> None:
    await bench.talk(barge_in=policy)
    update = next(text for text in bench.server.texts if text["type"] == "session.update")
    assert update["session"]["audio"]["input"]["turn_detection"]["interrupt_response"] is False
    bench.act(Send({"type": "session.update", "session": {"audio": {"input": {"turn_detection": {"type": "x"}}}}}))
    await bench.server.until(lambda: bench.server.texts[-1] != update)
    detection = bench.server.texts[-1]["session"]["audio"]["input"]["turn_detection"]
    assert detection == {"type": "x", "interrupt_response": False}


async def test_where_barge_in_is_off_the_caller_stops_nothing(bench: AgentBench) -> None:
    await is_interrupted(bench, barge_in="off")
    turn = await bench.host_told(TurnHeard)
    assert turn.heard_ms == 300 and not turn.interrupted
    assert looks(bench) == []


async def test_what_may_not_be_interrupted_is_not_paused(bench: AgentBench, tmp_path: Path) -> None:
    await bench.talk(barge_in="confirm")
    path = tmp_path / "sound.pcm"
    path.write_bytes(b"\x11\x22" * 4800)
    bench.act(Play(1, str(path), pcm=True, interruptible=False))
    await bench.host_told(Speech)
    await bench.server.say(type="input_audio_buffer.speech_started")
    played = await bench.host_told(Played)
    assert played.heard_ms == 200 and not played.interrupted
