"""The far end of agents: the sink, which also calls their tools when it is told to, and notes what came back when."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import uvloop
from picows import WSFrame, WSTransport

from .agents_measured import RESTORED
from .child import Child
from .sink import Sink, SinkCounts, SinkSettings, Stream


@dataclass(frozen=True)
class ToolTimes:
    """Of a call of a tool, in ns of CLOCK_MONOTONIC: when the sink sent it, when it ran, when its output came."""

    sent_ns: int
    ran_ns: int
    answered_ns: int


class AgentStream(Stream):
    """Of one agent. Answers what a session needs to begin, and nothing more."""

    def __init__(self, sink: AgentSink, deflated: bool) -> None:
        super().__init__(sink, deflated)
        self._agents = sink
        self._calls = 0
        self._sent_ns: dict[str, int] = {}

    def on_ws_connected(self, transport: WSTransport) -> None:
        super().on_ws_connected(transport)
        self._tell({"type": "session.created", "session": {"type": "realtime"}})

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        now = time.monotonic_ns()
        super().on_ws_frame(transport, frame)
        payload = frame.get_payload_as_bytes()
        if payload.startswith(b'{"type":"input_audio_buffer.append"') or not payload.startswith(b"{"):
            return
        event = json.loads(payload)
        if event["type"] == "session.update":
            self._tell({"type": "session.updated", "session": event["session"]})
        elif event["type"] == RESTORED:
            self._agents.restored_ns.append(now)
        elif event["type"] == "conversation.item.create" and event["item"]["type"] == "function_call_output":
            sent = self._sent_ns.pop(event["item"]["call_id"], None)
            output = json.loads(event["item"]["output"])
            if sent is not None and "at_ns" in output:
                self._agents.tools.append(ToolTimes(sent, output["at_ns"], now))
            self._tell({"type": "conversation.item.added", "item": event["item"]})
        elif event["type"] == "response.create":
            metadata = event.get("response", {}).get("metadata", {})
            response = {"id": f"resp_{time.monotonic_ns()}", "metadata": metadata, "output": []}
            self._tell({"type": "response.created", "response": {**response, "status": "in_progress"}})
            self._tell({"type": "response.done", "response": {**response, "status": "completed"}})

    def call_tool(self, name: str, arguments: Mapping[str, Any]) -> None:
        self._calls += 1
        call_id = f"call_{id(self)}_{self._calls}"
        item = {"type": "function_call", "id": f"item_{call_id}", "call_id": call_id, "name": name}
        item |= {"arguments": json.dumps(arguments), "status": "completed"}
        response = {"id": f"resp_{call_id}", "metadata": {}, "output": [item]}
        self._tell({"type": "response.created", "response": {**response, "output": [], "status": "in_progress"}})
        self._sent_ns[call_id] = time.monotonic_ns()
        self._tell({"type": "response.output_item.done", "response_id": response["id"], "item": item})
        self._tell({"type": "response.done", "response": {**response, "status": "completed"}})

    def _tell(self, event: dict[str, Any]) -> None:
        self.say(json.dumps(event).encode())


class AgentSink(Sink):
    """`talks`: it sends each agent's call audio without end."""

    def __init__(self, settings: SinkSettings, talks: bool) -> None:
        super().__init__(settings)
        self._talks = talks
        self.agents: list[AgentStream] = []
        self.restored_ns: list[int] = []
        self.tools: list[ToolTimes] = []

    def new_stream(self, deflated: bool) -> Stream:
        return AgentStream(self, deflated)

    def joined(self, stream: Stream) -> None:
        assert isinstance(stream, AgentStream)
        self.agents.append(stream)
        if self._talks:
            super().joined(stream)


def _run(settings: SinkSettings, talks: bool, owner: Connection) -> None:
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # as the sink's

    async def main() -> None:
        sink = AgentSink(settings, talks)
        server, port = await sink.serve()
        owner.send(port)
        ended = asyncio.Event()

        def asked() -> None:
            try:
                what, *rest = owner.recv()
            except EOFError:
                ended.set()
                return
            if what == "call_tool":
                agent, name, arguments = rest
                sink.agents[agent].call_tool(name, arguments)
            elif what == "reset":
                sink.reset_gaps()
                sink.tools.clear()
            else:
                owner.send(
                    {"counts": sink.counts(), "tools": list(sink.tools), "restored": list(sink.restored_ns)}[what]
                )

        asyncio.get_running_loop().add_reader(owner.fileno(), asked)
        await ended.wait()
        server.close()

    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(main())


class AgentSinkProcess(Child):
    """In its process."""

    def __init__(self, settings: SinkSettings, *, talks: bool) -> None:
        super().__init__(_run, settings, talks)
        self.url = f"ws://127.0.0.1:{self.hear()}/stream"

    def call_tool(self, agent: int, name: str, **arguments: object) -> None:
        """`agent`: by the order of connecting."""
        self.tell(("call_tool", agent, name, arguments))

    def reset(self) -> None:
        """What counts() and tools() tell is from now on."""
        self.tell(("reset",))

    def counts(self) -> SinkCounts:
        self.tell(("counts",))
        counts: SinkCounts = self.hear()
        return counts

    def tools(self) -> list[ToolTimes]:
        self.tell(("tools",))
        tools: list[ToolTimes] = self.hear()
        return tools

    def restored_ns(self) -> list[int]:
        """When each instance said that it had taken a call up."""
        self.tell(("restored",))
        restored: list[int] = self.hear()
        return restored
