"""A call as an agent's actions see it, without a switch."""

from __future__ import annotations

import asyncio
from typing import Any

from mod_openai_realtime.agent.messages import Execute, Result
from mod_openai_realtime.pilot.agent_actions import AgentActions
from mod_openai_realtime.pilot.agent_call import Reason
from mod_openai_realtime.switch.command import CommandError
from mod_openai_realtime.switch.execution import ExecuteKind

API, GET, SET, APPLICATION = ExecuteKind.API, ExecuteKind.GET, ExecuteKind.SET, ExecuteKind.APPLICATION


class FakeCall:
    """Answers from a table: text, an ExecutionError, a future that the test keeps, or a table by arguments."""

    uuid = "u1"

    def __init__(self, answers: dict[tuple[ExecuteKind, str], Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[ExecuteKind, str, str | None]] = []
        self.told: list[str] = []

    def freeswitch(self, kind: ExecuteKind, name: str, arguments: str | None = None) -> asyncio.Future[str | None]:
        self.asked.append((kind, name, arguments))
        answer = self.answers.get((kind, name), "")
        if isinstance(answer, dict):
            answer = answer.get(arguments, "")
        if isinstance(answer, asyncio.Future):
            return answer
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future

    def stream_command(self, words: str) -> str:
        if words == "jump":
            raise CommandError("Unknown command")
        self.told.append(words)
        return "+OK Success"

    async def until_sent(self) -> None:
        self.told.append("sent")

    def leaving(self, reason: Reason) -> None:
        self.told.append(reason)

    def staying(self) -> None:
        self.told.append("staying")

    def left(self) -> None:
        self.told.append("left")


async def result_of(line: FakeCall, execute: Execute) -> Result:
    results: asyncio.Queue[Result] = asyncio.Queue()
    AgentActions(line).execute(execute, results.put_nowait)
    return await results.get()


async def both(line: FakeCall, *executes: Execute, at_once: bool = False) -> list[Result]:
    """The answers, each waited for before the next is asked, if not `at_once`."""
    actions, results = AgentActions(line), []
    waiting = []
    for execute in executes:
        queue: asyncio.Queue[Result] = asyncio.Queue()
        actions.execute(execute, queue.put_nowait)
        waiting.append(queue)
        if not at_once:
            results.append(await waiting.pop().get())
    return results + [await queue.get() for queue in waiting]
