"""Calls of agents on the stand-in in real time: what they cost, what they add, and what the others feel of one."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mod_openai_realtime.standin import Call, StandIn

from . import cpu, memory
from .agent_sink import AgentSinkProcess
from .audio import speech
from .engine import Engine, Ticks
from .sink import SinkSettings

RATE = 24000
CHANNEL_RATE = 8000
AGENT = Path(__file__).with_name("agents_measured.py")
PAUSE_S = 0.02
"""Between two calls of tools."""
UP_S = 60.0
WARM_UP_S = 3.0
TAKEN_UP_S = 20.0
PUBLISHED_S = 1.5  # the metrics are published once a second
_API = "uuid_openai_agent"


@dataclass(frozen=True)
class Span:
    """What calls felt for a while."""

    longest_gap_ms: float
    """From one message of caller audio to the next of the same call, of all calls."""
    sink_late_ms: float
    """The sink's own clock at worst, which may be in it."""
    ticks_over_20_ms: int
    """Of the engine's media clock."""
    latest_tick_ms: float
    """No tick was later than this, the upper bound of a bucket."""
    ticks_missed: int
    silent_packets: int
    """Without sound, in what the channels sent to four of the callers; the agents never pause."""
    underruns: int
    dropped: int
    """Frames of callers."""


@dataclass(frozen=True)
class Added:
    """What an agent adds, in ms, for each call of a tool: from the server's message to the first line of the tool, and
    from its last to the answer at the server."""

    to_tool_ms: list[float]
    to_wire_ms: list[float]


@dataclass(frozen=True)
class Idle:
    """CPU in ms per call and second, memory in MB (2^20 bytes) per call."""

    host_cpu_ms: float
    worker_cpu_ms: float
    host_mb: float
    worker_mb: float


@dataclass(frozen=True)
class Killed:
    """From kill -9 of the host to on_connect(restored=True) of the calls' new instances, in seconds."""

    first_s: float
    last_s: float
    calls: int
    lost: int


class AgentRound:
    """`calls` calls of one agent, in one worker and one host; a context manager."""

    def __init__(self, calls: int, *, talks: bool) -> None:
        """`talks`: both sides do, all the time; else the agents are silent."""
        self._count = calls
        self._talks = talks
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> AgentRound:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="oarb-")))
            settings = SinkSettings(None, False, RATE, 200)
            self.sink = stack.enter_context(AgentSinkProcess(settings, talks=self._talks))
            options = [f"--agent=measured={AGENT}:Measured", "--all-agents-at", self.sink.url, "--agent-processes", "1"]
            self.engine = stack.enter_context(Engine(folder, 1, *options, hosts=1))
            self._switch = stack.enter_context(StandIn(engine_socket=self.engine.socket, temp_dir=folder))
            self._host_before, self._worker_before = map(memory.pss_mb, (self.host, self.worker))
            self._calls = [self._call(number) for number in range(self._count)]
            self._switch.run(2)
            for _ in self._calls:
                self._switch.wait_event("connect", timeout=UP_S)
            time.sleep(WARM_UP_S)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def host(self) -> int:
        return self.engine.hosts[0]

    @property
    def worker(self) -> int:
        return self.engine.workers[0]

    def _call(self, number: int) -> Call:
        call = self._switch.call(CHANNEL_RATE, variables={"STREAM_SUPPRESS_LOG": "true"}, sent_limit_bytes=1 << 20)
        pcm = speech(CHANNEL_RATE)
        turn = number * 4801 * 2 % len(pcm)
        call.feed(pcm[turn:] + pcm[:turn], loop=True)
        reply = self._switch.api(_API, f"{call.uuid} start measured")
        if not reply.startswith("+OK"):
            raise RuntimeError(f"an agent did not start: {reply}\n{self.engine.log_tail()}")
        return call

    def feel(self, seconds: float, tool: str | None = None) -> Span:
        """What the calls feel for so long, while the first one's agent computes, if a tool is given."""
        with self._span() as take:
            if tool is not None:
                self.sink.call_tool(0, tool, seconds=seconds)
            time.sleep(seconds)
            return take()

    @contextlib.contextmanager
    def _span(self) -> Iterator[Callable[[], Span]]:
        streams = memory.stream_memories()
        ticks = self._ticks()
        for call in self._calls[:4]:
            call.sent()
        before = [(stream.underruns, stream.capture_dropped) for stream in streams]
        self.sink.reset()

        def take() -> Span:
            counts = self.sink.counts()
            silent = sum(_silent(call.sent(), call.frame_bytes.write) for call in self._calls[:4])
            after = [(stream.underruns, stream.capture_dropped) for stream in streams]
            passed = self._ticks().since(ticks)
            return Span(
                counts.longest_gap_ns / 1e6,
                float(counts.longest_late_ms),
                int(passed.late),
                passed.percentile_ms(100),
                int(passed.missed),
                silent,
                sum(b[0] - a[0] for a, b in zip(before, after, strict=True)),
                sum(b[1] - a[1] for a, b in zip(before, after, strict=True)),
            )

        yield take

    def _ticks(self) -> Ticks:
        time.sleep(PUBLISHED_S)
        return self.engine.ticks()

    def added(self, times: int) -> Added:
        """Tools are called one after the other, of one call after the other."""
        self.sink.reset()
        for number in range(times):
            self.sink.call_tool(number % self._count, "stamp")
            time.sleep(PAUSE_S)
        time.sleep(1)
        tools = self.sink.tools()
        if len(tools) < times:
            raise RuntimeError(f"{times - len(tools)} of {times} tools were not answered\n{self.engine.log_tail()}")
        return Added(
            [(each.ran_ns - each.sent_ns) / 1e6 for each in tools],
            [(each.answered_ns - each.ran_ns) / 1e6 for each in tools],
        )

    def idle(self, seconds: float) -> Idle:
        host, worker = map(cpu.process_s, (self.host, self.worker))
        time.sleep(seconds)
        per_call = 1000 / (seconds * self._count)
        return Idle(
            (cpu.process_s(self.host) - host) * per_call,
            (cpu.process_s(self.worker) - worker) * per_call,
            (memory.pss_mb(self.host) - self._host_before) / self._count,
            (memory.pss_mb(self.worker) - self._worker_before) / self._count,
        )

    def kill_host(self) -> Killed:
        """The last of all: the host that follows has another place among the engine's processes."""
        killed = time.monotonic_ns()
        os.kill(self.host, signal.SIGKILL)
        deadline = time.monotonic() + TAKEN_UP_S
        while len(self.sink.restored_ns()) < self._count and time.monotonic() < deadline:
            time.sleep(0.05)
        taken_up = [(at - killed) / 1e9 for at in self.sink.restored_ns()]
        if not taken_up:
            raise RuntimeError(f"no call was taken up\n{self.engine.log_tail()}")
        return Killed(min(taken_up), max(taken_up), len(taken_up), self._count - len(taken_up))


def _silent(pcm: bytes, frame_bytes: int) -> int:
    frames = np.frombuffer(pcm[: len(pcm) // frame_bytes * frame_bytes], "<i2").reshape(-1, frame_bytes // 2)
    return int((np.abs(frames.astype(np.int32)).max(axis=1, initial=0) < 300).sum())
