"""One round of calls in real time whose engine is halted over and over, and what their callers missed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mod_openai_realtime._media import StreamMemory
from mod_openai_realtime.standin import StandIn

from . import cpu
from .audio import speech
from .engine import Engine
from .uneven_sink import PATTERNS, UnevenSink

API = "uuid_openai_audio_stream"
VARIABLES = {"STREAM_DISABLE_AUDIOFILES": "true", "STREAM_MESSAGE_DEFLATE": "true", "STREAM_SUPPRESS_LOG": "true"}
CHANNEL_RATE = 8000
RATE = 24000
MEDIA_THREADS = 2
CONNECT_S = 60.0
_MEMFD = "/memfd:openai_audio_stream"


@dataclass(frozen=True)
class Stalls:
    """`stall_ms` 0: none, to compare with. `calls` are shared evenly by the patterns of the sink."""

    calls: int
    stall_ms: int
    every_s: float
    seconds: float
    warm_up_s: float


@dataclass(frozen=True)
class Missed:
    """Of all calls of one pattern together."""

    calls: int
    underruns: int
    """Frames that ran short."""
    underrun_ms: float
    calls_with_underruns: int
    played: float
    """Samples of the agent's by those that the channel sent; the worst call's."""
    capture_dropped: int
    faults: int


@dataclass(frozen=True)
class StallResult:
    stalls: Stalls
    missed: dict[str, Missed]
    halts: int
    longest_halt_ms: float
    ticks_missed: int
    ticks_over_20_ms: int
    steps_late_ms: float
    """Of the stand-in's media threads, 99.9th percentile: a busy machine."""
    engine_cores: float
    busy_cores: float
    """All of the machine, this round included."""


@dataclass(frozen=True)
class _Counters:
    frames: int
    played: int
    underruns: int
    underrun_samples: int
    dropped: int
    faults: int

    @classmethod
    def of(cls, memory: StreamMemory) -> _Counters:
        return cls(
            memory.write_frames,
            memory.played_samples,
            memory.underruns,
            memory.underrun_samples,
            memory.capture_dropped,
            memory.faults,
        )

    def since(self, earlier: _Counters) -> _Counters:
        return _Counters(*(getattr(self, name) - getattr(earlier, name) for name in self.__dataclass_fields__))


def run_stall_round(stalls: Stalls) -> StallResult:
    """In this process, which must not have been a switch before. Raises RuntimeError."""
    with contextlib.ExitStack() as cleaning:
        folder = Path(cleaning.enter_context(tempfile.TemporaryDirectory(prefix="oarb-")))
        sink = cleaning.enter_context(UnevenSink(RATE))
        engine = cleaning.enter_context(Engine(folder, 1))
        switch = cleaning.enter_context(StandIn(engine_socket=engine.socket, temp_dir=folder))
        switch.run(MEDIA_THREADS)
        memories = {pattern: _start(switch, sink, pattern, stalls.calls // len(PATTERNS)) for pattern in PATTERNS}
        time.sleep(stalls.warm_up_s)
        ticks, first = engine.ticks(), _counters(memories)
        switch.reset_callback_times()
        (worker,) = engine.workers
        begun, worker_s, busy_s = time.monotonic(), cpu.process_s(worker), cpu.busy_s()
        halts_ms = _halt(worker, stalls)
        took = time.monotonic() - begun
        worker_s, busy_s = cpu.process_s(worker) - worker_s, cpu.busy_s() - busy_s
        last = _counters(memories)
        time.sleep(1.5)  # the metrics are published once a second
        ticks = engine.ticks().since(ticks)
        return StallResult(
            stalls=stalls,
            missed={
                pattern: _missed([b.since(a) for a, b in zip(first[pattern], last[pattern], strict=True)])
                for pattern in PATTERNS
            },
            halts=len(halts_ms),
            longest_halt_ms=max(halts_ms, default=0.0),
            ticks_missed=int(ticks.missed),
            ticks_over_20_ms=int(ticks.late),
            steps_late_ms=switch.callback_times().late.percentile(99.9) / 1e6,
            engine_cores=worker_s / took,
            busy_cores=busy_s / took,
        )


def _start(switch: StandIn, sink: UnevenSink, pattern: str, count: int) -> list[StreamMemory]:
    """So many calls of that pattern; the memories of their streams."""
    before = _descriptors()
    said = speech(CHANNEL_RATE)
    for number in range(count):
        call = switch.call(CHANNEL_RATE, variables=VARIABLES, sent_limit_bytes=0)
        turn = number * 4801 * 2 % len(said)
        call.feed(said[turn:] + said[:turn], loop=True)
        reply = switch.api(API, f"{call.uuid} start {sink.url(pattern)} mono {RATE} {RATE}")
        if reply.strip() != "+OK Success":
            raise RuntimeError(f"a stream did not start: {reply}")
    for _ in range(count):
        switch.wait_event("connect", timeout=CONNECT_S)
    return [StreamMemory(descriptor) for descriptor in sorted(_descriptors() - before)]


def _descriptors() -> set[int]:
    """Of the memories of streams that the switch, which is this process, has open."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if str(link.readlink()).startswith(_MEMFD):
                found.add(int(link.name))
    return found


def _counters(memories: dict[str, list[StreamMemory]]) -> dict[str, list[_Counters]]:
    return {pattern: [_Counters.of(memory) for memory in each] for pattern, each in memories.items()}


def _halt(worker: int, stalls: Stalls) -> list[float]:
    """Halts the worker's process now and then, for as long as the round lasts; how long each time, in ms."""
    halts_ms = []
    rng = random.Random(0)
    end = time.monotonic() + stalls.seconds
    while time.monotonic() < end:
        time.sleep(stalls.every_s + rng.uniform(-0.05, 0.05) - stalls.stall_ms / 1000)
        if not stalls.stall_ms:
            continue
        begun = time.monotonic()
        os.kill(worker, signal.SIGSTOP)
        try:
            time.sleep(stalls.stall_ms / 1000)
        finally:
            os.kill(worker, signal.SIGCONT)
        halts_ms.append((time.monotonic() - begun) * 1000)
    return halts_ms


def _missed(spans: list[_Counters]) -> Missed:
    samples = CHANNEL_RATE // 50
    return Missed(
        calls=len(spans),
        underruns=sum(span.underruns for span in spans),
        underrun_ms=sum(span.underrun_samples for span in spans) * 1000 / CHANNEL_RATE,
        calls_with_underruns=sum(span.underruns > 0 for span in spans),
        # A frame that was under way when either end was read is not missing.
        played=min(min(1.0, (span.played + samples) / (max(1, span.frames) * samples)) for span in spans),
        capture_dropped=sum(span.dropped for span in spans),
        faults=sum(span.faults for span in spans),
    )
