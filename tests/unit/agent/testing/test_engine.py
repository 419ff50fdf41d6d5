"""Which agents the engine of tests is started with."""

from pathlib import Path
from typing import Any

import pytest

from mod_openai_realtime.agent import Agent
from mod_openai_realtime.agent.testing import engine as module
from mod_openai_realtime.agent.testing.engine import TestEngine, specification


class One(Agent):
    instructions = "One."


class Other(One):
    pass


class Unfinished(Agent):
    pass


class Process:
    pid: int | None = None

    def __init__(self, socket: Path, log: Path) -> None:
        self.started: list[tuple[str, ...]] = []
        self.environments: list[dict[str, str]] = []

    def start(self, *options: str, environment: dict[str, str]) -> None:
        self.started.append(options)
        self.environments.append(environment)
        self.pid = 1

    def stop(self) -> None:
        self.pid = None


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    made: list[Process] = []

    def make(*arguments: Any) -> Process:
        made.append(Process(*arguments))
        return made[-1]

    monkeypatch.setattr(module, "EngineProcess", make)
    return made


def test_it_knows_all_agents_of_a_file_and_is_started_again_for_another_environment(
    process: list[Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TestEngine(tmp_path / "socket", tmp_path, "ws://x")
    assert (engine.serve(One), engine.serve(Other), engine.serve(One)) == ("One", "Other", "One")
    ((_, _, *agents),) = process[0].started
    assert agents == [f"--agent={specification(each)}" for each in (One, Other)]
    assert "PYTHONPATH" in process[0].environments[0]
    monkeypatch.setenv("SHOP_NAME", "Miller")
    engine.serve(One)
    engine.serve(One)
    assert len(process[0].started) == 2 and process[0].environments[1]["SHOP_NAME"] == "Miller"


def test_a_class_inside_of_something_has_no_file_of_its_own() -> None:
    class Inside(Agent):
        instructions = "x"

    with pytest.raises(ValueError, match="at the top of a file"):
        specification(Inside)
