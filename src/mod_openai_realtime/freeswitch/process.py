"""A FreeSWITCH process of one's own: started in a folder of its own, ended by its process id."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from ..processes import die_with_parent
from .configuration import Configuration
from .event_socket import EventSocket, EventSocketError

MODULE_NAME = "mod_openai_audio_stream"
_START_S = 60.0
_STOP_S = 60.0
_LOOK_S = 0.05
_FOLDERS = ("log", "db", "run", "temp", "recordings", "storage", "cache", "scripts", "htdocs", "grammar")


class SwitchDiedError(AssertionError):
    """FreeSWITCH ended by itself, by a signal, or could not be ended; the message holds the end of its log."""


class SwitchProcess:
    """What is installed stays as it is: modules are linked, and everything that FreeSWITCH writes is below the
    configuration's folder.

    `module` is this project's, reached by its name, as after an installation, but not loaded. `environment` is added to
    the process's own.
    """

    def __init__(
        self,
        binary: Path,
        module_dir: Path,
        module: Path | None,
        configuration: Configuration,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.configuration = configuration
        self.temp_dir = configuration.folder("temp")
        self._binary = binary
        self._module_dir = module_dir
        self._module = module
        socket = str(configuration.engine_socket)
        self._environment = {**os.environ, **(environment or {}), "OPENAI_REALTIME_SOCKET": socket}
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: EventSocket | None = None

    # -- life

    def start(self) -> None:
        """Returns once calls are taken. Raises SwitchDiedError if that doesn't come about."""
        conf = self.configuration
        command = [*die_with_parent("KILL"), str(self._binary), "-nc", "-nf", "-nonat", "-nocal"]
        command += ["-conf", str(conf.write()), "-mod", str(self._collect_modules())]
        for name in _FOLDERS:
            command += [f"-{name}", str(conf.folder(name))]
        command += ["-certs", str(conf.folder("certs")), "-sounds", str(conf.folder("sounds"))]
        with self.output_file.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the FreeSWITCH that the user has named
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=conf.directory,
                env=self._environment,
            )
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.prlimit(self._process.pid, resource.RLIMIT_CORE, (hard, hard))
        try:
            self._await_ready(time.monotonic() + _START_S)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Asks for a shutdown, as an init system does, and waits for it. Raises SwitchDiedError if FreeSWITCH crashed
        before or while it ended, or hung."""
        self._close_socket()
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise SwitchDiedError(f"FreeSWITCH did not end in {_STOP_S} s\n{self.log_tail()}") from None
        self._process = None
        if code != 0:
            raise SwitchDiedError(f"FreeSWITCH ended with {_exit_text(code)}\n{self.log_tail()}")

    def kill(self) -> None:
        """Ends the process at once, whatever its state."""
        self._close_socket()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    # -- use

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Raises SwitchDiedError before the start, and after the end."""
        if self._process is None:
            raise SwitchDiedError("FreeSWITCH is not running")
        return self._process

    @property
    def events(self) -> EventSocket:
        """The connection that everybody shares. Raises SwitchDiedError before the start, and after the end."""
        if self._socket is None:
            raise SwitchDiedError("FreeSWITCH is not running")
        return self._socket

    def connect(self) -> EventSocket:
        """A further connection, for commands that run at the same time; the caller closes it."""
        return EventSocket(self.configuration.event_port, self.configuration.event_password)

    def api(self, line: str, timeout: float = 20) -> str:
        return self.events.api(line, timeout)

    def load_module(self) -> str:
        return self.api(f"load {MODULE_NAME}")

    @property
    def sip_address(self) -> tuple[str, int]:
        return "127.0.0.1", self.configuration.sip_port

    def log_text(self) -> str:
        """All that FreeSWITCH has logged so far."""
        log = self.configuration.log_file
        return log.read_text(errors="replace") if log.exists() else ""

    def log_tail(self, lines: int = 60) -> str:
        """The end of the log and of the process's own output, for a failure's message."""
        output = self.output_file.read_text(errors="replace") if self.output_file.exists() else ""
        return "\n".join([*self.log_text().splitlines()[-lines:], "-- output --", *output.splitlines()[-lines:]])

    @property
    def output_file(self) -> Path:
        """What the process itself writes."""
        return self.configuration.directory / "output.txt"

    # -- inner

    def _collect_modules(self) -> Path:
        """A module folder of links."""
        folder = self.configuration.folder("mod")
        for path in self._module_dir.glob("*.so"):
            link = folder / path.name
            if path.stem != MODULE_NAME and not link.is_symlink():
                link.symlink_to(path)
        if self._module is not None:
            shutil.copy2(self._module, folder / f"{MODULE_NAME}.so")
        return folder

    def _await_ready(self, deadline: float) -> None:
        while self._socket is None:
            self._assert_starting(deadline)
            try:
                self._socket = self.connect()
            except (OSError, EventSocketError):
                self.pause()
        if " is ready" not in self.api("status"):
            self._socket.wait_for("STARTUP", timeout=max(0.0, deadline - time.monotonic()))
        while "RUNNING" not in self.api("sofia status"):
            self._assert_starting(deadline)
            self.pause()

    def _assert_starting(self, deadline: float) -> None:
        code = self.process.poll()
        if code is not None:
            raise SwitchDiedError(f"FreeSWITCH ended at its start with {_exit_text(code)}\n{self.log_tail()}")
        if time.monotonic() > deadline:
            raise SwitchDiedError(f"FreeSWITCH was not ready in {_START_S} s\n{self.log_tail()}")

    def pause(self) -> None:
        """Between two tries: ends early if the process does."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_LOOK_S)

    def assert_alive(self) -> None:
        """Raises SwitchDiedError unless FreeSWITCH runs and answers."""
        code = self.process.poll()
        if code is not None:
            raise SwitchDiedError(f"FreeSWITCH ended with {_exit_text(code)}\n{self.log_tail()}")
        try:
            self.api("status")
        except EventSocketError as error:
            raise SwitchDiedError(f"FreeSWITCH does not answer: {error}\n{self.log_tail()}") from error

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _exit_text(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
