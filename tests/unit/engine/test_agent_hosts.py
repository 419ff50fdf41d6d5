"""The processes of agents: started, loaded, followed by others where the code changes."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import pytest

from mod_openai_realtime.engine import agent_hosts as module
from mod_openai_realtime.engine.agent_hosts import AgentHosts, AgentOptions, AgentPlace, Loaded, NotLoaded, agent_place
from mod_openai_realtime.engine.listening import EngineError


class FakeChild:
    def __init__(self, target: Callable[[Connection], None], pid: int) -> None:
        self.target = target
        self.pid: int | None = pid
        self.retired = False
        self.pipe: Connection | None = None
        self.begin()

    def begin(self) -> None:
        reading, self.writing = Pipe(duplex=False)
        self.pipe = reading

    def says(self, said: Loaded | NotLoaded) -> None:
        self.writing.send(said)


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, processes: int = 1, reload: bool = False) -> None:
        self.children: list[FakeChild] = []
        self.signals: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "kill", lambda pid, number: self.signals.append((pid, number)))
        options = AgentOptions(("a.py:A",), processes, "ws://h/", reload)
        self.first: Loaded | NotLoaded | None = None
        self.hosts = AgentHosts(
            options, AgentPlace(Path("/x"), (Path("/x/worker-0"),), ()), self.main, self.add, lambda *_: None
        )

    def add(self, name: str, target: Callable[[Connection], None]) -> FakeChild:
        child = FakeChild(target, 100 + len(self.children))
        self.children.append(child)
        if self.first is not None:
            child.says(self.first)
        return child

    def main(self, pipe: Connection, **_: Any) -> None: ...

    def start(self, said: Loaded | NotLoaded) -> frozenset[str]:
        self.first = said
        names = self.hosts.start()
        self.first = None
        return names


def test_the_engine_knows_the_agents_once_their_code_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, processes=2)
    assert bench.start(Loaded(("a", "b"), ())) == {"a", "b"}
    assert len(bench.children) == 2
    assert bench.hosts.pipes() == []


def test_code_that_cannot_be_loaded_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match=r"a\.py, line 3: NameError"):
        Bench(monkeypatch).start(NotLoaded("a.py, line 3: NameError: x"))


def test_code_that_never_loads_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOAD_S", 0.0)
    with pytest.raises(EngineError, match="not loaded within"):
        Bench(monkeypatch).hosts.start()


def test_changed_code_gets_processes_of_its_own_and_the_old_ones_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "a.py"
    file.touch()
    os.utime(file, (1, 1))
    bench = Bench(monkeypatch, reload=True)
    bench.start(Loaded(("a",), (str(file),)))
    bench.hosts.look(10)
    assert len(bench.children) == 1
    os.utime(file, (2, 2))
    bench.hosts.look(10.5)  # not yet
    assert len(bench.children) == 1
    bench.hosts.look(11)
    old, new = bench.children
    assert bench.hosts.pipes() == [new.pipe] and not old.retired
    new.says(Loaded(("a",), (str(file),)))
    bench.hosts.look(11.1)
    assert old.retired and not new.retired
    assert bench.signals == [(100, signal.SIGUSR1)]
    bench.hosts.look(13)
    assert len(bench.children) == 2  # once for each change


def test_new_code_that_cannot_be_used_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.touch()
    os.utime(file, (1, 1))
    bench = Bench(monkeypatch, reload=True)
    bench.start(Loaded(("a",), (str(file),)))
    os.utime(file, (2, 2))
    bench.hosts.look(10)
    old, bad = bench.children
    bad.says(NotLoaded("a.py, line 1: SyntaxError"))
    bench.hosts.look(10.1)
    assert bad.retired and not old.retired
    os.utime(file, (3, 3))
    bench.hosts.look(12)
    good = bench.children[-1]
    good.says(Loaded(("a",), (str(file),)))
    bench.hosts.look(12.1)
    assert old.retired and not good.retired


def test_a_host_that_is_started_again_says_anew_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.start(Loaded(("a",), ()))
    (child,) = bench.children
    child.begin()
    bench.hosts.look(1)
    assert bench.hosts.pipes() == [child.pipe]
    child.says(NotLoaded("the file is broken now"))
    bench.hosts.look(2)
    assert not child.retired  # it is tried again, as any process is
    child.writing.close()
    bench.hosts.look(3)
    assert bench.hosts.pipes() == []


def test_the_place_is_private_and_goes_with_the_engine() -> None:
    with agent_place(2) as place:
        folder = place.folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(place.sockets) == len(place.listeners) == 2
        assert (folder / "spool-1").is_dir()
    assert not folder.exists()
