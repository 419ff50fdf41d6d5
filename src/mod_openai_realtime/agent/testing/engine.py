"""The engine of tests: `openai-realtime engine` with the agents that tests want."""

from __future__ import annotations

import contextlib
import inspect
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from ..agent import Agent

_START_S, _STOP_S = 60.0, 15.0


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
    """One process, started again where it has to know one agent more."""

    __test__ = False

    def __init__(self, folder: Path, url: str) -> None:
        """`url`: where all agents' streams go, whatever their own."""
        self.socket = folder / "engine.sock"
        self._log = folder / "engine.log"
        self._url = url
        self._agents: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def serve(self, agent: type[Agent]) -> str:
        """The agent's name; returns once calls can be given to it. Raises RuntimeError with what the engine said."""
        name, specified = agent.__name__, specification(agent)
        running = self._process is not None and self._process.poll() is None
        if self._agents.get(name) != specified or not running:
            self.stop()
            self._agents[name] = specified
            self._start()
        return name

    def _start(self) -> None:
        command = [sys.executable, "-m", "mod_openai_realtime.cli", "engine", "--socket", str(self.socket)]
        command += ["--all-agents-at", self._url, *(f"--agent={each}" for each in self._agents.values())]
        with self._log.open("ab", buffering=0) as log:
            start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
            assert self._process.stdout is not None
            ready, _, _ = select.select([self._process.stdout], [], [], _START_S)
            line = self._process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            said = self._log.read_bytes()[start:].decode(errors="replace").strip()
            raise RuntimeError(f"the engine did not start:\n{said}")

    def kill_host(self) -> None:
        """The process that the agents run in dies, as by the kernel for want of memory."""
        for pid in self._children():
            with contextlib.suppress(OSError):
                if "pydantic_core" in Path(f"/proc/{pid}/maps").read_text():  # what makes schemas: no other has it
                    os.kill(pid, signal.SIGKILL)

    def _children(self) -> list[int]:
        if self._process is None:
            return []
        pid = self._process.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
