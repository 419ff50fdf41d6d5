"""Another agent goes on, at the desk."""

from __future__ import annotations

from agent.noted import Noted, asked, notes

from mod_openai_realtime.agent import Call, tool
from mod_openai_realtime.agent.testing import Desk


async def test_another_agent_goes_on_with_the_conversation(desk: Desk) -> None:
    class Other(Noted):
        instructions = "You are another."
        voice = "cedar"
        greeting = "Say who you are."
        tool_timeout_s = 3.0

        @tool
        async def mine(self) -> str:
            return "yes"

    call = await desk.call(Noted)
    first = notes(call)
    await call.call.hand_over(Other())
    await call.settle()
    assert first[-1] == ("end", "handed_over", 1, "talking")
    assert call.said[-1] == "Say who you are."
    (update,) = [event for event in call.sent if event["type"] == "session.update"]
    assert "output" not in update["session"]["audio"], "the caller has heard the other voice"
    assert [each["name"] for each in update["session"]["tools"]] == ["ok", "mine"]
    assert await call.tool("mine") == "yes"
    await call.hangs_up()
    assert notes(call)[0] == "start" and notes(call)[-1][:2] == ("end", "caller")
    assert first[-1][1] == "handed_over"


async def test_a_tool_that_hands_the_call_over_is_answered_by_the_others_greeting(desk: Desk) -> None:
    class Handing(Noted):
        @tool
        async def pass_on(self, call: Call) -> None:
            await call.hand_over(Noted())

    call = await desk.call(Handing)
    await call.tool("pass_on")
    await call.settle()
    assert call.said == ["Say hello.", "Say hello."] and len(asked(call)) == 2
