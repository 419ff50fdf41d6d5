"""A server of one call says what ends each worker that hears it. The calls that share its worker are interrupted until
it is known which one it was, and no longer."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import deadly_engine
import pytest
from engine_process import EngineProcess

from mod_openai_realtime.engine.deaths import ENOUGH
from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.native import MODULE_PATH
from mod_openai_realtime.processes import wait_until
from mod_openai_realtime.standin import StandIn
from mod_openai_realtime.switch import reasons

CALLS = 20
WITHIN_S = 30
API = "uuid_openai_audio_stream"
PLAYS = Behaviour(stream_tone=Tone(440, 600_000), pacing=Pacing(200, 1.0))
KILLS = Behaviour(raw=True, send_on_open=(f'{{"type":"{deadly_engine.DEADLY.decode()}"}}',))

pytestmark = pytest.mark.skipif(not MODULE_PATH.exists(), reason="the module has not been built")


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        engine = EngineProcess(Path(folder), "--workers", "2", program=(deadly_engine.__file__,))
        engine.start()
        yield engine
        engine.stop()


def test_a_call_of_which_workers_die_is_not_taken_up_for_ever(engine: EngineProcess) -> None:
    with (
        LocalEndpointThread(vad=False, keep="counts", behaviour=PLAYS) as good,
        LocalEndpointThread(vad=False, keep="counts", behaviour=KILLS) as bad,
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
        assert engine.log_tail().count(f"working for channel {deadly.uuid}") == ENOUGH
        lost = Counter(event.uuid for event in switch.events() if event.subclass == "disconnect")
        assert max(lost[call.uuid] for call in calls) <= ENOUGH
        for call in calls:
            assert call.bug_count == 1
