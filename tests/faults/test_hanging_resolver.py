"""A resolver that never answers for some names: other streams do not wait for it, nor does the engine's end."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from engine_process import EngineProcess

from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.native import MODULE_PATH
from mod_openai_realtime.standin import StandIn

NAMES = 8  # more than the event loop's library has threads
WITHIN_S = 30


@pytest.mark.skipif(not MODULE_PATH.exists(), reason="the module has not been built")
def test_names_without_an_answer_delay_no_other_stream_and_not_the_engines_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, library = Path(__file__).with_name("hanging_resolver.c"), tmp_path / "hanging_resolver.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    with (
        tempfile.TemporaryDirectory(prefix="oart-") as folder,
        LocalEndpointThread(vad=False) as endpoint,
        StandIn(engine_socket=Path(folder) / "engine.sock") as switch,
    ):
        engine = EngineProcess(Path(folder))
        with monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(library))
            engine.start()
        try:
            switch.run()
            hanging = [f"ws://hangs-{number}.example/" for number in range(NAMES)]
            good = [endpoint.url, endpoint.url.replace("127.0.0.1", "localhost")]
            for url in [*hanging, *good]:
                call = switch.call()
                reply = switch.api("uuid_openai_audio_stream", f"{call.uuid} start {url} mono 8000 24000")
                assert reply.startswith("+OK"), reply
                if url in good:
                    switch.wait_event("connect", call.uuid, WITHIN_S)
            engine.stop()
        finally:
            engine.kill()
