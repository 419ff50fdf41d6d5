"""A FreeSWITCH with the module under test, and what is asked of it about its health."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from freeswitch.configuration import SwitchConfiguration
from mod_openai_realtime.freeswitch import SwitchDiedError, SwitchProcess
from mod_openai_realtime.freeswitch.configuration import Configuration
from mod_openai_realtime.freeswitch.process import MODULE_NAME

_SANITIZER = re.compile(r"(ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|runtime error:).*")


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


class RealSwitch(SwitchProcess):
    """With a minimal configuration, or the one given, on ports of its own of 127.0.0.1."""

    def __init__(
        self,
        prefix: Path,
        module: Path | None,
        engine_socket: Path,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        log_level: str = "debug",
        configuration: Configuration | None = None,
    ) -> None:
        wanted = configuration or SwitchConfiguration(directory, engine_socket, log_level=log_level)
        super().__init__(prefix / "bin" / "freeswitch", module_folder(prefix), module, wanted, environment)

    def stop(self) -> None:
        """Raises SwitchDiedError also where a sanitizer complained."""
        was_running = self._process is not None
        super().stop()
        if was_running:
            self._check_sanitizers()

    def assert_alive(self) -> None:
        super().assert_alive()
        self._check_sanitizers()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def recordings(self) -> Path:
        return self.configuration.folder("recordings")

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
            self.pause()

    def unload_module(self) -> str:
        return self.api(f"unload {MODULE_NAME}", 60)

    def module_loaded(self) -> bool:
        return self.api(f"module_exists {MODULE_NAME}") == "true"

    def _check_sanitizers(self) -> None:
        found = _SANITIZER.search(self.output_file.read_text(errors="replace"))
        if found:
            raise SwitchDiedError(f"{found.group(0)}\n{self.log_tail(200)}")
