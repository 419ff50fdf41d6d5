"""The engine as a process of its own, as in production: for what needs one on this machine for a while."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from .processes import die_with_parent

_START_S = 60.0
_STOP_S = 15.0


class EngineStartError(RuntimeError):
    """The engine did not start; the text says why, or where the engine has said it."""


class EngineProcess:
    """`openai-realtime engine`, while it is entered (`with`) or between `start` and `stop`; may be started again."""

    def __init__(
        self, socket: Path, log: Path | None, *, program: tuple[str, ...] = ("-m", "mod_openai_realtime.cli")
    ) -> None:
        """`log`: what the engine says is written behind what is there; None: to our own standard error. `program`: what
        Python runs."""
        self.socket = socket
        self.exit_code: int | None = None
        """Of the last one that has ended."""
        self._log = log
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._keeping: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """None while there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, *options: str, environment: Mapping[str, str] | None = None) -> None:
        """With these options of the command; returns once it listens. `environment`: in place of our own. It dies with
        the thread that starts it. Raises EngineStartError, OSError for the log."""
        __tracebackhide__ = True
        command = [*die_with_parent("TERM"), sys.executable, *self._program, "engine"]
        command += ["--socket", str(self.socket), *options]
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(self._log.open("ab", buffering=0)) if self._log is not None else None
            before = log.tell() if log is not None else 0
            # In a session of its own, Ctrl-C reaches it by way of stop() only, and stop() all of its processes.
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**(os.environ if environment is None else environment), "PYTHONUNBUFFERED": "1"},
            )
        try:
            assert self._process.stdout is not None
            # It says one line when it listens; an end of file is a line as well, an empty one.
            ready, _, _ = select.select([self._process.stdout], [], [], _START_S)
            listens = bool(ready and self._process.stdout.readline())
        except BaseException:
            self.stop()
            raise
        if not listens:
            self.stop()
            raise EngineStartError(self._why(before))
        self._keeping = threading.Thread(target=self._keep, args=(self._process.stdout,), daemon=True)
        self._keeping.start()

    def _keep(self, output: IO[bytes]) -> None:
        """What agents print: unread, it would have them wait one day."""
        with self._log.open("ab", buffering=0) if self._log is not None else os.fdopen(os.dup(2), "wb", 0) as log:
            for line in output:
                log.write(line)

    def _why(self, before: int) -> str:
        if self._log is None:
            return "the engine did not start"
        said = self._log.read_bytes()[before:].decode(errors="replace").strip()
        return f"the engine did not start; its log is {self._log}:\n{said}"

    def stop(self) -> None:
        """Returns once it has ended; stopping again does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        self._note_end(process)

    def kill(self) -> None:
        """Ends all its processes at once, as the lack of memory would; killing again does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        self._note_end(process)

    def _note_end(self, process: subprocess.Popen[bytes]) -> None:
        self.exit_code = process.wait()
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.join(_STOP_S)
        if process.stdout is not None:
            process.stdout.close()
