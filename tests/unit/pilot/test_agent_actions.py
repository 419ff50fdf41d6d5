"""What an agent has FreeSWITCH do: the commands that it becomes, and how it fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agent.fake_call import API, APPLICATION, GET, SET, FakeCall, both, result_of

from mod_openai_realtime.agent.messages import Execute, Result
from mod_openai_realtime.pilot import agent_actions
from mod_openai_realtime.pilot.agent_actions import MAX_UNDER_WAY, AgentActions
from mod_openai_realtime.switch.execution import ExecutionError

LOCAL = (
    '<context name="default"><extension><condition field="destination_number" expression="^1001$">'
    '<action application="bridge"/></condition></extension>'
    "</context>"
)


@pytest.mark.parametrize(
    ("execute", "asked", "answer"),
    [
        (Execute(1, "application", "playback", "x.wav"), (APPLICATION, "playback", "x.wav"), None),
        (Execute(1, "application", "answer"), (APPLICATION, "answer", None), None),
        (Execute(1, "api", "status"), (API, "status", None), "UP"),
        (Execute(1, "get_variable", "a"), (GET, "a", None), "1"),
        (Execute(1, "set_variable", "a", "2"), (SET, "a", "2"), None),
    ],
)
async def test_what_is_handed_on(execute: Execute, asked: tuple[Any, ...], answer: str | None) -> None:
    line = FakeCall({asked[:2]: answer})
    assert await result_of(line, execute) == Result(0, 0, 1, True, answer)
    assert line.asked == [asked]


async def test_a_failure_has_freeswitchs_reason() -> None:
    line = FakeCall({(API, "originate"): ExecutionError("USER_BUSY")})
    assert await result_of(line, Execute(3, "api", "originate", "x y")) == Result(0, 0, 3, False, None, "USER_BUSY")


async def test_a_command_on_the_agents_own_stream() -> None:
    line = FakeCall({})
    assert (await result_of(line, Execute(1, "stream", "mute", "user"))).ok
    assert line.told == ["mute user"]
    assert (await result_of(line, Execute(1, "stream", "jump"))).error == "Unknown command"


async def test_hanging_up_is_told_before_the_channel_is_gone() -> None:
    line = FakeCall({})
    assert (await result_of(line, Execute(1, "hang_up", "USER_BUSY"))).ok
    assert line.asked == [(API, "uuid_kill", "u1 USER_BUSY")]
    assert line.told == ["sent", "hang_up"]


async def test_a_transfer_leaves_the_call() -> None:
    line = FakeCall({(API, "xml_locate"): LOCAL})
    assert (await result_of(line, Execute(1, "transfer", "1001", "XML default"))).ok
    assert line.asked[-1] == (API, "uuid_transfer", "u1 1001 XML default")
    assert line.told == ["sent", "transferred", "left"]


async def test_a_transfer_to_nowhere_is_refused_and_the_call_stays() -> None:
    line = FakeCall({(API, "xml_locate"): LOCAL, (GET, "context"): "default"})
    result = await result_of(line, Execute(1, "transfer", "9999", "XML"))
    assert result.error == "the dialplan has no extension 9999 in its context default"
    assert line.told == []


async def test_what_other_dialplans_have_is_not_asked() -> None:
    line = FakeCall({})
    assert (await result_of(line, Execute(1, "transfer", "9999", "inline default"))).ok
    assert [name for _, name, _ in line.asked] == ["uuid_transfer"]


async def test_a_transfer_that_freeswitch_refuses_leaves_the_call_where_it_is() -> None:
    line = FakeCall({(API, "xml_locate"): LOCAL, (API, "uuid_transfer"): ExecutionError("No such channel!")})
    assert (await result_of(line, Execute(1, "transfer", "1001", "XML default"))).error == "No such channel!"
    assert line.told == ["sent", "transferred", "staying"]


async def test_no_more_is_under_way_than_may() -> None:
    forever: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    actions = AgentActions(FakeCall({(API, "sleep"): forever}))
    results: list[Result] = []
    for number in range(MAX_UNDER_WAY + 1):
        actions.execute(Execute(number, "api", "sleep"), results.append)
    assert [result.error for result in results] == ["too much is under way already"]
    forever.cancel()
    await asyncio.sleep(0)


async def test_a_recording_is_freeswitchs_own() -> None:
    line = FakeCall({(API, "global_getvar"): "/var/recordings"})
    results = await both(
        line,
        Execute(1, "stream", "record", "a.wav"),
        Execute(2, "stream", "record", "b.wav"),
        Execute(3, "stream", "record", "stop"),
        Execute(4, "stream", "record", "stop"),
    )
    assert [result.error for result in results] == [None, "it is recorded already", None, "nothing is recorded"]
    commands = [arguments for _, name, arguments in line.asked if name == "uuid_record"]
    assert commands == ["u1 start /var/recordings/a.wav", "u1 stop /var/recordings/a.wav"]


async def test_digits_are_waited_for_until_they_have_been_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_actions, "DIGIT_MS", 1)
    line = FakeCall({})
    began = asyncio.get_running_loop().time()
    assert (await result_of(line, Execute(1, "send_digits", "12#"))).ok
    assert line.asked == [(API, "uuid_send_dtmf", "u1 12#@1")]
    assert asyncio.get_running_loop().time() - began >= 0.06
