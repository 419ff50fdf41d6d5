"""Silence, and the longest duration: time passes at the desk."""

from __future__ import annotations

import asyncio

from agent.noted import Noted, notes
from typing_extensions import override

from mod_openai_realtime.agent import Call, tool
from mod_openai_realtime.agent.testing import Desk


async def test_silence(desk: Desk) -> None:
    class Waiting(Noted):
        silence_s = 5.0

        @override
        async def on_silence(self, call: Call, times: int) -> None:
            self.notes.append(("silence", times))

    call = await desk.call(Waiting)
    await call.waits(11)
    assert notes(call)[-2:] == [("silence", 1), ("silence", 2)]
    await call.says("I am here.")
    await call.waits(5)
    assert notes(call)[-1] == ("silence", 1)


async def test_silence_does_not_count_on_hold_or_while_a_tool_runs(desk: Desk) -> None:
    class Holding(Noted):
        silence_s = 5.0
        go = asyncio.Event()

        @override
        async def on_silence(self, call: Call, times: int) -> None:
            self.notes.append(("silence", times))

        @tool
        async def wait(self) -> None:
            await self.go.wait()

    call = await desk.call(Holding)
    await call.call.hold()
    assert call.call.state == "held"
    await call.waits(30)
    await call.call.unhold()
    waiting = asyncio.create_task(call.tool("wait"))
    await call.waits(10)
    assert ("silence", 1) not in notes(call)
    Holding.go.set()
    await waiting
    await call.waits(5)
    assert ("silence", 1) in notes(call)


async def test_the_longest_duration(desk: Desk) -> None:
    class Short(Noted):
        silence_s = None
        max_duration_s = 300.0

    call = await desk.call(Short)
    await call.waits(239)
    assert len(call.sent) == 1
    await call.waits(1)
    assert "end in a minute" in call.sent[-1]["item"]["content"][0]["text"]
    await call.waits(60)
    assert "goodbye" in call.said[-1]
    assert await call.ended() == "hang_up"
