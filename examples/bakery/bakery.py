"""A bakery's telephone: tells the opening hours, puts callers through to a person, and says goodbye."""

from typing import Literal

from mod_openai_realtime.agent import Agent, Call, tool


class Bakery(Agent):
    instructions = "You answer the phone of a bakery. Be brief."
    voice = "marin"
    greeting = "Say good morning, name the bakery, and ask how you can help."

    @tool
    async def opening_hours(self, day: Literal["monday", "tuesday", "sunday"]) -> dict[str, str]:
        """When the bakery is open on a day of the week."""
        return {"opens": "07:00", "closes": "18:00"}

    @tool
    async def put_through(self, call: Call, reason: str) -> None:
        """Put the caller through to a person, when they ask for one."""
        await call.transfer("1001")

    @tool
    async def finish(self, call: Call) -> None:
        """End the call, once goodbye has been said."""
        await call.hang_up()
