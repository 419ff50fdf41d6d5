"""When the example agent hangs up: once its goodbye is over in the caller's ear, in whatever order that is told."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).parents[3] / "examples/event_socket_agent/agent.py"
MESSAGE = {"type": "message"}
HANG_UP = {"type": "function_call", "name": "hang_up", "call_id": "call_1", "arguments": "{}"}
HOURS = {**HANG_UP, "name": "opening_hours", "arguments": '{"day":"monday"}'}


@pytest.fixture(scope="module")
def agent() -> ModuleType:
    specification = importlib.util.spec_from_file_location("example_agent", FILE)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Switch:
    """Keeps the commands that it gets."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    async def send(self, line: str) -> Any:
        self.commands.append(line)
        return type("Reply", (), {"body": "+OK Success"})

    @property
    def hung_up(self) -> int:
        return sum(" uuid_kill " in f" {line} " for line in self.commands)


class Told:
    """A stream of the agent, and what it is told."""

    def __init__(self, agent: ModuleType) -> None:
        self.switch = Switch()
        self._stream = agent.Stream(self.switch, "uuid", "default")

    def event(self, subclass: str, body: object = None) -> None:
        asyncio.run(self._stream.on_event(subclass, json.dumps(body)))

    def done(self, response: str, *output: object, status: str = "completed") -> None:
        self.event("json", {"type": "response.done", "response": {"id": response, "status": status, "output": output}})

    def turn(self, response: str, interrupted: bool = False) -> None:
        self.event("turn", {"response_id": response, "interrupted": interrupted})

    def digits(self, keyed: str) -> None:
        for digit in keyed:
            asyncio.run(self._stream.on_digit(digit))

    def sounds(self) -> None:
        self.event("openai_speech_start")

    def silent(self) -> None:
        self.event("openai_speech_stop")


@pytest.fixture
def told(agent: ModuleType) -> Told:
    return Told(agent)


def test_a_goodbye_that_the_server_has_finished_long_before_is_heard_out(told: Told) -> None:
    told.done("r1", MESSAGE, HANG_UP)
    told.sounds()
    assert not told.switch.hung_up
    told.turn("r1")
    assert not told.switch.hung_up
    told.silent()
    assert told.switch.hung_up == 1


def test_a_goodbye_that_is_over_before_the_server_has_finished(told: Told) -> None:
    told.sounds()
    told.silent()
    told.turn("r1")
    told.done("r1", MESSAGE, HANG_UP)
    assert told.switch.hung_up == 1


def test_what_is_being_said_when_a_silent_response_hangs_up_is_heard_out(told: Told) -> None:
    told.done("r1", MESSAGE)
    told.sounds()
    told.done("r2", HANG_UP)
    assert not told.switch.hung_up
    told.silent()
    told.turn("r1")
    assert told.switch.hung_up == 1


def test_an_earlier_answer_is_not_taken_for_the_goodbye(told: Told) -> None:
    told.done("r1", MESSAGE)
    told.sounds()
    told.done("r2", MESSAGE, HANG_UP)
    told.silent()
    told.turn("r1")
    assert not told.switch.hung_up
    told.sounds()
    told.turn("r2")
    told.silent()
    assert told.switch.hung_up == 1


def test_a_hangup_without_a_word_is_at_once(told: Told) -> None:
    told.done("r1", HANG_UP)
    assert told.switch.hung_up == 1


def test_a_caller_who_speaks_into_the_goodbye_is_not_hung_up_on(told: Told) -> None:
    told.done("r1", MESSAGE, HANG_UP)
    told.sounds()
    told.silent()
    told.turn("r1", interrupted=True)
    assert not told.switch.hung_up


def test_calls_of_an_interrupted_response_are_not_whole(told: Told) -> None:
    told.done("r1", {**HOURS, "arguments": '{"da'}, status="cancelled")
    assert told.switch.commands == []


def test_a_goodbye_that_was_lost_with_the_engine_does_not_keep_the_call(told: Told) -> None:
    told.done("r1", MESSAGE, HANG_UP)
    told.sounds()
    told.silent()
    told.event("disconnect", {"status": "disconnected"})
    told.event("connect")
    assert told.switch.hung_up == 1


def test_all_outputs_go_before_one_response(told: Told) -> None:
    told.done("r1", HOURS, {**HOURS, "call_id": "call_2"})
    assert [line.split()[3] for line in told.switch.commands] == ["send_json"] * 3


def test_digits_up_to_the_hash_are_one_message(told: Told) -> None:
    told.digits("4711#")
    sent = [json.loads(base64.b64decode(line.split()[4])) for line in told.switch.commands]
    assert [each["type"] for each in sent] == ["conversation.item.create", "response.create"]
    assert "4711." in sent[0]["item"]["content"][0]["text"]
