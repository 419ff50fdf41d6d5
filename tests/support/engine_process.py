"""The engine as its users run it: a process of its own, on a socket of its own."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from mod_openai_realtime import engine_process


class EngineProcess(engine_process.EngineProcess):
    """`openai-realtime engine`. Started, ended and killed at will; always on the same socket."""

    def __init__(
        self, directory: Path, *options: str, program: tuple[str, ...] = ("-m", "mod_openai_realtime.cli")
    ) -> None:
        """`options` are the command's own. The socket and the log lie in `directory`. `program`: what Python runs."""
        self._said = directory / "engine.log"
        super().__init__(directory / "engine.sock", self._said, program=program)
        self._options = options

    def start(self) -> None:
        """Start, if it does not run, and return once it accepts. Raises EngineStartError if that does not come."""
        if not self.running:
            super().start(*self._options)

    def stop(self) -> None:
        """SIGTERM, as a service manager ends it. Raises RuntimeError if it does not end cleanly."""
        if self._process is None:
            return
        super().stop()
        if self.exit_code != 0:
            raise RuntimeError(f"the engine ended with exit code {self.exit_code}\n{self.log_tail()}")

    def terminate(self) -> None:
        """Asks it to end, and does not wait."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

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
        return "\n".join(self._said.read_text(errors="replace").splitlines()[-lines:])

    def descriptors(self) -> int:
        """How many files and sockets its processes have open."""
        return self._count("fd")

    def threads(self) -> int:
        return self._count("task")

    def _count(self, folder: str) -> int:
        return sum(len(list(Path(f"/proc/{pid}/{folder}").iterdir())) for pid in [self.supervisor, *self.children])
