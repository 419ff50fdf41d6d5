"""Workers are killed under calls that play: the supervisor starts others, and all streams go on with them."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_process import EngineProcess
from until import wait_until

from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.native import MODULE_PATH
from mod_openai_realtime.standin import StandIn

CALLS = 20
WORKERS = 2
WITHIN_S = 30


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        engine = EngineProcess(Path(folder), "--workers", str(WORKERS))
        engine.start()
        yield engine
        engine.stop()


def kill_together(engine: EngineProcess, workers: list[int]) -> None:
    """The supervisor learns of all of them at once."""
    os.kill(engine.supervisor, signal.SIGSTOP)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    os.kill(engine.supervisor, signal.SIGCONT)


def ends(engine: EngineProcess) -> list[str]:
    """Which workers the supervisor has seen end."""
    return [line.split(": ")[-2].split()[0] for line in engine.log_tail().splitlines() if " ended " in line]


@pytest.mark.skipif(not MODULE_PATH.exists(), reason="the module has not been built")
def test_all_streams_play_again_after_all_workers_were_killed_again_and_again(engine: EngineProcess) -> None:
    behaviour = Behaviour(stream_tone=Tone(440, 600_000), pacing=Pacing(200, 1.0))
    with (
        LocalEndpointThread(vad=False, keep="counts", behaviour=behaviour) as endpoint,
        StandIn(engine_socket=engine.socket) as switch,
    ):
        switch.run()
        calls = [switch.call(sent_limit_bytes=0) for _ in range(CALLS)]
        for call in calls:
            reply = switch.api("uuid_openai_audio_stream", f"{call.uuid} start {endpoint.url} mono 8000 24000")
            assert reply.startswith("+OK"), reply
        for _ in range(4):
            for call in calls:
                switch.wait_event("connect", call.uuid, WITHIN_S)
                switch.wait_event("openai_speech_start", call.uuid, WITHIN_S)
            workers = engine.children
            kill_together(engine, workers)
            for call in calls:
                switch.wait_event("disconnect", call.uuid, WITHIN_S)
        for call in calls:
            switch.wait_event("openai_speech_start", call.uuid, WITHIN_S)
            assert call.bug_count == 1
            call.hangup()


def test_a_worker_that_dies_again_and_again_holds_no_other_up(engine: EngineProcess) -> None:
    first, second = engine.children
    for _ in range(4):
        os.kill(first, signal.SIGKILL)
        before = first
        wait_until(lambda: len(engine.children) == WORKERS and before not in engine.children)  # noqa: B023
        first = next(pid for pid in engine.children if pid != second)

    kill_together(engine, [first, second])
    wait_until(lambda: bool(set(engine.children) - {first, second}))
    new = next(pid for pid in engine.children if pid not in (first, second))
    os.kill(new, signal.SIGKILL)
    wait_until(lambda: len(ends(engine)) == 7)
    *together, last = ends(engine)[4:]
    assert sorted(together) == ["worker-0", "worker-1"]  # in either order
    assert last == "worker-1", "the one in the loop was waited for"
