"""The engine of tests: `openai-realtime engine` with the agents that tests want."""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import sys
from pathlib import Path

from ...engine_process import EngineProcess
from ..agent import Agent, check_agent
from ..errors import AgentError

_OF_PYTEST = "PYTEST_CURRENT_TEST"  # another in each test


def specification(agent: type[Agent]) -> str:
    """FILE:CLASS, for the engine. Raises ValueError for a class that no file has at its top."""
    try:
        file = inspect.getfile(agent)
    except (OSError, TypeError):
        file = ""
    if not file.endswith(".py") or "." in agent.__qualname__:
        raise ValueError(f"{agent.__qualname__} has to stand at the top of a file: it runs in a process of its own")
    return f"{agent.__name__}={Path(file).absolute()}:{agent.__name__}"


class TestEngine:
    """One process, started again where it has to know one agent more, or where the environment has changed."""

    __test__ = False

    def __init__(self, socket: Path, folder: Path, url: str) -> None:
        """`url`: where all agents' streams go, whatever their own."""
        self.socket = socket
        self.log = folder / "engine.log"
        self._url = url
        self._agents: dict[str, str] = {}
        self._environment: dict[str, str] = {}
        self._process = EngineProcess(self.socket, self.log)

    def serve(self, agent: type[Agent]) -> str:
        """The agent's name; returns once calls can be given to it. Raises EngineStartError, ValueError."""
        __tracebackhide__ = True
        name, specified = agent.__name__, specification(agent)
        environment = _environment()
        if self._agents.get(name) != specified or environment != self._environment or not self.running:
            self.stop()
            agents = {**_beside(agent), **self._agents, name: specified}
            options = ["--all-agents-at", self._url, *(f"--agent={each}" for each in agents.values())]
            self._process.start(*options, environment=environment)
            # Not before: an agent that can't be loaded is no matter of the tests of others.
            self._agents, self._environment = agents, environment
        return name

    @property
    def running(self) -> bool:
        return self._process.pid is not None

    def kill_host(self) -> None:
        """The process that the agents run in dies, as by the kernel for want of memory."""
        for pid in self._children():
            with contextlib.suppress(OSError):
                if "pydantic_core" in Path(f"/proc/{pid}/maps").read_text():  # what makes schemas: no other has it
                    os.kill(pid, signal.SIGKILL)

    def _children(self) -> list[int]:
        pid = self._process.pid
        if pid is None:
            return []
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self) -> None:
        self._process.stop()


def _beside(agent: type[Agent]) -> dict[str, str]:
    """The other agents of its file: they will be wanted, too, and an engine takes its time to start."""
    found = {}
    for each in list(vars(sys.modules[agent.__module__]).values()):
        if isinstance(each, type) and issubclass(each, Agent) and each.__module__ == agent.__module__:
            with contextlib.suppress(AgentError, ValueError):  # what others derive from, for one
                check_agent(each)
                found[each.__name__] = specification(each)
    return found


def _environment() -> dict[str, str]:
    """The test's own, and its module path: what it can import its agent can import."""
    path = os.pathsep.join(str(Path(each).absolute()) for each in sys.path)
    return {**os.environ, "PYTHONPATH": path, _OF_PYTEST: ""}
