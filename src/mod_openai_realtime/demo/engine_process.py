"""The engine as a process of its own, as in production."""

import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

_START_S = 20.0
_STOP_S = 12.0


class EngineStartError(Exception):
    """The engine did not start; the text says where its log is."""


class EngineProcess:
    """Runs `openai-realtime engine` while it is entered (`with`); its log goes to a file."""

    def __init__(self, socket: Path, log: Path) -> None:
        self._socket = socket
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.exit_code: int | None = None
        """Once it has ended."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "mod_openai_realtime.cli", "engine", "--socket", str(self._socket)]
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603
        assert self._process.stdout is not None
        # It says one line when it listens; an end of file is a line as well, an empty one.
        ready, _, _ = select.select([self._process.stdout], [], [], _START_S)
        if not ready or not self._process.stdout.readline():
            self._end()
            raise EngineStartError(f"the engine has not started; its log is {self._log}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        self._process.terminate()
        try:
            self.exit_code = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self.exit_code = self._process.wait()
        self._process.stdout.close()
