"""A server of one call says what ends each worker that hears it, or keeps it for ever. The calls that share its worker
are interrupted until it is known which one it was, and no longer."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import deadly_engine
import pytest
from engine_process import EngineProcess
from until import wait_until

from mod_openai_realtime.engine.deaths import ENOUGH
from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.native import MODULE_PATH
from mod_openai_realtime.standin import StandIn
from mod_openai_realtime.switch import reasons

CALLS = 20
WITHIN_S = 30
API = "uuid_openai_audio_stream"
PLAYS = Behaviour(stream_tone=Tone(440, 600_000), pacing=Pacing(200, 1.0))

pytestmark = pytest.mark.skipif(not MODULE_PATH.exists(), reason="the module has not been built")


def says(word: bytes) -> Behaviour:
    return Behaviour(raw=True, send_on_open=(f'{{"type":"{word.decode()}"}}',))


@contextlib.contextmanager
def running(workers: int) -> Iterator[EngineProcess]:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        engine = EngineProcess(Path(folder), "--workers", str(workers), program=(deadly_engine.__file__,))
        engine.start()
        yield engine
        engine.stop()


def test_a_call_of_which_workers_die_is_not_taken_up_for_ever() -> None:
    with (
        running(workers=2) as engine,
        LocalEndpointThread(vad=False, keep="counts", behaviour=PLAYS) as good,
        LocalEndpointThread(vad=False, keep="counts", behaviour=says(deadly_engine.DEADLY)) as bad,
        StandIn(engine_socket=engine.socket) as switch,
    ):
        switch.run()
        calls = [switch.call(sent_limit_bytes=0) for _ in range(CALLS)]
        for call in calls:
            assert switch.api(API, f"{call.uuid} start {good.url} mono 8000 24000").startswith("+OK")
        for call in calls:
            switch.wait_event("openai_speech_start", call.uuid, WITHIN_S)
        deadly = switch.call(sent_limit_bytes=0)
        start = f"{deadly.uuid} start {bad.url} mono 8000 24000"
        assert switch.api(API, start).startswith("+OK")
        wait_until(lambda: deadly.bug_count == 0)
        assert switch.api(API, start).strip() == f"-ERR {reasons.DEADLY}"
        assert engine.log_tail(1000).count(f"working for channel {deadly.uuid}") == ENOUGH
        lost = Counter(event.uuid for event in switch.events() if event.subclass == "disconnect")
        assert max(lost[call.uuid] for call in calls) <= ENOUGH
        for call in calls:
            assert call.bug_count == 1


def test_a_worker_that_stands_still_is_ended_and_its_calls_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(deadly_engine.IMPATIENT, "1")
    with (
        running(workers=1) as engine,
        LocalEndpointThread(vad=False, keep="counts", behaviour=PLAYS) as good,
        LocalEndpointThread(vad=False, keep="counts", behaviour=says(deadly_engine.ENDLESS)) as bad,
        StandIn(engine_socket=engine.socket) as switch,
    ):
        switch.run()
        call, endless = switch.call(sent_limit_bytes=0), switch.call(sent_limit_bytes=0)
        assert switch.api(API, f"{call.uuid} start {good.url} mono 8000 24000").startswith("+OK")
        switch.wait_event("openai_speech_start", call.uuid, WITHIN_S)
        assert switch.api(API, f"{endless.uuid} start {bad.url} mono 8000 24000").startswith("+OK")
        switch.wait_event("disconnect", call.uuid, WITHIN_S)
        endless.hangup()
        switch.wait_event("openai_speech_start", call.uuid, WITHIN_S)
        log = engine.log_tail(1000)
        assert "worker-0 stands still" in log
        assert "in harms" in log, "where it stood"
        assert f"working for channel {endless.uuid}" in log
