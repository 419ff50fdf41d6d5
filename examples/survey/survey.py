"""A survey that calls customers: greets once somebody has answered, and hangs up at an answering machine's beep."""

import asyncio
import contextlib
import csv
from pathlib import Path
from typing import Literal

from mod_openai_realtime.agent import Agent, Call, CallError, tool

BEEPS_HZ = (950, 1000, 1400)


class Survey(Agent):
    instructions = (
        "You have called a customer of a bakery. Ask how satisfied they are, from 1 to 5, note the answer, thank them "
        "and finish. If they have no time, or a machine answers and asks for a message, finish."
    )
    greeting = "Say good day, that you call for the bakery, and ask whether they have a minute for one question."
    max_duration_s = 180
    answer: int | None = None

    async def on_start(self, call: Call) -> None:
        with contextlib.suppress(CallError):  # without it the model has to notice by itself
            for hz in BEEPS_HZ:
                await call.execute("tone_detect", f"beep-{hz} {hz} r +60 hangup NORMAL_CLEARING 1")

    @tool
    async def note(self, satisfied: Literal[1, 2, 3, 4, 5]) -> None:
        """Note how satisfied the customer is, 5 is best."""
        self.answer = satisfied

    @tool
    async def finish(self, call: Call) -> None:
        """End the call, once goodbye has been said."""
        await call.hang_up()

    async def on_end(self, call: Call, reason: str) -> None:
        file = call.parameters.get("results", "survey.csv")
        await asyncio.to_thread(append, file, call.parameters.get("customer"), self.answer, reason)


def append(file: str, *row: object) -> None:
    with Path(file).open("a", newline="") as rows:
        csv.writer(rows).writerow(row)
