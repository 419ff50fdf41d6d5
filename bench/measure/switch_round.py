"""One round on a real FreeSWITCH: N SIP calls with RTP, first without and then with a stream on each."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from freeswitch import RealSwitch, StreamCommands
from sip import PCMU, Caller, MediaRoom, RtpParty

from . import cpu, memory
from .audio import speech
from .certificates import Certificates
from .engine import Engine
from .load import Load
from .sink import SinkProcess, SinkSettings

DESTINATION = "park"
SETTLE_S = 2.0  # after the calls are up: FreeSWITCH is busy with their events for a while
CALLS_PER_SECOND = 20
ANSWER_S = 60.0
LISTENED = 4  # parties whose audio is looked at
SILENT = 300


@dataclass(frozen=True)
class Candidate:
    """A build of the module. `engine`: whether it wants one."""

    name: str
    path: Path
    engine: bool = True


@dataclass(frozen=True)
class SwitchResult:
    """CPU in ms per call and second; memory in MB (2^20 bytes) per call."""

    load: Load
    candidate: str
    switch_ms: float
    """FreeSWITCH with a stream on each call ..."""
    baseline_ms: float
    """... and the same calls without."""
    engine_ms: float
    """All its processes."""
    sink_ms: float
    callers_ms: float
    """This process, which sends and receives RTP."""
    others_cores: float
    delivered: float
    """Caller audio at the sink by the time that passed; the worst stream."""
    silent_packets: float
    """Of those that some of the callers got, in per mille."""
    memory_mb: float

    @property
    def cpu_ms(self) -> float:
        """What the streams added."""
        return self.switch_ms - self.baseline_ms + self.engine_ms

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "cpu_ms": self.cpu_ms}


@dataclass(frozen=True)
class _Sample:
    at: float
    switch_s: float
    engine_s: float
    sink_s: float
    own_s: float
    busy_s: float


class SwitchRound:
    def __init__(self, load: Load, prefix: Path, candidate: Candidate, directory: Path) -> None:
        self._load = load
        self._candidate = candidate
        self._directory = directory
        self._engine = Engine(directory, load.workers)
        self._switch = RealSwitch(prefix, candidate.path, self._engine.socket, directory, log_level="warning")

    def run(self) -> SwitchResult:
        load = self._load
        variables = dict(load.variables)
        certificates = Certificates.issue(self._directory) if load.tls else None
        if certificates is not None:
            variables["STREAM_TLS_CA_FILE"] = certificates.authority
        with contextlib.ExitStack() as cleaning:
            self._sink = cleaning.enter_context(
                SinkProcess(SinkSettings(certificates, load.deflate, load.rate, load.delta_ms))
            )
            if self._candidate.engine:
                cleaning.enter_context(self._engine)
            cleaning.enter_context(self._switch)
            reply = self._switch.load_module()
            if not reply.startswith("+OK"):
                raise RuntimeError(f"{self._candidate.name}: the module did not load: {reply}")
            room = cleaning.enter_context(MediaRoom())
            parties = [room.party(PCMU) for _ in range(load.calls)]
            caller = cleaning.enter_context(
                Caller(self._switch, DESTINATION, parties, self._directory, calls_per_second=CALLS_PER_SECOND)
            )
            caller.wait_media(ANSWER_S)
            result = self._measure(caller, parties, variables)
            caller.hang_up()
            caller.wait_end()
            return result

    def _measure(self, caller: Caller, parties: list[RtpParty], variables: dict[str, str]) -> SwitchResult:
        load = self._load
        samples = np.frombuffer(speech(load.channel_rate), "<i2")
        for number, party in enumerate(parties):
            party.repeat(np.roll(samples, -4801 * number))
        time.sleep(SETTLE_S)
        baseline = self._span(load.baseline_s)
        before = self._memory()
        assignments = ";".join(f"{name}={value}" for name, value in variables.items() if value)
        for call in caller.calls:
            self._switch.api(f"uuid_setvar_multi {call.uuid} {assignments}")
            StreamCommands(self._switch.events, call.uuid).start(self._sink.url(), load.start)
        time.sleep(load.warm_up_s)
        heard = [len(party.received) for party in parties[:LISTENED]]
        first = self._sink.counts()
        loaded = self._span(load.seconds)
        last = self._sink.counts()
        audio = np.concatenate([party.audio(since) for party, since in zip(parties, heard, strict=False)])
        wanted = loaded.at * load.rate * 2
        delivered = [(b - a) / wanted for a, b in zip(first.audio_bytes, last.audio_bytes, strict=True)]
        per_call = 1000 / (loaded.at * load.calls)
        ours = loaded.switch_s + loaded.engine_s + loaded.sink_s + loaded.own_s
        return SwitchResult(
            load=load,
            candidate=self._candidate.name,
            switch_ms=loaded.switch_s * per_call,
            baseline_ms=baseline.switch_s * 1000 / (baseline.at * load.calls),
            engine_ms=loaded.engine_s * per_call,
            sink_ms=loaded.sink_s * per_call,
            callers_ms=loaded.own_s * per_call,
            others_cores=max(0.0, (loaded.busy_s - ours) / loaded.at),
            delivered=min(1.0, *delivered) if len(delivered) == load.calls else 0.0,
            silent_packets=1000 * _silent_share(audio, load.channel_rate // 50),
            memory_mb=(self._memory() - before) / load.calls,
        )

    def _span(self, seconds: float) -> _Sample:
        """What each used during so many seconds; `at` is how many they were exactly."""
        begin = self._sample()
        time.sleep(seconds)
        end = self._sample()
        return _Sample(*(getattr(end, name) - getattr(begin, name) for name in _Sample.__dataclass_fields__))

    def _sample(self) -> _Sample:
        return _Sample(
            at=time.monotonic(),
            # In clock ticks, which count threads that have ended too.
            switch_s=cpu.lifetime_s(self._switch.pid),
            engine_s=sum(map(cpu.process_s, self._engine_pids())),
            sink_s=cpu.process_s(self._sink.pid),
            own_s=cpu.process_s(os.getpid()),
            busy_s=cpu.busy_s(),
        )

    def _memory(self) -> float:
        return sum(map(memory.pss_mb, (self._switch.pid, *self._engine_pids())))

    def _engine_pids(self) -> list[int]:
        return [self._engine.supervisor, *self._engine.workers] if self._candidate.engine else []


def _silent_share(audio: np.ndarray[Any, np.dtype[np.int16]], packet: int) -> float:
    packets = audio[: len(audio) // packet * packet].reshape(-1, packet).astype(np.int32)
    return float((np.abs(packets).max(axis=1) < SILENT).mean()) if len(packets) else 1.0


def run_switch_round(load: Load, prefix: Path, candidate: Candidate) -> SwitchResult:
    """Raises RuntimeError, AssertionError and what else the harness raises when something fails."""
    with tempfile.TemporaryDirectory(prefix="oarb-") as folder:
        return SwitchRound(load, prefix, candidate, Path(folder)).run()
