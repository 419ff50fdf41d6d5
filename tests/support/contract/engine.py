"""The engine as its users run it: a process of its own, on a socket of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0


class EngineProcess:
    """Started, ended and killed at will; always on the same socket."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "engine.sock"
        self._output = directory / "engine.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it accepts connections. Raises AssertionError with its output if it does not come up."""
        command = [sys.executable, "-m", "mod_openai_realtime.cli", "engine", "--socket", str(self.socket)]
        with self._output.open("ab", buffering=0) as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output, start_new_session=True
            )
            assert self._process.stdout is not None
            with self._process.stdout as said:
                # One line, once it is ready; an end of file where it is not going to be.
                ready, _, _ = select.select([said], [], [], _START_SECONDS)
                line = said.readline() if ready else b""
            output.write(line)
        assert line, self.output()

    def stop(self) -> None:
        """As a service manager ends it. Raises AssertionError if it does not end, or not cleanly."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"the engine did not end in {_STOP_SECONDS} s\n{self.output()}") from None
        assert code == 0, f"the engine ended with {code}\n{self.output()}"

    def terminate(self) -> None:
        """Asks it to end, and does not wait."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends all its processes at once, as a crash of the machine's memory would. Killing again does nothing."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def running(self) -> bool:
        return self._process is not None

    def output(self) -> str:
        """All that the engines on this socket have said."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    def descriptors(self) -> int:
        """How many files and sockets its processes have open."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self._pids())

    def threads(self) -> int:
        return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in self._pids())

    def _pids(self) -> list[int]:
        assert self._process is not None
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]
