"""Calls that end or move as the application starts, whatever the engine does: nothing is left, no core is busy."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_process import EngineProcess
from freeswitch import RealSwitch
from sip.hasty import HastyCall, HastyCallers
from threads import beside

from mod_openai_realtime.local.thread import LocalEndpointThread

EVERY_MS = 20.0
LATE_S = 0.5


@contextmanager
def prompt(engine: EngineProcess) -> Iterator[None]:
    yield


@contextmanager
def late(engine: EngineProcess) -> Iterator[None]:
    """Nearly every command is answered up to half a second late."""
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            with engine.held():
                over.wait(LATE_S)
            over.wait(LATE_S / 10)

    with beside(hold, end=over.set):
        yield


@contextmanager
def absent(engine: EngineProcess) -> Iterator[None]:
    engine.stop()
    try:
        yield
    finally:
        engine.start()


def descriptors(switch: RealSwitch) -> int:
    return len(list(Path(f"/proc/{switch.pid}/fd").iterdir()))


def busy_cores(pid: int, over_s: float = 1.0) -> float:
    """How many cores the process keeps busy."""

    def seconds() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before, begun = seconds(), time.monotonic()
    threading.Event().wait(over_s)
    return (seconds() - before) / (time.monotonic() - begun)


def until(condition: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.1)


def assert_nothing_left(switch: RealSwitch, endpoint: LocalEndpointThread, before: int) -> None:
    until(lambda: switch.session_count() == 0, "channels are left")
    endpoint.wait_for(lambda server: all(connection.closed for connection in server.connections), 30)
    until(lambda: descriptors(switch) <= before, f"descriptors are left: {before} before")
    assert busy_cores(switch.pid) < 0.5


@pytest.mark.parametrize("answers", [prompt, late, absent], ids=lambda each: each.__name__)
@pytest.mark.parametrize("how", ["bye", "cancel", "transfer"])
def test_nothing_is_left_of_a_call_that_goes_as_it_starts(
    switch: RealSwitch,
    engine: EngineProcess,
    endpoint: LocalEndpointThread,
    how: str,
    answers: Callable[[EngineProcess], Iterator[None]],
) -> None:
    until(lambda: switch.session_count() == 0, "channels of other tests are left")
    before = descriptors(switch)
    chance = random.Random(17)
    calls = [
        HastyCall(chance.uniform(0, 50), cancels=how == "cancel", stays=how == "transfer")
        for _ in range(200 if how == "bye" else 50)
    ]
    callers = HastyCallers(switch.sip_address, "application", {"X-Stream-Start": f"{endpoint.url} mono"})
    with answers(engine), ThreadPoolExecutor(8) as pool:

        def transfer(call: HastyCall) -> None:
            threading.Event().wait(call.delay_ms / 1000)
            switch.api(f"uuid_transfer {call.uuid} over", 30)

        callers.make(calls, EVERY_MS, lambda call: call.stays and pool.submit(transfer, call))
    assert {call.final_status for call in calls} <= {200, 487}
    assert any(call.final_status == 200 for call in calls)
    assert_nothing_left(switch, endpoint, before)
