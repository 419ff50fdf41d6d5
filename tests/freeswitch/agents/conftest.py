"""A FreeSWITCH and an engine with agents, where the other tests have none; telephones that call and are called."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent.talk import Talks
from engine_process import EngineProcess
from freeswitch import RealSwitch
from sip import MediaRoom
from sip.telephone import Telephone

from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.native import MODULE_PATH

AGENTS = Path(__file__).with_name("agents_under_test.py")


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def engine_process(prefix: Path, place: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(place, "--workers", "2", "--agent", f"{AGENTS}:Helper", "--log-level", "debug")
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def switch_process(prefix: Path, place: Path) -> Iterator[RealSwitch]:
    switch = RealSwitch(prefix, MODULE_PATH, place / "engine.sock", place)
    yield switch
    switch.stop()


@pytest.fixture
def make_telephone(room: MediaRoom) -> Iterator[Callable[[], Telephone]]:
    """Each with a port of its own; calls that are up end with the test."""
    with contextlib.ExitStack() as cleaning:

        def make() -> Telephone:
            telephone = Telephone(room)
            cleaning.callback(telephone.close)
            return telephone

        yield make


@pytest.fixture
def talk(
    engine: EngineProcess,
    switch: RealSwitch,
    make_telephone: Callable[[], Telephone],
    make_endpoint: Callable[..., LocalEndpointThread],
    tmp_path: Path,
) -> Talks:
    return Talks(switch, make_telephone, make_endpoint, tmp_path)
