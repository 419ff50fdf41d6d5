"""The agent of bench/agents.py, which an agent host loads: it tells by the clock when its code ran."""

from __future__ import annotations

import time
from typing import Any

from mod_openai_realtime.agent import Agent, Call, tool

RESTORED = "bench.restored"
"""The client event by which an instance says that it has taken a call up."""


class Measured(Agent):
    instructions = "You are measured."
    silence_s = None
    tool_timeout_s = 60

    async def on_connect(self, call: Call, restored: bool) -> None:
        if restored:
            await call.send({"type": RESTORED})

    @tool
    async def stamp(self) -> dict[str, Any]:
        """When this ran, in ns of CLOCK_MONOTONIC."""
        return {"at_ns": time.monotonic_ns()}

    @tool
    async def compute(self, seconds: float) -> dict[str, Any]:
        """Keeps the event loop of its host busy."""
        return _computed(seconds)

    @tool
    def compute_in_a_thread(self, seconds: float) -> dict[str, Any]:
        """Keeps a thread of its host busy."""
        return _computed(seconds)


def _computed(seconds: float) -> dict[str, Any]:
    began = time.monotonic_ns()
    while time.monotonic_ns() - began < seconds * 1e9:
        pass
    return {"at_ns": began}
