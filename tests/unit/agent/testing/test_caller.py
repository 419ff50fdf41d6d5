"""What a caller finds in what is told of a call, and what it says where it does not: the call is a double."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mod_openai_realtime.agent.testing import caller as module
from mod_openai_realtime.agent.testing.caller import Caller
from mod_openai_realtime.agent.testing.line import News
from mod_openai_realtime.agent.testing.phone_model import PhoneModel
from mod_openai_realtime.local.recording import ConnectionRecord, Handshake, Message


class Line:
    uuid = "uuid-1"
    state = "talking"
    transferred_to = None

    def __init__(self) -> None:
        self.over = False
        self.told: list[News] = []
        self.pressed = ""

    def news(self) -> list[News]:
        told, self.told = self.told, []
        return told

    async def begin(self, data: str) -> None:
        pass

    async def keys(self, digits: str) -> None:
        self.pressed += digits

    def variable(self, name: str) -> str | None:
        return {"openai_agent_result": "failed", "openai_agent_reason": "Unknown agent"}.get(name)

    async def hang_up(self) -> None:
        self.over = True

    async def finish(self, timeout_s: float) -> None:
        self.over = True

    def tells(self, kind: str, **body: Any) -> None:
        self.told.append(News(kind, json.dumps(body)))


class Exchange:
    """Also the endpoint and the engine."""

    scripted = True
    running = True

    def __init__(self, log: Path) -> None:
        self.log = log
        self.record = ConnectionRecord(0, "/v1/realtime", {})
        self.refused: list[Handshake] = []
        self.began = False
        self.endpoint = self.engine = self

    def snapshot(self) -> list[ConnectionRecord]:
        return [self.record] if self.began else []

    def handshakes(self) -> list[Handshake]:
        return self.refused

    def sends(self, **event: Any) -> None:
        self.record.sent.append(Message(0.0, event=event))

    def receives(self, **event: Any) -> None:
        self.record.received.append(Message(0.0, event=event))


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    (tmp_path / "log").touch()
    return Exchange(tmp_path / "log")


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def caller(exchange: Exchange, line: Line) -> Caller:
    made = Caller(exchange, line, PhoneModel())  # type: ignore[arg-type]
    exchange.began = True
    return made


def answer(exchange: Exchange, line: Line, number: str, text: str, heard_ms: int = 1000) -> None:
    exchange.sends(type="response.output_audio_transcript.done", response_id=number, transcript=text)
    line.tells("openai_speech_start")
    line.tells("openai_speech_stop")
    line.tells(
        "turn", response_id=number, heard_ms=heard_ms, received_ms=1000, interrupted=heard_ms < 1000, item_ids=[]
    )


async def failing(caller: Caller, text: str) -> str:
    with pytest.raises(AssertionError) as failed:
        await caller.hears(text, timeout_s=0)
    return str(failed.value)


async def test_each_look_goes_on_behind_the_one_before(exchange: Exchange, line: Line, caller: Caller) -> None:
    answer(exchange, line, "r1", "Good morning, how can I help?")
    await caller.hears("good morning")
    await caller.hears("how can I help")
    assert "It was heard before: each hears() looks behind" in await failing(caller, "good morning")


async def test_what_was_cut_off_was_not_heard(exchange: Exchange, line: Line, caller: Caller) -> None:
    answer(exchange, line, "r1", "We have rolls and bread.", heard_ms=500)
    told = await failing(caller, "and bread")
    assert told.startswith(
        "'and bread' was not heard within 0 s. The model said it, but was cut off.\nWhat happened:\n"
    )
    assert "“We have”, and was cut off at" in told and "of “We have rolls and bread.”" in told


async def test_an_agent_that_is_still_speaking(exchange: Exchange, line: Line, caller: Caller) -> None:
    line.tells("openai_speech_start")
    told = await failing(caller, "hello")
    assert "The agent is still speaking." in told and "agent     is speaking" in told


async def test_a_script_that_nobody_has_asked_for(caller: Caller) -> None:
    caller.model.will_say("Hello.").will_say("Goodbye.")
    assert "for the rest of its script (2 to come)" in await failing(caller, "hello")


async def test_a_script_that_is_left_unused(exchange: Exchange, caller: Caller) -> None:
    exchange.scripted = False
    caller.model.will_say("Hello.")
    assert "With --model=llm a language model answers" in await failing(caller, "hello")


async def test_instructions_that_were_said_for_want_of_a_script(exchange: Exchange, line: Line, caller: Caller) -> None:
    caller.model.unscripted.add("You sell rolls.")
    answer(exchange, line, "r1", "You sell rolls.")
    assert "(nothing was scripted, so the model said its instructions)" in await failing(caller, "hello")


async def test_what_the_endpoint_and_the_agent_complain_of(exchange: Exchange, line: Line, caller: Caller) -> None:
    exchange.refused.append(Handshake(0.0, "/v1/realtime", {}, 503))
    exchange.sends(type="error", error={"message": "no such voice"})
    exchange.sends(
        type="response.done", response={"status": "failed", "status_details": {"error": {"message": "no idea"}}}
    )
    with exchange.log.open("a") as log:
        log.write(
            "2026-11-29 14:00:00,100 ERROR agents-0 agent.tool_runs: uuid-1: tool price failed\n  | KeyError: 'x'\n"
        )
    told = await failing(caller, "hello")
    for text in ("HTTP 503", "refused what it was sent: no such voice", "a response failed: no idea", "  | KeyError"):
        assert text in told


async def test_a_tool_that_was_never_called_is_told_with_the_story(
    exchange: Exchange, line: Line, caller: Caller
) -> None:
    answer(exchange, line, "r1", "Good morning.")
    with pytest.raises(IndexError, match=r"no tool has been called and answered so far\.\nWhat happened:\n.*Good morn"):
        _ = caller.tools[-1]
    assert caller.tools == [] and not caller.tools


async def test_arguments_that_are_no_json_are_none(exchange: Exchange, caller: Caller) -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "price", "arguments": "{of"}
    exchange.sends(type="response.output_item.done", item=item)
    output = {"type": "function_call_output", "call_id": "c1", "output": '{"error": "The arguments don\'t fit"}'}
    exchange.receives(type="conversation.item.create", item=output)
    (run,) = caller.tools
    assert (run.arguments, run.error) == ({}, "The arguments don't fit")


async def test_the_end_is_when_on_end_has_run(
    exchange: Exchange, line: Line, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.over = True
    monkeypatch.setattr(module, "END_S", 0)
    with pytest.raises(AssertionError, match="the call is over, but the agent is not done with it"):
        await caller.ended()
    with exchange.log.open("a") as log:
        log.write("2026-11-29 14:00:00,100 INFO worker-0 pilot: agent Shop of call uuid-1 is done: transferred\n")
    assert await caller.ended() == "transferred"


async def test_where_the_engine_is_gone_nobody_waits_for_an_end(exchange: Exchange, line: Line, caller: Caller) -> None:
    exchange.running = False
    line.over = True
    assert await caller.ended() == "failed"


async def test_a_call_that_is_over_is_not_waited_for(exchange: Exchange, line: Line, caller: Caller) -> None:
    line.over = True
    with pytest.raises(AssertionError, match=r"'hello' was not heard, and the call is over\.\n.*\n.*Unknown agent"):
        await caller.hears("hello", timeout_s=60)


async def test_an_application_that_was_refused_has_no_agent_to_wait_for(
    line: Line, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NO_AGENT_S", 0)
    line.over, line.state = True, "ended"
    await caller.begin("Shop")
    assert await caller.ended() == "failed"
