"""The agents of these tests."""

import asyncio
import os
from pathlib import Path
from typing import Any, ClassVar

from mod_openai_realtime.agent import Agent, Call, ToolError, tool


class Shop(Agent):
    instructions = "You answer the telephone of a shop."
    greeting = "Say welcome to the shop."
    session: ClassVar[dict[str, Any]] = {"audio": {"output": {"speed": 1.5}}}  # of two that say the same the quicker

    @tool
    async def price(self, call: Call, of: str) -> dict[str, str]:
        """What something costs."""
        if of == "nothing":
            raise ToolError("we have no nothing")
        return {"price": "three", "caller": call.caller_number, "kind": call.parameters.get("kind", "")}

    @tool
    async def count(self) -> str:
        """Counts for a while."""
        await asyncio.sleep(1)
        return "done"

    @tool
    async def finish(self, call: Call) -> None:
        """End the call."""
        await call.hang_up()

    async def on_end(self, call: Call, reason: str) -> None:
        if "note" in call.parameters:
            await asyncio.sleep(0.3)
            Path(call.parameters["note"]).write_text(reason)  # noqa: ASYNC240


class Hasty(Shop):
    connect_timeout_s = 0.5


class Unready(Shop):
    async def on_start(self, call: Call) -> None:
        raise RuntimeError("the database is away")


class Named(Agent):
    instructions = "Say nothing."
    greeting = f"Welcome to {os.environ.get('SHOP_NAME')}."
