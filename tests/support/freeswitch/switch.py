"""A FreeSWITCH process of one's own: started in a temporary folder, ended by its process id."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from processes import die_with_parent

from freeswitch.configuration import SwitchConfiguration
from freeswitch.event_socket import EventSocket, EventSocketError

MODULE_NAME = "mod_openai_audio_stream"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_SANITIZER = re.compile(r"(ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error:).*")


class SwitchDiedError(AssertionError):
    """FreeSWITCH ended by itself, by a signal, or could not be ended; the message holds the end of its log."""


def find_freeswitch() -> Path | None:
    """The prefix of an installed FreeSWITCH: ``FREESWITCH_PREFIX``, else where ``freeswitch`` on the PATH lies."""
    named = os.environ.get("FREESWITCH_PREFIX")
    if named:
        return Path(named)
    found = shutil.which("freeswitch")
    return Path(found).resolve().parent.parent if found else None


def module_folder(prefix: Path) -> Path:
    """Where the FreeSWITCH at ``prefix`` keeps its modules (packages and source installs differ)."""
    folders = [prefix / "mod", *prefix.glob("lib*/freeswitch/mod"), *prefix.glob("lib/*/freeswitch/mod")]
    for folder in folders:
        if (folder / "mod_commands.so").exists():
            return folder
    raise FileNotFoundError(f"no FreeSWITCH modules below {prefix}")


class RealSwitch:
    """FreeSWITCH with a minimal configuration, or the one given, on ports of its own of 127.0.0.1.

    ``module`` is the compiled module under test; it is reached by its name, as after an installation, but not loaded.
    ``environment`` is added to the process's own (``LD_PRELOAD`` of a sanitizer's library, for one).
    """

    def __init__(
        self,
        prefix: Path,
        module: Path | None,
        engine_socket: Path,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        log_level: str = "debug",
        configuration: SwitchConfiguration | None = None,
    ) -> None:
        self.configuration = configuration or SwitchConfiguration(directory, engine_socket, log_level=log_level)
        self.temp_dir = self.configuration.folder("temp")
        self._prefix = prefix
        self._module = module
        self._environment = {**os.environ, **(environment or {}), "OPENAI_REALTIME_SOCKET": str(engine_socket)}
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: EventSocket | None = None

    @property
    def recordings(self) -> Path:
        return self.configuration.folder("recordings")

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start, and return once calls are taken. Raises SwitchDiedError if that doesn't come about."""
        conf = self.configuration
        command = [*die_with_parent("KILL"), str(self._prefix / "bin" / "freeswitch"), "-nc", "-nf", "-nonat", "-nocal"]
        command += ["-conf", str(conf.write()), "-mod", str(self._collect_modules())]
        for name in ("log", "db", "run", "temp", "recordings", "storage", "cache", "scripts", "htdocs", "grammar"):
            command += [f"-{name}", str(conf.folder(name))]
        command += ["-certs", str(conf.folder("certs")), "-sounds", str(conf.folder("sounds"))]
        with self._output_file.open("wb") as output:
            self._process = subprocess.Popen(
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
            self._await_ready(time.monotonic() + _START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask for a shutdown, as an init system does, and wait for it.

        Raises SwitchDiedError if FreeSWITCH crashed before or while it ended, hung, or a sanitizer complained.
        """
        self._close_socket()
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise SwitchDiedError(f"FreeSWITCH did not end in {_STOP_SECONDS} s\n{self.log_tail()}") from None
        self._process = None
        if code != 0:
            raise SwitchDiedError(f"FreeSWITCH ended with {_exit_text(code)}\n{self.log_tail()}")
        self._check_sanitizers()

    def kill(self) -> None:
        """End the process at once, whatever its state."""
        self._close_socket()
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def assert_alive(self) -> None:
        """Raises SwitchDiedError unless FreeSWITCH runs and answers."""
        code = self.process.poll()
        if code is not None:
            raise SwitchDiedError(f"FreeSWITCH ended with {_exit_text(code)}\n{self.log_tail()}")
        try:
            self.api("status")
        except EventSocketError as error:
            raise SwitchDiedError(f"FreeSWITCH does not answer: {error}\n{self.log_tail()}") from error
        self._check_sanitizers()

    def __enter__(self) -> RealSwitch:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    # -- use -----------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise SwitchDiedError("FreeSWITCH is not running")
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def events(self) -> EventSocket:
        """The connection that every test shares."""
        if self._socket is None:
            raise SwitchDiedError("FreeSWITCH is not running")
        return self._socket

    def connect(self) -> EventSocket:
        """A further connection, for commands that run at the same time; the caller closes it."""
        return EventSocket(self.configuration.event_port, self.configuration.event_password)

    def api(self, line: str, timeout: float = 20) -> str:
        return self.events.api(line, timeout)

    @property
    def sip_address(self) -> tuple[str, int]:
        return "127.0.0.1", self.configuration.sip_port

    def session_count(self) -> int:
        """How many channels there are; by the core's own count, since `show channels` lags behind."""
        found = re.search(r"^(\d+) session\(s\) - peak", self.api("status"), re.MULTILINE)
        assert found, "no session count in status"
        return int(found.group(1))

    def wait_listed(self, uuid: str, timeout: float = 20) -> None:
        """Wait until the channel is in the core's database, which lags behind the call. Raises AssertionError."""
        self.wait_until(lambda: uuid in self.api("show channels"), timeout)

    def wait_until(self, condition: Callable[[], object], timeout: float = 20) -> None:
        """Raises AssertionError."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not so within {timeout} s"
            self._pause()

    def load_module(self) -> str:
        return self.api(f"load {MODULE_NAME}")

    def unload_module(self) -> str:
        return self.api(f"unload {MODULE_NAME}", 60)

    def module_loaded(self) -> bool:
        return self.api(f"module_exists {MODULE_NAME}") == "true"

    def log_text(self) -> str:
        """All that FreeSWITCH has logged so far."""
        log = self.configuration.log_file
        return log.read_text(errors="replace") if log.exists() else ""

    def log_tail(self, lines: int = 60) -> str:
        """The end of the log and of the process's own output, for a failure's message."""
        output = self._output_file.read_text(errors="replace") if self._output_file.exists() else ""
        return "\n".join([*self.log_text().splitlines()[-lines:], "-- output --", *output.splitlines()[-lines:]])

    # -- inside --------------------------------------------------------------------------------------------------

    @property
    def _output_file(self) -> Path:
        return self.configuration.directory / "output.txt"

    def _collect_modules(self) -> Path:
        """A module folder of links, so that the installed FreeSWITCH stays as it is."""
        folder = self.configuration.folder("mod")
        for path in module_folder(self._prefix).glob("*.so"):
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
                self._pause()
        if " is ready" not in self.api("status"):
            self._socket.wait_for("STARTUP", timeout=max(0.0, deadline - time.monotonic()))
        while "RUNNING" not in self.api("sofia status"):
            self._assert_starting(deadline)
            self._pause()

    def _assert_starting(self, deadline: float) -> None:
        code = self.process.poll()
        if code is not None:
            raise SwitchDiedError(f"FreeSWITCH ended at its start with {_exit_text(code)}\n{self.log_tail()}")
        if time.monotonic() > deadline:
            raise SwitchDiedError(f"FreeSWITCH was not ready in {_START_SECONDS} s\n{self.log_tail()}")

    def _pause(self) -> None:
        """Between two tries: ends early if the process does."""
        try:
            self.process.wait(0.05)
        except subprocess.TimeoutExpired:
            return

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _check_sanitizers(self) -> None:
        found = _SANITIZER.search(self._output_file.read_text(errors="replace"))
        if found:
            raise SwitchDiedError(f"{found.group(0)}\n{self.log_tail(200)}")


def _exit_text(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
