"""Good calls beside one whose server or application floods the worker that they share."""

from __future__ import annotations

import base64
import contextlib
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flood_server import FLOODS, HANDSHAKES, FloodServer

from mod_openai_realtime.standin import StandIn

from . import cpu
from .engine import Engine
from .stall_round import API, CHANNEL_RATE, MEDIA_THREADS, RATE, VARIABLES, _counters, _start
from .uneven_sink import PATTERNS, UnevenSink

__all__ = ["COMMANDS", "FLOODS", "HANDSHAKES", "FloodResult", "run_flood_round"]

COMMAND_EVERY_S = 0.03
CONNECT_S = 30.0
_COMMAND_BYTES = 8 << 20

COMMANDS: dict[str, Callable[[], str]] = {
    "send_json": lambda: "send_json " + _base64(b'{"type":"x","a":"' + b"a" * (_COMMAND_BYTES - 64) + b'"}'),
    "send_lists": lambda: "send_json " + _base64(b'{"type":"x","a":[' + b"[]," * (_COMMAND_BYTES // 3 - 30) + b"0]}"),
    "send_odd": lambda: "send_json " + _base64(rb'["\ud800",' + b" " * (_COMMAND_BYTES - 20) + b"0]"),
    "words": lambda: "x " * (_COMMAND_BYTES // 2),
    "quotes": lambda: "x" + " '" * (_COMMAND_BYTES // 2),
    "start_words": lambda: "start ws://h/ " + "mono " * (_COMMAND_BYTES // 5),
}


@dataclass(frozen=True)
class FloodResult:
    flood: str
    frames: int
    """Of the good calls, all together."""
    underruns: int
    underrun_ms: float
    capture_dropped: int
    commands: int
    command_median_ms: float
    command_longest_ms: float
    other_longest_ms: float
    """The slowest answer to a command of the flooded call itself."""
    worker_cores: float
    worker_mb: float


def run_flood_round(flood: str, seconds: float, calls: int, floods: int) -> FloodResult:
    """In this process, which must not have been a switch before. `calls`: good ones of each pattern; `floods`: flooded
    ones. Raises RuntimeError."""
    with contextlib.ExitStack() as cleaning:
        folder = Path(cleaning.enter_context(tempfile.TemporaryDirectory(prefix="oarb-")))
        sink = cleaning.enter_context(UnevenSink(RATE))
        bad = cleaning.enter_context(FloodServer())
        engine = cleaning.enter_context(Engine(folder, 1))
        switch = cleaning.enter_context(StandIn(engine_socket=engine.socket, temp_dir=folder))
        switch.run(MEDIA_THREADS)
        memories = {pattern: _start(switch, sink, pattern, calls) for pattern in PATTERNS}
        good = switch.call(CHANNEL_RATE, variables=VARIABLES, sent_limit_bytes=0)
        variables = {name: value for name, value in VARIABLES.items() if name != "STREAM_MESSAGE_DEFLATE"}
        variables["STREAM_RESTORE"] = "conversation"
        bad_calls = [switch.call(CHANNEL_RATE, variables=variables, sent_limit_bytes=0) for _ in range(floods)]
        flooded = bad_calls[0]
        (worker,) = engine.workers
        first = _counters(memories)
        begun, worker_s = time.monotonic(), cpu.process_s(worker)
        url = bad.url("none" if flood in COMMANDS else flood)
        others: list[float] = []
        for call in bad_calls:
            switch.api(API, f"{call.uuid} start {url} mono {RATE} {RATE}")
            switch.wait_event("error" if flood in HANDSHAKES else "connect", timeout=CONNECT_S)
        commands = _commands(switch, good.uuid, begun + seconds)
        if flood in COMMANDS:
            command = f"{flooded.uuid} {COMMANDS[flood]()}"
            time.sleep(1)
            for _ in range(5):
                others.append(_timed(switch, command))
                time.sleep(0.2)
        else:
            while time.monotonic() < begun + seconds:
                others.append(_timed(switch, f"{flooded.uuid} list"))
                time.sleep(0.1)
        waits = sorted(commands())
        last = _counters(memories)
        spans = [b.since(a) for pattern in PATTERNS for a, b in zip(first[pattern], last[pattern], strict=True)]
        return FloodResult(
            flood=flood,
            frames=sum(span.frames for span in spans),
            underruns=sum(span.underruns for span in spans),
            underrun_ms=sum(span.underrun_samples for span in spans) * 1000 / CHANNEL_RATE,
            capture_dropped=sum(span.dropped for span in spans),
            commands=len(waits),
            command_median_ms=waits[len(waits) // 2],
            command_longest_ms=waits[-1],
            other_longest_ms=max(others),
            worker_cores=(cpu.process_s(worker) - worker_s) / (time.monotonic() - begun),
            worker_mb=_memory_mb(worker),
        )


def _base64(message: bytes) -> str:
    return base64.b64encode(message).decode()


def _timed(switch: StandIn, command: str) -> float:
    """In ms."""
    begun = time.monotonic()
    switch.api(API, command)
    return (time.monotonic() - begun) * 1000


def _commands(switch: StandIn, uuid: str, until: float) -> Callable[[], list[float]]:
    """Commands of that call one after the other, on a thread; the function waits for its end, and gives their times in
    ms."""
    waits: list[float] = []

    def run() -> None:
        while time.monotonic() < until:
            waits.append(_timed(switch, f"{uuid} list"))
            time.sleep(COMMAND_EVERY_S)

    thread = threading.Thread(target=run)
    thread.start()

    def ended() -> list[float]:
        thread.join()
        return waits

    return ended


def _memory_mb(process: int) -> float:
    """The most that it has had."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0
