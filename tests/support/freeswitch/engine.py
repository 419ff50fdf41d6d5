"""The engine as a process of its own, as it runs beside FreeSWITCH."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

_START_SECONDS = 30.0
_STOP_SECONDS = 20.0


class EngineProcess:
    """`openai-realtime engine` on a Unix socket. It can be killed, and started again on the same socket."""

    def __init__(self, socket_path: Path, workers: int = 1) -> None:
        self.socket_path = socket_path
        self.log_file = socket_path.with_suffix(".log")
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, if it isn't running, and return once it accepts. Raises AssertionError if it doesn't come to that."""
        if self.running:
            return
        setpriv = shutil.which("setpriv")
        command = [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
        command += [sys.executable, "-m", "mod_openai_realtime.cli", "engine"]
        command += ["--socket", str(self.socket_path), "--workers", str(self._workers)]
        with self.log_file.open("ab") as log:
            # A session of its own, so that kill() reaches the workers too.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._accepts():
            assert time.monotonic() < deadline, f"the engine does not accept\n{self.log_tail()}"
            try:
                code = self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"the engine ended with exit code {code}\n{self.log_tail()}")

    def kill(self) -> None:
        """SIGKILL to the supervisor and its workers."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """SIGTERM, as an init system does. Raises AssertionError if it doesn't end well."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"the engine did not end in {_STOP_SECONDS} s\n{self.log_tail()}") from None
        assert code == 0, f"the engine ended with exit code {code}\n{self.log_tail()}"

    def pids(self) -> list[int]:
        """The supervisor's process id and those of its workers."""
        assert self._process is not None
        main = self._process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return [main, *map(int, children)]

    def log_tail(self, lines: int = 60) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(self.socket_path))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
        return True
