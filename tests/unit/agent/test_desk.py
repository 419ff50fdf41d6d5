"""A whole agent, at the desk."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest
from typing_extensions import override

from mod_openai_realtime.agent import Agent, AgentError, Call, CallError, Heard, Interrupted, ToolError, Turn, tool
from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.testing import Desk, DeskCall


class Noted(Agent):
    """Notes its hooks."""

    instructions = "You are a test."
    greeting = "Say hello."

    def __init__(self) -> None:
        self.notes: list[Any] = []

    @override
    async def on_start(self, call: Call) -> None:
        self.notes.append("start")

    @override
    async def on_connect(self, call: Call, restored: bool) -> None:
        self.notes.append(("connect", restored))

    @override
    async def on_turn(self, call: Call, turn: Turn) -> None:
        self.notes.append((turn.who, turn.text))

    @override
    async def on_digits(self, call: Call, digits: str) -> None:
        self.notes.append(("digits", digits))

    @override
    async def on_error(self, call: Call, error: str) -> None:
        self.notes.append(("error", error))

    @override
    async def on_end(self, call: Call, reason: str) -> None:
        self.notes.append(("end", reason, len(call.turns), call.state))

    @tool
    async def ok(self) -> None: ...


def notes(call: DeskCall) -> list[Any]:
    agent = call.agent
    assert isinstance(agent, Noted)
    return agent.notes


def asked(call: DeskCall) -> list[dict[str, Any]]:
    return [event.get("response") or {} for event in call.sent if event["type"] == "response.create"]


async def test_hooks_come_in_their_order(desk: Desk) -> None:
    call = await desk.call(Noted)
    call.model.script.append("Fine.")
    await call.says("How are you?")
    await call.tool("ok")
    await call.hangs_up()
    assert notes(call) == [
        "start",
        ("connect", False),
        ("agent", "Say hello."),
        ("caller", "How are you?"),
        ("agent", "Fine."),
        ("tool", '{"ok":true}'),
        ("end", "caller", 4, "ended"),
    ]
    assert call.ended_with == "caller"


async def test_the_greeting_is_asked_for_beside_the_agents_instructions_and_after_on_connect(desk: Desk) -> None:
    class First(Noted):
        @override
        async def on_connect(self, call: Call, restored: bool) -> None:
            assert await call.say("One moment.") == Heard("One moment.", 660, False)

    call = await desk.call(First)
    assert call.said == ["One moment.", "Say hello."]
    assert asked(call)[1]["instructions"] == "You are a test.\n\nSay hello."
    assert asked(call)[0]["tool_choice"] == "none"


async def test_a_greeting_that_may_not_be_interrupted(desk: Desk) -> None:
    class Firm(Noted):
        greeting_interruptible = False

    (greeting,) = asked(await desk.call(Firm))
    assert greeting["metadata"]["interruptible"] == "false"


async def test_a_reconnect_keeps_the_instance_and_does_not_greet_again(desk: Desk) -> None:
    call = await desk.call(Noted)
    await call.reconnects()
    assert notes(call)[-1] == ("connect", True)
    assert call.said == ["Say hello."]


async def test_instructions_may_be_asked_for_once_on_start_has_run(desk: Desk) -> None:
    class Asked(Agent):
        name = ""

        @override
        async def on_start(self, call: Call) -> None:
            self.name = call.caller_name or call.parameters["name"]
            self.voice = "cedar"

        async def instructions(self, call: Call) -> str:
            return f"Greet {self.name}."

    call = await desk.call(Asked, parameters={"name": "Ann"}, number="+1", dialled="5100", direction="outbound")
    assert call.plan is not None
    assert call.plan.session["instructions"] == "Greet Ann."
    assert call.plan.session["audio"]["output"] == {"voice": "cedar"}
    assert (call.call.caller_number, call.call.dialled, call.call.direction) == ("+1", "5100", "outbound")
    assert call.call.started_at.tzinfo is not None


@pytest.mark.parametrize("where", ["__init__", "on_start", "instructions"])
async def test_an_agent_that_cannot_begin_fails_with_a_reason(desk: Desk, where: str) -> None:
    def broken(self: Any) -> None:
        raise RuntimeError("no database")

    async def broken_hook(self: Any, call: Call) -> str:
        raise RuntimeError("no database")

    body = {"instructions": "x", where: broken if where == "__init__" else broken_hook}
    call = await desk.call(type("Broken", (Agent,), body))
    assert call.failed == "RuntimeError: no database"


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


async def test_usage_and_errors_of_the_server(desk: Desk) -> None:
    call = await desk.call(Noted)
    for _ in range(2):
        call._server({"type": "response.created", "response": {"id": "r"}})
        usage = {"total_tokens": 5, "input_token_details": {"audio_tokens": 2}}
        call._server({"type": "response.done", "response": {"id": "r", "status": "completed", "usage": usage}})
    call._server({"type": "error", "error": {"code": "bad", "message": "That was wrong."}})
    call._server({"type": "error", "error": {"code": "response_cancel_not_active", "message": "x"}})
    await call.settle()
    assert call.call.usage == {"total_tokens": 10, "input_token_details": {"audio_tokens": 4}, "seconds": 0.0}
    assert notes(call)[-1] == ("error", "That was wrong.")


async def test_events_go_to_on_event_as_dicts(desk: Desk) -> None:
    class Curious(Noted):
        @override
        async def on_event(self, call: Call, event: dict[str, Any]) -> None:
            self.notes.append(event["type"])

    call = await desk.call(Curious)
    call._server({"type": "rate_limits.updated"})
    await call.settle()
    assert "session.created" in notes(call) and notes(call)[-1] == "rate_limits.updated"


async def test_a_hook_that_raises_ends_nothing(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(Noted):
        @override
        async def on_turn(self, call: Call, turn: Turn) -> None:
            raise ZeroDivisionError("clumsy")

        @override
        async def on_end(self, call: Call, reason: str) -> None:
            raise ZeroDivisionError("at the end")

    with caplog.at_level(logging.ERROR):
        call = await desk.call(Clumsy)
        await call.says("Hello")
        await call.hangs_up()
    assert call.ended_with == "caller"
    assert "on_turn failed" in caplog.text and "on_end failed" in caplog.text


async def test_a_class_that_no_engine_takes_is_none_for_the_desk(desk: Desk) -> None:
    class Empty(Agent):
        pass

    with pytest.raises(AgentError, match="no instructions"):
        await desk.call(Empty)


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


# -- what is heard, with the playback in a test's own hands


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
