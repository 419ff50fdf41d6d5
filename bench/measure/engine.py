"""The engine as a process of its own, and what it tells of itself."""

from __future__ import annotations

import math
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

START_S = 30.0
STOP_S = 20.0
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

    def __init__(self, directory: Path, workers: int) -> None:
        self.socket = directory / "engine.sock"
        self._log = directory / "engine.log"
        self._workers = workers
        self._metrics_port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "mod_openai_realtime.cli", "engine", "--socket", str(self.socket)]
        command += ["--workers", str(self._workers), "--metrics-port", str(self._metrics_port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
                raise RuntimeError(f"the engine did not start\n{self.log_tail()}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            # Its workers end with it.
            self._process.kill()
            self._process.wait()
            raise RuntimeError(f"the engine did not end\n{self.log_tail()}") from None
        if code != 0:
            raise RuntimeError(f"the engine ended with exit code {code}\n{self.log_tail()}")

    @property
    def supervisor(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The first children; after them comes the process that serves the metrics, which carries no call."""
        children = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children").read_text().split()
        return [int(pid) for pid in children[: self._workers]]

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

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

    def _ready(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket))
                return math.inf in self.ticks().up_to
            except OSError:
                return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
