"""The engine as a process of its own, and what it tells of itself."""

from __future__ import annotations

import math
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from engine_process import EngineProcess
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from mod_openai_realtime.freeswitch.ports import own_ports

METRICS_S = 30.0
LATE_S = 0.02
_LATENESS = "openai_realtime_tick_lateness_seconds"


@dataclass(frozen=True)
class Ticks:
    """Of the media clocks of all workers, since the engine started."""

    lateness_s: float
    missed: float
    up_to: dict[float, float]
    """How many were late by no more than so many seconds."""

    @property
    def count(self) -> float:
        return self.up_to[math.inf]

    @property
    def late(self) -> float:
        """By more than LATE_S."""
        return self.count - self.up_to[LATE_S]

    def percentile_ms(self, percent: float) -> float:
        """No more than this: the upper bound of the bucket that the percentile is in, infinite for the last one."""
        wanted = self.count * percent / 100
        return 1000 * min(bound for bound, count in self.up_to.items() if count >= wanted)

    def since(self, earlier: Ticks) -> Ticks:
        return Ticks(
            self.lateness_s - earlier.lateness_s,
            self.missed - earlier.missed,
            {bound: count - earlier.up_to[bound] for bound, count in self.up_to.items()},
        )


class Engine:
    """`openai-realtime engine`; a context manager. Raises RuntimeError if it does not come up or end well."""

    def __init__(self, directory: Path, workers: int, *options: str, hosts: int = 0) -> None:
        """`options`: more of the command's. `hosts`: so many agent hosts they ask for."""
        self._workers = workers
        self._hosts = hosts
        self._metrics_port = own_ports().free()
        own = ("--workers", str(workers), "--metrics-port", str(self._metrics_port))
        self._process = EngineProcess(directory, *own, *options)
        self.socket = self._process.socket

    def __enter__(self) -> Self:
        self._process.start()
        try:
            self._await_metrics()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop()

    @property
    def supervisor(self) -> int:
        return self._process.supervisor

    @property
    def workers(self) -> list[int]:
        """Without the process that serves the metrics, which carries no call."""
        return self._process.children[self._hosts :][: self._workers]

    @property
    def hosts(self) -> list[int]:
        """The processes of agents, as long as none has died."""
        return self._process.children[: self._hosts]

    def log_tail(self) -> str:
        return self._process.log_tail()

    def ticks(self) -> Ticks:
        """As published, which is once a second."""
        lateness_s = missed = 0.0
        up_to: dict[float, float] = {}
        for sample in self._samples():
            if sample.name == f"{_LATENESS}_sum":
                lateness_s += sample.value
            elif sample.name == f"{_LATENESS}_bucket":
                bound = float(sample.labels["le"])
                up_to[bound] = up_to.get(bound, 0.0) + sample.value
            elif sample.name == "openai_realtime_missed_ticks_total":
                missed += sample.value
        return Ticks(lateness_s, missed, up_to)

    def streams_of_workers(self) -> list[int]:
        """How many streams each worker has, as published, which is once a second."""
        return [int(sample.value) for sample in self._samples() if sample.name == "openai_realtime_streams"]

    def _samples(self) -> list[Sample]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def _await_metrics(self) -> None:
        """Each worker publishes its first figures a moment after it has started."""
        deadline = time.monotonic() + METRICS_S
        while True:
            try:
                if math.inf in self.ticks().up_to:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError(f"the engine has no metrics\n{self.log_tail()}")
            time.sleep(0.05)
