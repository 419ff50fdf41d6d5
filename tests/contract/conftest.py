"""The contract suite: one set of tests, run against the stand-in switch and against a real FreeSWITCH."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from audio.g711 import Pcm16
from audio.tones import noise
from contract import FarEnd, Leg, Switch
from contract.dialplan import Dialplan, running_dialplan
from contract.stand_in import StandInSwitch
from engine_process import EngineProcess

from mod_openai_realtime.standin import StandIn


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rule(*ids): the rules of the contract (rules.py) that a test holds us to")
    config.addinivalue_line("markers", "stepped: counts samples or frames, so it needs a clock that is stepped")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    process = EngineProcess(tmp_path_factory.mktemp("engine"))
    process.start()
    try:
        yield process
        process.stop()
    finally:
        process.kill()


@pytest.fixture(scope="module", params=["standin", "freeswitch"])
def loaded_switch(
    request: pytest.FixtureRequest, engine: EngineProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Switch]:
    directory: Path = tmp_path_factory.mktemp("switch")
    if request.param == "standin":
        switch = StandInSwitch(engine.socket, directory)
        try:
            yield switch
        finally:
            switch.close()
        return
    from contract.real import RealContractSwitch, missing

    reason = missing()
    if reason:
        pytest.skip(reason)
    with RealContractSwitch(engine.socket, directory) as real:
        yield real


@pytest.fixture
def switch(request: pytest.FixtureRequest, loaded_switch: Switch, engine: EngineProcess) -> Iterator[Switch]:
    """With the module loaded, the engine running and no call up."""
    if request.node.get_closest_marker("stepped") and not loaded_switch.stepped:
        pytest.skip("counts samples on a stepped clock")
    if not engine.running:
        engine.start()
    loaded_switch.forget()
    yield loaded_switch
    loaded_switch.end_calls()
    loaded_switch.assert_alive()


@pytest.fixture
def standin(engine: EngineProcess, tmp_path: Path) -> Iterator[StandIn]:
    """The stand-in switch under its real clock: for what happens by itself, between two frames."""
    engine.start()
    with StandIn(engine_socket=engine.socket, temp_dir=tmp_path) as standin:
        standin.run()
        yield standin


@pytest.fixture
def dialplan(standin: StandIn) -> Iterator[Dialplan]:
    with running_dialplan(standin) as dialplan:
        yield dialplan


@pytest.fixture
def leg(switch: Switch) -> Leg:
    """An answered call at 8 kHz."""
    return switch.call()


@pytest.fixture
def far() -> Iterator[FarEnd]:
    with FarEnd() as end:
        yield end


@pytest.fixture
def answering(leg: Leg, far: FarEnd) -> Pcm16:
    """4 s of an announced response are being played, and some of it was heard."""
    leg.start(f"{far.url} mono 8k 8k")
    answer = noise(4000, 8000, seed=1)
    far.say("response.created", response={"id": "r1"})
    far.speak(answer, "r1")
    leg.event("openai_speech_start")
    leg.run(500)
    return answer
