"""What becomes of a tool that the model calls, at the desk."""

from __future__ import annotations

import asyncio
import threading

import pytest
from agent.noted import Noted

from mod_openai_realtime.agent import ToolError, tool
from mod_openai_realtime.agent.testing import Desk


async def test_a_tool_that_raises_is_a_failure_to_the_model_and_no_more(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    class Careless(Noted):
        @tool
        async def explode(self) -> None:
            raise KeyError("secret")

        @tool
        def leave(self) -> None:
            raise SystemExit(1)

        @tool
        async def refuse(self) -> None:
            raise ToolError("There is no table left.")

        @tool
        async def strange(self) -> object:
            return object()

    call = await desk.call(Careless)
    for name, told in (
        ("explode", "The tool failed."),
        ("leave", "The tool failed."),
        ("strange", "The tool failed."),
        ("refuse", "There is no table left."),
        ("unheard_of", "There is no tool 'unheard_of'."),
    ):
        with pytest.raises(ToolError) as caught:
            await call.tool(name)
        assert str(caught.value) == told
        assert (call.tools[-1].result, call.tools[-1].error) == (None, told)
    assert caplog.text.count("Traceback") == 3 and call.call.uuid in caplog.text
    assert await call.tool("ok") == {"ok": True}


async def test_outputs_and_exactly_one_follow_up(desk: Desk) -> None:
    call = await desk.call(Noted)
    before = len(call.sent)
    await call.tool("ok")
    await call.settle()
    kinds = [event["type"] for event in call.sent[before:]]
    assert kinds == ["conversation.item.create", "response.create"]
    assert call.sent[before]["item"]["output"] == '{"ok":true}'


async def test_a_plain_def_runs_in_a_thread_of_its_own_beside_others(desk: Desk) -> None:
    class Threads(Noted):
        together = threading.Barrier(2, timeout=20)

        @tool
        def meet(self) -> str:
            self.together.wait()
            return threading.current_thread().name

    call = await desk.call(Threads)
    assert await asyncio.gather(call.tool("meet"), call.tool("meet")) == ["tool", "tool"]


async def test_a_tool_past_its_time_is_cancelled(desk: Desk) -> None:
    class Slow(Noted):
        cancelled = False

        @tool(timeout_s=5)
        async def wait(self) -> None:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                type(self).cancelled = True
                raise

    call = await desk.call(Slow)
    waiting = asyncio.create_task(call.tool("wait"))
    await call.waits(5)
    with pytest.raises(ToolError, match="longer than 5 s"):
        await waiting
    await call.settle()
    assert Slow.cancelled


async def test_a_filler_is_said_where_a_tool_takes_longer_and_not_where_it_was_in_time(desk: Desk) -> None:
    class Filling(Noted):
        greeting = None
        go = asyncio.Event()

        @tool(filler="One moment, please.")
        async def wait(self) -> None:
            await self.go.wait()

        @tool(filler="/sounds/typing.wav")
        async def type_(self) -> None:
            await self.go.wait()

    call = await desk.call(Filling)
    waiting = [asyncio.create_task(call.tool("wait")), asyncio.create_task(call.tool("type_"))]
    await call.waits(1.4)
    assert call.said == [] == call.played
    await call.waits(0.1)
    assert (call.said, call.played) == (["One moment, please."], ["/sounds/typing.wav"])
    Filling.go.set()
    await asyncio.gather(*waiting)
    await call.waits(5)
    assert call.said == ["One moment, please."]
