"""One round on a real FreeSWITCH: N SIP calls with RTP, without a stream, with one on each, and without again."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path

from freeswitch import EventSocketError, RealSwitch, StreamCommands
from sip import Caller

from . import cpu, memory
from .callers import CallersProcess
from .certificates import Certificates
from .engine import Engine
from .load import Load
from .sink import SinkSettings
from .sink_process import SinkProcess
from .switch_result import Candidate, SwitchResult

SETTLE_S = 3.0  # after calls and streams have come or gone: FreeSWITCH is busy with their events for a while
CALLS_PER_SECOND = 20
ANSWER_S = 60.0
STOP_S = 20.0
HANG_UP_S = 60.0
LOOKS, LOOK_S = 7, 0.073
LOG_LINES = 5
WARNINGS = ("[WARNING]", "[ERR]", "[CRIT]", "[ALERT]")


@dataclass(frozen=True)
class _Used:
    """CPU seconds within a span, and how long that was."""

    seconds: float
    switch: float
    engine: float
    sink: float
    callers: float
    own: float
    everybody: float

    @property
    def others(self) -> float:
        """On average, in cores."""
        return max(0.0, self.everybody - self.switch - self.engine - self.sink - self.callers - self.own) / self.seconds


class SwitchRound:
    def __init__(self, load: Load, prefix: Path, candidate: Candidate, channel: str, directory: Path) -> None:
        self._load = load
        self._candidate = candidate
        self._channel = channel
        self._directory = directory
        self._engine = Engine(directory, load.workers)
        self._switch = RealSwitch(prefix, candidate.path, self._engine.socket, directory, log_level="warning")

    def run(self) -> SwitchResult:
        load = self._load
        certificates = Certificates.issue(self._directory) if load.tls else None
        authority = {} if certificates is None else {"STREAM_TLS_CA_FILE": certificates.authority}
        self._variables = {**load.variables, **authority, "STREAM_OPENAI_API_KEY": "none-needed"}
        with contextlib.ExitStack() as cleaning:
            self._sink = cleaning.enter_context(
                SinkProcess(SinkSettings(certificates, load.deflate, load.rate, load.delta_ms, own_clock=True))
            )
            if self._candidate.engine:
                cleaning.enter_context(self._engine)
            cleaning.enter_context(self._switch)
            reply = self._switch.load_module()
            # The first line of the reply is good whatever comes of it.
            if not self._switch.module_loaded():
                raise RuntimeError(f"the module did not load: {' '.join(reply.split())}")
            self._callers = cleaning.enter_context(CallersProcess(load.calls))
            caller = cleaning.enter_context(
                Caller(self._switch, self._channel, self._callers.parties, self._directory, None, CALLS_PER_SECOND)
            )
            caller.wait_media(ANSWER_S)
            result = self._measure([call.uuid for call in caller.calls])
            # Not each caller: so many cues at once overrun sipp.
            self._switch.api("hupall")
            caller.wait_end(HANG_UP_S)
            return result

    def warnings(self) -> str:
        """The last of those that FreeSWITCH logged."""
        lines = [line for line in self._switch.log_text().splitlines() if any(level in line for level in WARNINGS)]
        return "\n".join(lines[-LOG_LINES:])

    def _measure(self, channels: list[str]) -> SwitchResult:
        load = self._load
        before = self._baseline()
        memory_before = self._memory()
        self._start_streams(channels)
        time.sleep(load.warm_up_s)
        self._callers.reset()
        self._sink.reset_gaps()
        ahead_first, started = self._ahead(), time.monotonic()
        loaded = self._span(load.seconds)
        sunk, calls = self._sink.counts(), self._callers.counts()
        ahead_last, took = self._ahead(), time.monotonic() - started
        memory_after = self._memory()
        self._stop_streams(channels)
        after = self._baseline()
        per_call = 1000 / (loaded.seconds * load.calls)
        return SwitchResult(
            load=load,
            candidate=self._candidate.name,
            channel=self._channel,
            switch_ms=loaded.switch * per_call,
            baseline_before_ms=before.switch * 1000 / (before.seconds * load.calls),
            baseline_after_ms=after.switch * 1000 / (after.seconds * load.calls),
            engine_ms=loaded.engine * per_call,
            sink_ms=loaded.sink * per_call,
            callers_ms=loaded.callers * per_call,
            callers_late_p999_ms=calls.late_p999_ms,
            callers_late_longest_ms=calls.late_longest_ms,
            others_cores=max(span.others for span in (before, loaded, after)),
            delivered=self._delivered(ahead_first, ahead_last, took),
            longest_gap_ms=sunk.longest_gap_ns / 1e6,
            sink_late_ms=float(sunk.longest_late_ms),
            silent_packets=1000 * calls.silent_share,
            memory_mb=(memory_after - memory_before) / load.calls,
        )

    def _start_streams(self, channels: list[str]) -> None:
        assignments = ";".join(f"{name}={value}" for name, value in self._variables.items())
        for uuid in channels:
            self._switch.api(f"uuid_setvar_multi {uuid} {assignments}")
            try:
                StreamCommands(self._switch.events, uuid).start(self._sink.url(), self._load.start)
            except EventSocketError as error:
                told = [event.body for event in self._switch.events.taken("error", uuid)]
                raise RuntimeError(f"{error}; error events: {' '.join(told[:3]) or 'none'}") from error

    def _stop_streams(self, channels: list[str]) -> None:
        for uuid in channels:
            StreamCommands(self._switch.events, uuid).ok("stop")
        deadline = time.monotonic() + STOP_S
        while left := self._sink.counts().open_connections:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{left} streams were still connected {STOP_S} s after they were stopped")
            time.sleep(0.2)

    def _baseline(self) -> _Used:
        """FreeSWITCH with the calls and no stream: half as long as with, since it is measured twice."""
        time.sleep(SETTLE_S)
        return self._span(self._load.seconds / 2)

    def _span(self, seconds: float) -> _Used:
        begin = self._so_far()
        time.sleep(seconds)
        end = self._so_far()
        return _Used(*(getattr(end, each.name) - getattr(begin, each.name) for each in fields(_Used)))

    def _so_far(self) -> _Used:
        return _Used(
            everybody=cpu.busy_s(),
            seconds=time.monotonic(),
            switch=cpu.process_s(self._switch.pid),
            engine=sum(map(cpu.process_s, self._engine_pids())),
            sink=cpu.process_s(self._sink.pid),
            callers=cpu.process_s(self._callers.pid),
            own=cpu.process_s(os.getpid()),
        )

    def _ahead(self) -> list[float]:
        """How many seconds of caller audio the sink has of each stream, less the time of the clock.

        What is late is not lost: the best of several looks, which fall on every part of a packet's time.
        """
        looks = []
        for _ in range(LOOKS):
            counts = self._sink.counts()
            looks.append([got / (self._load.rate * 2) - counts.at_ns / 1e9 for got in counts.audio_bytes])
            time.sleep(LOOK_S)
        return [max(of_stream) for of_stream in zip(*looks, strict=True)]

    def _delivered(self, first: list[float], last: list[float], seconds: float) -> float:
        """Of the worst stream, give or take one message."""
        if len(first) != self._load.calls or len(last) != self._load.calls:
            return 0.0
        message_s = self._load.message_ms / 1000
        return min(min(1.0, 1 + (b - a + message_s) / seconds) for a, b in zip(first, last, strict=True))

    def _memory(self) -> float:
        return sum(map(memory.pss_mb, (self._switch.pid, *self._engine_pids())))

    def _engine_pids(self) -> list[int]:
        return [self._engine.supervisor, *self._engine.workers] if self._candidate.engine else []


def run_switch_round(load: Load, prefix: Path, candidate: Candidate, channel: str) -> SwitchResult:
    """Raises RuntimeError with the reason, and below it FreeSWITCH's last warnings, if anything fails."""
    with tempfile.TemporaryDirectory(prefix="oarb-") as folder:
        measuring = SwitchRound(load, prefix, candidate, channel, Path(folder))
        try:
            return measuring.run()
        except Exception as error:
            raise RuntimeError(f"{type(error).__name__}: {error}\n{measuring.warnings()}") from error
