"""What an agent does to its call, at the desk: where it goes, and what fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agent.noted import Noted, asked, notes

from mod_openai_realtime.agent import Call, CallError, Heard, ToolError, tool
from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.testing import Desk, DeskCall


async def test_what_an_agent_does_to_its_call(desk: Desk) -> None:
    call = await desk.call(Noted, variables={"language": "de"})
    line = call.call
    call.answers["uuid_dump"] = "all of it"
    assert await line.variable("language") == "de"
    assert await line.variable("unheard_of") is None
    await line.set_variable("mood", "good")
    await line.execute("playback", "x.wav")
    assert await line.api("uuid_dump", line.uuid) == "all of it"
    await line.send_digits("12#")
    await line.record("a.wav")
    await line.stop_recording()
    await line.tell("The weather is fine.")
    assert await line.play("bell.wav") == Heard("", 1000, False)
    assert (await line.play(b"\0\0" * 240)).ms == 1000
    await line.heard()
    assert call.variables == {"language": "de", "mood": "good"}
    assert [each[:2] for each in call.executed[3:]] == [
        ("application", "playback"), ("api", "uuid_dump"), ("send_digits", "12#"),
        ("stream", "record"), ("stream", "record"),
    ]  # fmt: skip
    assert call.sent[-1]["item"]["role"] == "system"
    assert call.played[0] == "bell.wav" and call.played[1].endswith(".pcm")


@pytest.mark.parametrize(
    "doing",
    [
        lambda line: line.transfer("two words"),
        lambda line: line.transfer(""),
        lambda line: line.send_digits("12x"),
        lambda line: line.set_variable("a b", "x"),
        lambda line: line.set_variable("a", "x\ny"),
        lambda line: line.api("uuid_kill\nx"),
        lambda line: line.hang_up("no cause"),
        lambda line: line.execute("", "x"),
    ],
)
async def test_what_freeswitch_could_misread_is_refused(desk: Desk, doing: Any) -> None:
    call = await desk.call(Noted)
    with pytest.raises(CallError):
        await doing(call.call)
    assert call.executed == []


async def test_a_transfer_that_fails_leaves_the_conversation_as_it_was(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    class Leaving(Noted):
        @tool
        async def leave(self, call: Call) -> None:
            await call.transfer("9999", context="default")

    call = await desk.call(Leaving)
    call.fails("transfer", "NO_ROUTE_DESTINATION")
    with pytest.raises(CallError, match="NO_ROUTE_DESTINATION"):
        await call.call.transfer("9999", context="default")
    with pytest.raises(ToolError, match="The tool failed: NO_ROUTE_DESTINATION"):
        await call.tool("leave")
    assert "Traceback" not in caplog.text
    assert call.call.state == "talking" and call.transferred_to is None
    assert call.executed == [("transfer", "9999", "XML default")] * 2


async def test_no_response_follows_a_tool_that_ended_the_call_and_what_stands_behind_still_runs(desk: Desk) -> None:
    class Leaving(Noted):
        @tool
        async def go(self, call: Call) -> None:
            await call.transfer("1001")
            self.notes.append("after")

    call = await desk.call(Leaving)
    await call.tool("go")
    assert await call.ended() == "transferred"
    assert len(asked(call)) == 1
    assert notes(call)[-3:] == ["after", ("tool", '{"ok":true}'), ("end", "transferred", 2, "ended")]


async def test_refer_and_bridge(desk: Desk) -> None:
    call = await desk.call(Noted)
    call.fails("bridge", "USER_BUSY")
    with pytest.raises(CallError, match="USER_BUSY"):
        await call.call.bridge("user/1001")
    assert [each[1:] for each in call.executed if each[0] == "stream"] == [("unmute", "all")]
    call.fails("bridge", None)
    await call.call.bridge("user/1001", listen=True)
    assert call.call.state == "talking"
    await call.call.bridge("user/1002")
    assert call.bridged_to == "user/1002"
    assert await call.ended() == "transferred"
    other = await desk.call(Noted)
    await other.call.refer("sip:1@example.com")
    assert other.transferred_to == "sip:1@example.com"


async def test_a_channel_that_is_gone_before_it_can_tell_has_been_hung_up(desk: Desk) -> None:
    class Hasty(DeskCall):
        def _execute(self, act: m.Execute) -> None:
            self._end("hang_up")

    desk.call_type = Hasty
    call = await desk.call(Noted)
    await call.call.hang_up()
    assert await call.ended() == "hang_up"


async def test_after_the_end_nothing_can_be_done(desk: Desk) -> None:
    call = await desk.call(Noted)
    await call.hangs_up()
    assert await call.call.say("Hello?") == Heard("", 0, True)
    for doing in (call.call.api("status"), call.call.transfer("1"), call.call.tell("x"), call.call.digits()):
        with pytest.raises(CallError, match="the call is over"):
            await doing


async def test_who_waits_when_the_call_ends_is_told(desk: Desk) -> None:
    class Asking(Noted):
        @tool
        async def pin(self, call: Call) -> str:
            digits = await call.digits(timeout_s=60)
            self.notes.append(("got", digits))
            await call.api("status")
            return digits

    call = await desk.call(Asking)
    task = asyncio.create_task(call.tool("pin"))
    await call.settle()
    await call.keys("12")
    await call.hangs_up()
    assert ("got", "12") in notes(call)
    task.cancel()
