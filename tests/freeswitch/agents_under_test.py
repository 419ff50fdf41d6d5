"""The agents of test_agents.py."""

import asyncio
import contextlib

from mod_openai_realtime.agent import Agent, Call, CallError, tool


class Helper(Agent):
    """Its tools do what a person at a desk can."""

    instructions = "You answer the telephone."
    greeting = "Say good morning."
    audio = "pcm"

    async def on_start(self, call: Call) -> None:
        self.url = call.parameters["url"]
        self.connect_timeout_s = float(call.parameters.get("patience", "10"))
        self.barge_in = call.parameters.get("barge_in", "server")
        self.greeting_interruptible = call.parameters.get("greeting") != "whole"

    @tool
    async def note_variable(self, call: Call) -> str:
        """Write down."""
        await call.set_variable("agent_was_here", "yes")
        return await call.variable("agent_was_here") or ""

    @tool
    async def put_through(self, call: Call, to: str) -> None:
        """Transfer."""
        await call.transfer(to)

    @tool
    async def finish(self, call: Call) -> None:
        """End the call."""
        await call.hang_up()

    @tool
    async def do(self, call: Call, what: str, text: str = "") -> str:
        """What a person at a desk can do."""
        match what:
            case "play":
                heard = await call.play(text)
                return f"{heard.ms} {heard.interrupted}"
            case "announce":
                heard = await call.play(text, interruptible=False)
                return f"{heard.ms} {heard.interrupted}"
            case "say":
                heard = await call.say(text)
                return f"{heard.text}|{heard.ms}"
            case "hold":
                await call.hold()
                await asyncio.sleep(0.5)  # somebody is asked
                await call.unhold()
            case "digits":
                await call.set_variable("agent_collects", "yes")
                return await call.digits(count=3)
            case "bridge":
                await call.bridge(text)
            case "refer":
                await call.refer(text)
            case "api":
                return await call.api(text)
            case "record":
                await call.record(text)
            case "stop_recording":
                await call.stop_recording()
            case "consult":
                return str(await call.consult(text, "A caller is on the line.", timeout_s=20))
            case "execute":
                await call.execute("playback", text)
        return "done"

    @tool
    async def think(self) -> str:
        """Take a second."""
        await asyncio.sleep(1)
        return "done"

    async def on_digits(self, call: Call, digits: str) -> None:
        with contextlib.suppress(CallError):
            await call.set_variable("agent_digits", digits)
