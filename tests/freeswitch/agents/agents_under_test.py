"""The agents that are called here."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from mod_openai_realtime.agent import Agent, Call, CallError, tool


class Helper(Agent):
    """Its tools do what a person at a desk can."""

    instructions = "You answer the telephone."
    greeting = "Say good morning."

    async def on_start(self, call: Call) -> None:
        self.url = call.parameters["url"]
        self.connect_timeout_s = float(call.parameters.get("patience", "10"))
        self.audio = call.parameters.get("audio", "pcm")
        self.barge_in = call.parameters.get("barge_in", "server")
        self.greeting_interruptible = call.parameters.get("greeting") != "whole"
        self.failure_prompt = call.parameters.get("prompt")
        if "key" in call.parameters:
            self.key = call.parameters["key"]
        if "fails" in call.parameters:
            raise RuntimeError("there is no table of customers")

    @tool(timeout_s=60)
    async def do(self, call: Call, method: str, arguments: dict[str, Any] | None = None) -> str:
        """A method of the call; -> what it gave back, or why it did not."""
        try:
            return str(await getattr(call, method)(**(arguments or {})))
        except CallError as error:
            return f"{type(error).__name__}: {error}"

    @tool
    async def note_variable(self, call: Call) -> str:
        """Write down."""
        await call.set_variable("agent_was_here", "yes")
        return await call.variable("agent_was_here") or ""

    @tool
    async def finish(self, call: Call) -> None:
        """End the call."""
        await call.hang_up()

    @tool
    async def ask_somebody(self, call: Call) -> None:
        """Hold the line for half a second."""
        await call.hold()
        await asyncio.sleep(0.5)
        await call.unhold()

    @tool
    async def collect(self, call: Call) -> str:
        """Three digits."""
        await call.set_variable("agent_collects", "yes")
        return await call.digits(count=3)

    @tool
    async def hand_over(self, call: Call) -> None:
        """To the night shift."""
        await call.hand_over(Night(greeting="Say good night."))

    async def on_digits(self, call: Call, digits: str) -> None:
        with contextlib.suppress(CallError):
            await call.set_variable("agent_digits", digits)

    async def on_end(self, call: Call, reason: str) -> None:
        _note(call, "helper", reason)
        if "asks_after" in call.parameters:
            try:
                await call.hang_up()
            except CallError as error:
                _note(call, "error", str(error))


class Night(Agent):
    """Who the call is handed over to."""

    instructions = "You answer the telephone at night."

    @tool
    async def who(self) -> str:
        """Which of the two it is."""
        return "night"

    async def on_end(self, call: Call, reason: str) -> None:
        _note(call, "night", reason)


def _note(call: Call, what: str, text: str) -> None:
    """For the test."""
    if "notes" in call.parameters:
        with (Path(call.parameters["notes"])).open("a") as file:
            file.write(json.dumps([what, text]) + "\n")
