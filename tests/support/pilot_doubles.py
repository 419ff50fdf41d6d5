"""A worker's agents without a worker: hosts that are bytes, a desk that notes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mod_openai_realtime.agent.messages import (
    PROTOCOL,
    Execute,
    Hello,
    Plan,
    Play,
    Result,
    ToHost,
    ToWorker,
    WorkerMessages,
    encode,
)
from mod_openai_realtime.pilot.agent_calls import AgentCalls
from mod_openai_realtime.pilot.agent_host import AgentHost
from mod_openai_realtime.realtime.share import RoundRobin


class NotedTransport(asyncio.Transport):
    """What was written; how much of it waits is what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.waiting_bytes = 0
        self.aborted = False
        self.reads = True

    def write(self, data: Any) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.aborted = True


class Turns(RoundRobin):
    """Come when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._work: Callable[[], bool] | None = None

    def wait(self, work: Callable[[], bool]) -> None:
        self._work = work

    def next(self) -> bool:
        """One; whether there is more to do."""
        assert self._work is not None
        return self._work()


class FakeHost:
    """The other end of an AgentHost."""

    def __init__(self, calls: AgentCalls) -> None:
        self.transport = NotedTransport()
        self.turns = Turns()
        self.worker_end = AgentHost(calls, worker=0, spool="/spool", round_robin=self.turns)
        self.worker_end.connection_made(self.transport)
        self._messages = WorkerMessages()

    def hello(self, *agents: str, name: str = "abc", generation: int = 0) -> FakeHost:
        self.say(Hello(PROTOCOL, name, 7, generation, list(agents)))
        return self

    def say(self, message: ToWorker) -> None:
        self.worker_end.data_received(encode(message))

    def told(self) -> list[ToHost]:
        """What it was told since the last time."""
        data = bytes(self.transport.written)
        self.transport.written.clear()
        return self._messages.feed(data)

    def dies(self) -> None:
        self.worker_end.connection_lost(None)


class NotedDesk:
    """What an agent did with its call, in order; commands wait until the test answers them."""

    def __init__(self) -> None:
        self.did: list[Any] = []
        self.executing: list[tuple[Execute, Callable[[Result], None]]] = []
        self.changes = 0

    def open(self, plan: Plan) -> None:
        self.did.append(plan)

    def fail(self, reason: str, prompt: str | None = None) -> None:
        self.did.append(("fail", reason, prompt))

    def send(self, event: dict[str, Any]) -> None:
        self.did.append(event)

    def play(self, play: Play) -> None:
        self.did.append(play)

    def silence(self) -> None:
        self.did.append("silence")

    def execute(self, execute: Execute, done: Callable[[Result], None]) -> None:
        self.executing.append((execute, done))

    def close(self) -> None:
        self.did.append("close")

    def log(self, level: str, text: str) -> None:
        self.did.append((level, text))

    def kept_changed(self) -> None:
        self.changes += 1
