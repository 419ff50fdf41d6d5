"""What is heard, at the desk, with the playback in the test's own hands."""

from __future__ import annotations

import asyncio

import pytest
from agent.noted import Noted

from mod_openai_realtime.agent import Call, Interrupted, tool
from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.testing import Desk, DeskCall


class Playing(DeskCall):
    """Here responses have audio that is still to be heard."""

    def begin(self, text: str) -> str:
        response, item = self.model.id("resp"), self.model.id("item")
        self._server({"type": "response.created", "response": {"id": response}})
        self._tell(m.Playback(1, self._n(), False))
        for event in self.model.speech(response, item, text):
            self._server(event)
        return response

    def done(self, response: str, status: str = "completed") -> None:
        self._server({"type": "response.done", "response": {"id": response, "status": status}})

    def heard(self, response: str, ms: int, *, of: int, interrupted: bool = False) -> None:
        self._tell(m.TurnHeard(1, self._n(), response, ms, of, interrupted))
        self._tell(m.Playback(1, self._n(), True))


async def playing(desk: Desk) -> Playing:
    class Mute(Noted):
        greeting = None

    desk.call_type = Playing
    call = await desk.call(Mute)
    assert isinstance(call, Playing)
    return call


async def test_an_action_waits_until_what_was_said_is_heard(desk: Desk) -> None:
    call = await playing(desk)
    response = call.begin("Goodbye.")
    leaving = asyncio.create_task(call.call.hang_up())
    await call.settle()
    call.done(response)
    await call.waits(5)
    assert call.hang_up_cause is None
    call.heard(response, 900, of=900)
    await leaving
    assert call.hang_up_cause == "NORMAL_CLEARING"


async def test_and_fifteen_seconds_at_most_or_not_at_all(desk: Desk) -> None:
    call = await playing(desk)
    call.begin("A very long goodbye.")
    leaving = asyncio.create_task(call.call.hang_up())
    await call.waits(14.9)
    assert call.hang_up_cause is None
    await call.waits(0.1)
    await leaving
    other = await playing(desk)
    other.begin("A very long goodbye.")
    await other.call.hang_up(when="now")
    assert other.hang_up_cause is not None


@pytest.mark.parametrize("unless_interrupted", [False, True])
async def test_a_caller_who_speaks_into_it_ends_the_wait(desk: Desk, unless_interrupted: bool) -> None:
    call = await playing(desk)
    response = call.begin("Goodbye and thank you.")
    leaving = asyncio.create_task(call.call.transfer("1", unless_interrupted=unless_interrupted))
    await call.settle()
    call.heard(response, 300, of=900, interrupted=True)
    if unless_interrupted:
        with pytest.raises(Interrupted):
            await leaving
        assert call.transferred_to is None and call.call.state == "talking"
    else:
        await leaving
        assert call.transferred_to == "1"


async def test_what_was_cut_short_is_in_the_turns_as_far_as_it_was_heard(desk: Desk) -> None:
    call = await playing(desk)
    response = call.begin("We are open from seven to six.")
    await call.settle()
    call.heard(response, 500, of=1000, interrupted=True)
    call.done(response, "cancelled")
    await call.settle()
    (turn,) = call.turns
    assert (turn.text, turn.heard_ms, turn.interrupted) == ("We are open", 500, True)


async def test_a_tool_can_ask_whether_the_caller_has_interrupted(desk: Desk) -> None:
    class Caring(Noted):
        go = asyncio.Event()

        @tool
        async def wait(self, call: Call) -> list[bool]:
            before = call.interrupted
            await self.go.wait()
            return [before, call.interrupted]

    call = await desk.call(Caring)
    waiting = asyncio.create_task(call.tool("wait"))
    await call.settle()
    await call.says("Wait!")
    Caring.go.set()
    assert await waiting == [False, True]
