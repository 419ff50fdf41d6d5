"""One FreeSWITCH and one engine for all these tests; calls and endpoints of each test's own."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_process import EngineProcess
from freeswitch import RealSwitch, StreamCommands, find_freeswitch
from sip import PCMU, Call, Caller, MediaFormat, MediaRoom
from sip.caller import can_call

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.native import MODULE_PATH

MakeCalls = Callable[..., Caller]
MakeCall = Callable[..., Call]


@pytest.fixture(scope="session")
def prefix() -> Path:
    found = find_freeswitch()
    if found is None:
        pytest.skip("no FreeSWITCH: set FREESWITCH_PREFIX, or have freeswitch on the PATH")
    return found


@pytest.fixture(scope="session")
def module_path() -> Path:
    """The module under test; FREESWITCH_TEST_MODULE names another build of it, one with sanitizers for instance."""
    path = Path(os.environ.get("FREESWITCH_TEST_MODULE") or MODULE_PATH)
    if not path.exists():
        pytest.skip("the module has not been built")
    return path


@pytest.fixture(scope="session")
def run_dir() -> Iterator[Path]:
    """A folder with a short path, since a Unix socket's has to fit into 108 bytes. Kept if FreeSWITCH died in it."""
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def engine_process(run_dir: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(run_dir)
    yield engine
    engine.stop()


@pytest.fixture
def engine(engine_process: EngineProcess) -> EngineProcess:
    """The engine, running at the start of the test."""
    engine_process.start()
    return engine_process


@pytest.fixture(scope="session")
def switch_process(prefix: Path, run_dir: Path) -> Iterator[RealSwitch]:
    """The FreeSWITCH of all tests. Its module folder holds the module if it has been built."""
    named = Path(os.environ.get("FREESWITCH_TEST_MODULE") or MODULE_PATH)
    switch = RealSwitch(
        prefix, named if named.exists() else None, run_dir / "engine.sock", run_dir, environment=_sanitizer_settings()
    )
    yield switch
    switch.stop()


@pytest.fixture
def plain_switch(switch_process: RealSwitch) -> RealSwitch:
    """FreeSWITCH, running at the start of the test, whatever happened to it in the one before."""
    if not switch_process.running:
        switch_process.kill()
        switch_process.start()
    return switch_process


def _sanitizer_settings() -> dict[str, str]:
    preload = os.environ.get("FREESWITCH_TEST_PRELOAD")
    return {"LD_PRELOAD": preload} if preload else {}


@pytest.fixture
def switch(plain_switch: RealSwitch, module_path: Path) -> Iterator[RealSwitch]:
    """FreeSWITCH with the module loaded; fails the test if it isn't well afterwards."""
    if not plain_switch.module_loaded():
        assert plain_switch.load_module().startswith("+OK")
    yield plain_switch
    plain_switch.assert_alive()


@pytest.fixture(scope="session")
def room() -> Iterator[MediaRoom]:
    with MediaRoom() as room:
        yield room


@pytest.fixture
def make_calls(plain_switch: RealSwitch, room: MediaRoom, tmp_path: Path) -> Iterator[MakeCalls]:
    """``make_calls(destination, count, media_format, **Caller's)``; what is left of the calls ends with the test."""
    if not can_call():
        pytest.skip("no sipp")
    with contextlib.ExitStack() as cleaning:

        def make(destination: str, count: int = 1, media_format: MediaFormat = PCMU, **options: Any) -> Caller:
            parties = [room.party(media_format) for _ in range(count)]
            for party in parties:
                cleaning.callback(room.dismiss, party)
            caller = Caller(plain_switch, destination, parties, tmp_path, **options)
            cleaning.callback(_end_calls, plain_switch, caller)
            return caller

        yield make


def _end_calls(switch: RealSwitch, caller: Caller) -> None:
    with contextlib.suppress(AssertionError):
        # A test about FreeSWITCH's end has none left.
        switch.assert_alive()
        for call in caller.calls:
            if switch.api(f"uuid_exists {call.uuid}") == "true":
                switch.api(f"uuid_kill {call.uuid}")
                call.wait_end()
    caller.close()


@pytest.fixture
def make_call(make_calls: MakeCalls) -> MakeCall:
    """As make_calls, for one call: returned when it is answered and its party has begun to hear."""

    def make(destination: str, media_format: MediaFormat = PCMU, **options: Any) -> Call:
        call = make_calls(destination, 1, media_format, **options).calls[0]
        return call.wait_media()

    return make


@pytest.fixture
def make_endpoint() -> Iterator[Callable[..., LocalEndpointThread]]:
    """``make_endpoint(**LocalEndpoint's)``: a local Realtime endpoint without a voice detector, if not asked for."""
    with contextlib.ExitStack() as cleaning:

        def make(**options: Any) -> LocalEndpointThread:
            return cleaning.enter_context(LocalEndpointThread(**{"vad": False, **options}))

        yield make


@pytest.fixture
def endpoint(make_endpoint: Callable[..., LocalEndpointThread]) -> LocalEndpointThread:
    """An endpoint that sends a tone of 440 Hz for one second on each connection."""
    return make_endpoint(behaviour=Behaviour(stream_tone=Tone(440, 1000)))


@pytest.fixture
def streams(switch: RealSwitch) -> Callable[[Call], StreamCommands]:
    """The module's commands for a call."""
    return lambda call: StreamCommands(switch.events, call.uuid)
