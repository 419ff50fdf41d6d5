"""Another party is asked, at the desk."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agent.noted import Noted, asked, notes
from typing_extensions import override

from mod_openai_realtime.agent import Call, CallError, ToolError, tool
from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.testing import Desk, DeskCall


class Consulting(Noted):
    silence_s = 5.0

    @tool
    async def ask(self, call: Call) -> str:
        return (await call.consult("user/1001", "Ann wants a cake.", timeout_s=20)).value

    @override
    async def on_silence(self, call: Call, times: int) -> None:
        self.notes.append("silence")


async def consulting(desk: Desk) -> tuple[DeskCall, DeskCall, asyncio.Task[Any]]:
    call = await desk.call(Consulting)
    asking = asyncio.create_task(call.tool("ask"))
    await call.settle()
    assert call.consulted is not None and call.call.state == "held"
    return call, call.consulted, asking


async def test_a_party_that_agrees_is_connected(desk: Desk) -> None:
    call, other, asking = await consulting(desk)
    assert other.plan is not None and "Ann wants a cake." in other.plan.session["instructions"]
    (originate,) = [arguments for kind, _, arguments in call.executed if kind == "originate"]
    assert originate.endswith("}user/1001 &openai_agent(@desk/0)") and "originate_timeout=20" in originate
    await call.waits(60)
    assert "silence" not in notes(call)
    assert await other.tool("accept") == {"ok": True}
    assert await asking == "connected"
    assert [each[:2] for each in call.executed if each[0] != "originate"] == [
        ("hold", "on"), ("hold", "silent"), ("api", "uuid_bridge"),
    ]  # fmt: skip
    assert await call.ended() == "transferred"


async def test_a_caller_who_is_connected_before_that_is_told_is_not_taken_for_one_who_hung_up(desk: Desk) -> None:
    class Hasty(DeskCall):
        def _execute(self, act: m.Execute) -> None:
            if act.name == "uuid_bridge":
                self._end("transferred")
            super()._execute(act)

    desk.call_type = Hasty
    _, other, asking = await consulting(desk)
    await other.tool("accept")
    assert await asking == "connected"
    assert other.hang_up_cause is None


@pytest.mark.parametrize(("doing", "result"), [("decline", "declined"), ("hangs_up", "hung_up")])
async def test_a_party_that_does_not_agree_leaves_the_caller_with_the_agent(
    desk: Desk, doing: str, result: str
) -> None:
    call, other, asking = await consulting(desk)
    await (other.tool(doing) if doing == "decline" else other.hangs_up())
    assert await asking == result
    assert call.call.state == "talking" and call.executed[-1] == ("hold", "off", "")
    assert ("api", "uuid_kill") in [each[:2] for each in call.executed]


@pytest.mark.parametrize(("cause", "result"), [("NO_ANSWER", "no_answer"), ("CALL_REJECTED", "declined")])
async def test_a_party_that_does_not_answer(desk: Desk, cause: str, result: str) -> None:
    call = await desk.call(Consulting)
    call.fails("originate", cause)
    assert await call.tool("ask") == result
    assert call.call.state == "talking"


async def test_a_caller_who_hangs_up_meanwhile_ends_the_consultation(desk: Desk) -> None:
    call, other, asking = await consulting(desk)
    await call.hangs_up()
    await other.ended()
    assert other.hang_up_cause == "NORMAL_CLEARING"
    assert "The caller has hung up" in asked(other)[-1]["instructions"]
    assert call.ended_with == "caller" and call.tools[-1].error == "The tool failed: the call is over"
    asking.cancel()


async def test_one_departure_at_a_time_and_a_hang_up_ends_a_consultation(desk: Desk) -> None:
    call = await desk.call(Consulting)
    asking = asyncio.create_task(call.tool("ask"))
    await call.settle()
    with pytest.raises(CallError, match="the call is being transferred already"):
        await call.call.transfer("1001")
    with pytest.raises(CallError, match="the call is being transferred already"):
        await call.call.consult("user/1002", "x")
    await call.call.hang_up()
    assert await call.ended() == "hang_up"
    with pytest.raises(ToolError):
        await asking
