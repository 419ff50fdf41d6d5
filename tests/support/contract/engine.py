"""The engine as its users run it: a process of its own, on a socket of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
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
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._accepts():
            assert self._process.poll() is None and time.monotonic() < deadline, self.output()
            time.sleep(0.02)  # another process: nothing tells of its readiness

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

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True
