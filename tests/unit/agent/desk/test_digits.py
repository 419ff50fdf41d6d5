"""Keys that the caller presses, at the desk."""

from __future__ import annotations

import asyncio

from agent.noted import Noted, asked, notes

from mod_openai_realtime.agent import Call, tool
from mod_openai_realtime.agent.testing import Desk


async def test_digits_are_told_to_the_model_which_is_asked_for_a_response(desk: Desk) -> None:
    call = await desk.call(Noted)
    await call.keys("12#")
    text = "The caller pressed 12 on the phone's keys."
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    assert [event["item"] for event in call.sent if "item" in event] == [item]
    assert len(asked(call)) == 2
    await call.keys("3")
    assert notes(call)[-1] == ("digits", "12")
    await call.waits(2)
    assert notes(call)[-1] == ("digits", "3")


async def test_digits_may_be_ignored_by_the_model(desk: Desk) -> None:
    class Deaf(Noted):
        digits = "ignore"

    call = await desk.call(Deaf)
    await call.keys("12#")
    assert notes(call)[-1] == ("digits", "12")
    assert len(asked(call)) == 1


async def test_digits_that_a_tool_collects_are_told_to_nobody_else(desk: Desk) -> None:
    class Collecting(Noted):
        @tool
        async def pin(self, call: Call) -> str:
            return await call.digits(count=4)

    call = await desk.call(Collecting)
    collecting = asyncio.create_task(call.tool("pin"))
    await call.settle()
    await call.keys("1234")
    assert await collecting == "1234"
    collecting = asyncio.create_task(call.tool("pin"))
    await call.waits(10)
    assert await collecting == ""
    assert not [note for note in notes(call) if note[0] == "digits"]
    assert "item" not in call.sent[0]


async def test_time_in_which_a_tool_waits_for_the_caller_is_not_its_own(desk: Desk) -> None:
    class Patient(Noted):
        tool_timeout_s = 5.0

        @tool
        async def pin(self, call: Call) -> str:
            return await call.digits(timeout_s=60)

    call = await desk.call(Patient)
    collecting = asyncio.create_task(call.tool("pin"))
    await call.waits(30)
    await call.keys("1#")
    assert await collecting == "1"
