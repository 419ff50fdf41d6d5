"""An agent that notes its hooks."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from mod_openai_realtime.agent import Agent, Call, Turn, tool
from mod_openai_realtime.agent.testing import DeskCall


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
