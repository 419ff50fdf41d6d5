"""Time for the endpoint's pacing and time limits, so that tests can bring their own."""

import asyncio
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    async def sleep_until(self, when: float) -> None:
        """Returns at `when` (on the scale of `now`), and after one turn of the loop at least."""


class LoopClock:
    """The clock of the running event loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep_until(self, when: float) -> None:
        await asyncio.sleep(max(0.0, when - self.now()))
