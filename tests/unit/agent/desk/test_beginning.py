"""How an agent begins, and what its hooks are told, at the desk."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from agent.noted import Noted, asked, notes
from typing_extensions import override

from mod_openai_realtime.agent import Agent, AgentError, Call, Heard, Turn
from mod_openai_realtime.agent.testing import Desk


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
