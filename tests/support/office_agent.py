"""An agent whose tools do to the call what an agent can."""

from typing import Any

from mod_openai_realtime.agent import Agent, Call, tool


class Office(Agent):
    instructions = "You answer the telephone of an office."
    greeting = "Say office."

    @tool
    async def facts(self, call: Call) -> dict[str, Any]:
        known = {"number": call.caller_number, "dialled": call.dialled, "direction": call.direction}
        return {**known, "parameters": call.parameters, "variable": await call.variable("CRM_URL")}

    @tool
    async def number(self, call: Call) -> str:
        return await call.digits(3)

    @tool
    async def through(self, call: Call) -> None:
        await call.transfer("1001")

    @tool
    async def connect(self, call: Call) -> None:
        await call.bridge("user/1001")

    @tool
    async def elsewhere(self, call: Call) -> None:
        await call.refer("sip:bob@127.0.0.1:9")
