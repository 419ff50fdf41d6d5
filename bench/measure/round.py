"""One round: an engine, a sink and a stand-in switch of its own, N calls in real time, and what they cost."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mod_openai_realtime._media import StreamMemory
from mod_openai_realtime.standin import Call, Histogram, LogLevel, StandIn

from . import cpu, memory
from .audio import speech
from .certificates import Certificates
from .engine import Engine
from .load import Durations, Load, Result
from .probe import ProbeProcess, ProbeSettings, ProbeTimes
from .sink import PROBE_PATH, SinkCounts, SinkSettings
from .sink_process import SinkProcess

API = "uuid_openai_audio_stream"
LISTENED = 4  # so many of the calls keep all that they sent
SETTLE_S = 0.5  # for what is under way to arrive, with the clock halted
CONNECT_S = 60.0
SILENT = 300


@dataclass(frozen=True)
class _Cpu:
    at: float
    media_s: float
    service_s: float
    workers_s: float
    worker_ticks: tuple[int, int]  # in user mode, in the kernel
    supervisor_s: float
    sink_s: float
    own_s: float
    busy_s: float


@dataclass(frozen=True)
class _Counters:
    slots: int
    dropped: int
    played: int
    underruns: int
    underrun_samples: int
    faults: int

    @classmethod
    def of(cls, stream: StreamMemory) -> _Counters:
        return cls(
            stream.capture_head,
            stream.capture_dropped,
            stream.played_samples,
            stream.underruns,
            stream.underrun_samples,
            stream.faults,
        )


class Round:
    def __init__(self, load: Load, directory: Path) -> None:
        self._load = load
        self._directory = directory
        self._calls: list[Call] = []

    def run(self) -> Result:
        load = self._load
        with contextlib.ExitStack() as cleaning:
            variables = dict(load.variables)
            certificates = Certificates.issue(self._directory) if load.tls else None
            if certificates is not None:
                variables["STREAM_TLS_CA_FILE"] = certificates.authority
            self._sink = cleaning.enter_context(
                SinkProcess(SinkSettings(certificates, load.deflate, load.rate, load.delta_ms))
            )
            self._engine = cleaning.enter_context(Engine(self._directory, load.workers))
            self._other_threads = set(cpu.threads(os.getpid()))
            self._switch = cleaning.enter_context(StandIn(engine_socket=self._engine.socket, temp_dir=self._directory))
            self._make_calls(variables)
            baseline = self._baseline()
            before = self._memory()
            with self._clock():  # a channel that sends nothing meanwhile gets a thread that writes for it
                self._start_streams()
            probe = self._start_probe(variables, cleaning) if load.probe else None
            return self._measure(baseline, before, probe)

    # -- setting up

    def _make_calls(self, variables: dict[str, str]) -> None:
        load = self._load
        pcm = speech(load.channel_rate)
        kept = int(load.channel_rate * 2 * (load.seconds + load.warm_up_s + 10))
        for number in range(load.calls):
            call = self._switch.call(
                load.channel_rate, variables=variables, sent_limit_bytes=kept if number < LISTENED else 0
            )
            # Each caller at another place of the loop, on a whole sample.
            turn = number * 4801 * 2 % len(pcm)
            call.feed(pcm[turn:] + pcm[:turn], loop=True)
            self._calls.append(call)

    def _baseline(self) -> float:
        """CPU seconds of the media threads per call and second, without a stream."""
        with self._clock() as media:
            time.sleep(0.5)
            start, begin = time.monotonic(), _sum_s(media)
            time.sleep(self._load.baseline_s)
            used, seconds = _sum_s(media) - begin, time.monotonic() - start
        return used / seconds / self._load.calls

    @contextlib.contextmanager
    def _clock(self) -> Iterator[list[int]]:
        """The stand-in's real clock; gives its threads."""
        before = set(cpu.threads(os.getpid()))
        self._switch.run(self._load.media_threads)
        try:
            yield sorted(set(cpu.threads(os.getpid())) - before)
        finally:
            self._switch.halt()

    def _start_streams(self) -> None:
        for call in self._calls:
            reply = self._switch.api(API, f"{call.uuid} start {self._sink.url()} {self._load.start}")
            if reply.strip() != "+OK Success":
                raise RuntimeError(f"a stream did not start: {reply}\n{self._engine.log_tail()}")
        for _ in self._calls:
            self._switch.wait_event("connect", timeout=CONNECT_S)

    def _start_probe(self, variables: dict[str, str], cleaning: contextlib.ExitStack) -> ProbeProcess:
        load = self._load
        probe = ProbeProcess(
            ProbeSettings(
                socket=str(self._engine.socket),
                temp_dir=str(self._directory),
                url=self._sink.url(PROBE_PATH),
                start=load.start,
                variables=variables,
                mark_every_frames=max(10, load.message_ms // 20 * 3),
            )
        )
        cleaning.callback(probe.kill)
        return probe

    # -- measuring

    def _measure(self, baseline: float, before: tuple[float, float], probe: ProbeProcess | None) -> Result:
        load = self._load
        with self._clock():
            time.sleep(load.warm_up_s)
        # With the clock halted everything that was sent arrives, and both ends can be counted to the byte.
        time.sleep(SETTLE_S)
        streams = memory.stream_memories()
        after = self._memory()
        for call in self._calls[:LISTENED]:
            call.sent()
        first, sunk_first = [_Counters.of(stream) for stream in streams], self._sink.counts()
        self._switch.reset_callback_times()
        started = time.monotonic()
        with self._clock() as media:
            time.sleep(0.1)
            ticks_before = self._engine.ticks()
            self._sink.reset_gaps()
            running_first = [_Counters.of(stream) for stream in streams]
            begin = self._cpu(media)
            time.sleep(load.seconds)
            end = self._cpu(media)
            running_sink = self._sink.counts()
            # Before the halt, in which the module may take the channel for one that has stopped sending.
            running_last = [_Counters.of(stream) for stream in streams]
            ticks = self._engine.ticks().since(ticks_before)
            worker_streams = self._engine.streams_of_workers()
        took = time.monotonic() - started
        times = self._switch.callback_times()
        time.sleep(SETTLE_S)
        last, sunk_last = [_Counters.of(stream) for stream in streams], self._sink.counts()
        probed = probe.end() if probe is not None else None
        seconds = end.at - begin.at
        # Both spans are those of steps that were really made: a stand-in that lags is not the product's fault.
        steps = times.read.count
        callbacks_s = times.read.sum_ns / 1e9 + times.write_replace.sum_ns / 1e9
        per_call = 1000 / (seconds * load.calls)
        per_stream = 1000 / (seconds * (load.calls + (probe is not None)))
        media_ms = (end.media_s - begin.media_s) * per_call
        ours = sum(
            getattr(end, name) - getattr(begin, name)
            for name in ("media_s", "service_s", "workers_s", "supervisor_s", "sink_s", "own_s")
        )
        if steps == 0:
            raise RuntimeError("no frame was read")
        warnings = [line.text.strip() for line in self._switch.log() if line.level <= LogLevel.WARNING]
        return Result(
            load=load,
            engine_ms=(end.workers_s - begin.workers_s) * per_stream,
            engine_system_ms=(end.workers_s - begin.workers_s) * per_stream * _system_share(begin, end),
            module_ms=media_ms - baseline * 1000 + (end.service_s - begin.service_s) * per_call,
            media_threads_ms=media_ms,
            baseline_ms=baseline * 1000,
            callbacks_ms=callbacks_s * 1000 / took / load.calls,
            service_ms=(end.service_s - begin.service_s) * per_call,
            supervisor_ms=(end.supervisor_s - begin.supervisor_s) * per_stream,
            sink_ms=(end.sink_s - begin.sink_s) * per_stream,
            others_cores=max(0.0, (end.busy_s - begin.busy_s - ours) / seconds),
            read=_durations(times.read),
            write_replace=_durations(times.write_replace),
            late=_durations(times.late),
            ticks_late_ms=1000 * ticks.lateness_s / max(1.0, ticks.count),
            ticks_over_20_ms=1000 * ticks.late / max(1.0, ticks.count),
            ticks_p999_ms=ticks.percentile_ms(99.9),
            ticks_missed=int(ticks.missed),
            worker_streams=worker_streams,
            capture_latency=_capture_latency(probed, sunk_last),
            playback_latency=_playback_latency(probed, sunk_last),
            delivered=self._delivered(first, last, sunk_first, sunk_last),
            played=self._played(running_first, running_last),
            longest_gap_ms=running_sink.longest_gap_ns / 1e6,
            sink_late_ms=float(running_sink.longest_late_ms),
            capture_dropped=sum(b.dropped - a.dropped for a, b in zip(running_first, running_last, strict=True)),
            underruns=sum(b.underruns - a.underruns for a, b in zip(running_first, running_last, strict=True)),
            underrun_ms=sum(
                b.underrun_samples - a.underrun_samples for a, b in zip(running_first, running_last, strict=True)
            )
            * 1000
            / load.channel_rate,
            faults=sum(b.faults for b in last),
            gaps=sum(_silent_packets(call.sent(), call.frame_bytes.write) for call in self._calls[:LISTENED]),
            lost_connections=load.calls - sunk_last.open_connections,
            engine_mb=(after[0] - before[0]) / (load.calls + (probe is not None)),
            switch_mb=(after[1] - before[1]) / load.calls,
            engine_rss_mb=sum(memory.rss_mb(pid) for pid in self._engine_pids()),
            messages=warnings[:20],
        )

    def _cpu(self, media: Sequence[int]) -> _Cpu:
        workers = self._engine.workers
        own = cpu.threads(os.getpid())
        return _Cpu(
            at=time.monotonic(),
            media_s=sum(own[thread].cpu_ns for thread in media) / 1e9,
            service_s=sum(own[thread].cpu_ns for thread in set(own) - self._other_threads - set(media)) / 1e9,
            workers_s=sum(map(cpu.process_s, workers)),
            worker_ticks=_sum_pairs(map(cpu.mode_ticks, workers)),
            supervisor_s=cpu.process_s(self._engine.supervisor),
            sink_s=cpu.process_s(self._sink.pid),
            own_s=own[threading.get_native_id()].cpu_ns / 1e9,
            busy_s=cpu.busy_s(),
        )

    def _memory(self) -> tuple[float, float]:
        """MB of the engine's processes and of this one, which is the switch."""
        return sum(map(memory.pss_mb, self._engine_pids())), memory.pss_mb(os.getpid())

    def _engine_pids(self) -> list[int]:
        return [self._engine.supervisor, *self._engine.workers]

    def _delivered(
        self, first: list[_Counters], last: list[_Counters], sunk_first: SinkCounts, sunk_last: SinkCounts
    ) -> float:
        """The worst stream's. Both ends are sorted, since a stream's memory doesn't tell which connection is its."""
        load = self._load
        frame_bytes = load.rate // 50 * 2
        handed = sorted((b.slots - a.slots) * frame_bytes for a, b in zip(first, last, strict=True))
        sunk = sorted(b - a for a, b in zip(sunk_first.audio_bytes, sunk_last.audio_bytes, strict=True))
        # A message that was not complete at either end of the span is not lost.
        slack = load.rate * load.message_ms // 1000 * 2 if load.message_ms > 20 else 0
        return min(min(1.0, (got + slack) / given) for got, given in zip(sunk, handed, strict=True))

    def _played(self, first: list[_Counters], last: list[_Counters]) -> float:
        """The worst stream's: samples that the channel sent, by those of the packets that it sent."""
        samples = self._load.channel_rate // 50
        return min(
            # A packet that was under way when either end was read is not missing.
            min(1.0, ((b.played - a.played) + samples) / max(1, (b.slots - a.slots) * samples))
            for a, b in zip(first, last, strict=True)
        )


def _sum_s(threads: Sequence[int]) -> float:
    own = cpu.threads(os.getpid())
    return sum(own[thread].cpu_ns for thread in threads) / 1e9


def _sum_pairs(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    first, second = zip(*pairs, strict=True)
    return sum(first), sum(second)


def _system_share(begin: _Cpu, end: _Cpu) -> float:
    user, system = (b - a for a, b in zip(begin.worker_ticks, end.worker_ticks, strict=True))
    return system / max(1, user + system)


def _durations(histogram: Histogram) -> Durations:
    median, p99, p999 = (histogram.percentile(q) / 1000 for q in (50, 99, 99.9))
    return Durations(histogram.count, median, p99, p999, histogram.max_ns / 1000)


def _latencies(causes: list[int], effects: list[int]) -> Durations | None:
    """From each cause to the first effect after it; a cause without one before the next cause is left out."""
    found = []
    at = 0
    for number, cause in enumerate(causes):
        until = causes[number + 1] if number + 1 < len(causes) else cause + 10**9
        while at < len(effects) and effects[at] < cause:
            at += 1
        if at < len(effects) and effects[at] < until:
            found.append((effects[at] - cause) / 1000)
    if not found:
        return None
    median, p99, p999 = (float(np.percentile(found, q)) for q in (50, 99, 99.9))
    return Durations(len(found), median, p99, p999, max(found))


def _capture_latency(probed: ProbeTimes | None, sunk: SinkCounts) -> Durations | None:
    return None if probed is None else _latencies(probed.marks_ns, sunk.marks_ns)


def _playback_latency(probed: ProbeTimes | None, sunk: SinkCounts) -> Durations | None:
    return None if probed is None else _latencies(sunk.bursts_ns, probed.bursts_ns)


def _silent_packets(pcm: bytes, frame_bytes: int) -> int:
    frames = np.frombuffer(pcm[: len(pcm) // frame_bytes * frame_bytes], "<i2").reshape(-1, frame_bytes // 2)
    return int((np.abs(frames.astype(np.int32)).max(axis=1, initial=0) < SILENT).sum())


def run_round(load: Load) -> Result:
    """One round in this process, which must not have been a switch before. Raises RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="oarb-") as folder:
        return Round(load, Path(folder)).run()
