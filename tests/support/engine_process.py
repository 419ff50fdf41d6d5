"""The engine as its users run it: a process of its own, on a socket of its own."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mod_openai_realtime.processes import die_with_parent

_START_SECONDS = 30.0
_STOP_SECONDS = 20.0


class EngineProcess:
    """`openai-realtime engine`. Started, ended and killed at will; always on the same socket."""

    def __init__(
        self, directory: Path, *options: str, program: tuple[str, ...] = ("-m", "mod_openai_realtime.cli")
    ) -> None:
        """`options` are the command's own. The socket and the log lie in `directory`. `program`: what Python runs."""
        self.socket = directory / "engine.sock"
        self._log = directory / "engine.log"
        self._options = options
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, if it isn't running, and return once it accepts. Raises RuntimeError if it doesn't come to that."""
        if self.running:
            return
        command = [*die_with_parent("TERM"), sys.executable, *self._program, "engine"]
        command += ["--socket", str(self.socket), *self._options]
        with self._log.open("ab", buffering=0) as log:
            # A session of its own, so that kill() reaches the workers too.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
            assert self._process.stdout is not None
            with self._process.stdout as said:
                # One line, once it is ready; an end of file where it is not going to be.
                ready, _, _ = select.select([said], [], [], _START_SECONDS)
                line = said.readline() if ready else b""
            log.write(line)
        if not line:
            self.kill()
            raise RuntimeError(f"the engine did not start\n{self.log_tail()}")

    def stop(self) -> None:
        """SIGTERM, as a service manager ends it. Raises RuntimeError if it does not end, or not cleanly."""
        process = self._process
        if process is None:
            return
        self.terminate()
        try:
            code = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the engine did not end in {_STOP_SECONDS} s\n{self.log_tail()}") from None
        self._process = None
        if code != 0:
            raise RuntimeError(f"the engine ended with exit code {code}\n{self.log_tail()}")

    def terminate(self) -> None:
        """Asks it to end, and does not wait."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends all its processes at once, as the lack of memory would. Killing again does nothing."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Its workers stand still meanwhile: what is asked of them is answered late."""
        workers = self.children
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in workers:
                os.kill(worker, signal.SIGCONT)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def supervisor(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """Process ids: the workers, and after them what serves the metrics, if anything does."""
        listing = Path(f"/proc/{self.supervisor}/task/{self.supervisor}/children")
        return [int(pid) for pid in listing.read_text().split()]

    def log_tail(self, lines: int = 60) -> str:
        """The last that engines on this socket have said."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def descriptors(self) -> int:
        """How many files and sockets its processes have open."""
        return self._count("fd")

    def threads(self) -> int:
        return self._count("task")

    def _count(self, folder: str) -> int:
        return sum(len(list(Path(f"/proc/{pid}/{folder}").iterdir())) for pid in [self.supervisor, *self.children])
