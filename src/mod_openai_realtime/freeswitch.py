"""Where a FreeSWITCH on this machine keeps its modules and its configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Packages of Debian and Red Hat, and the default prefix of a build from source.
_MODULE_DIRS = ("lib/freeswitch/mod", "lib64/freeswitch/mod", "mod")
_CONF_DIRS = ("/etc/freeswitch", "etc/freeswitch", "conf")


@dataclass(frozen=True, slots=True)
class FreeSwitch:
    """`binary` is None where only folders were found."""

    prefix: Path
    binary: Path | None
    module_dir: Path | None
    conf_dir: Path | None

    def version(self) -> str | None:
        """What the binary says of itself, or None where it cannot be run."""
        if self.binary is None:
            return None
        try:
            run = subprocess.run([self.binary, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            return None
        return run.stdout.strip() or None


def find(prefix: Path | None = None) -> FreeSwitch | None:
    """The FreeSWITCH at `prefix`, else at FREESWITCH_PREFIX, else the one on the PATH, else the usual places."""
    named = prefix or (Path(value) if (value := os.environ.get("FREESWITCH_PREFIX")) else None)
    if named is not None:
        return _at(named)
    if (on_path := shutil.which("freeswitch")) is not None:
        found = _at(Path(on_path).resolve().parent.parent)
        if found is not None:
            return found
    for usual in ("/usr", "/usr/local/freeswitch"):
        found = _at(Path(usual))
        if found is not None and found.binary is not None:
            return found
    return None


def _at(prefix: Path) -> FreeSwitch | None:
    binary = prefix / "bin" / "freeswitch"
    modules = next((path for name in _MODULE_DIRS if (path := prefix / name).is_dir()), None)
    if not binary.exists() and modules is None:
        return None
    confs = [prefix / name for name in _CONF_DIRS if prefix == Path("/usr") or not name.startswith("/")]
    return FreeSwitch(
        prefix,
        binary if binary.exists() else None,
        modules,
        next((path for path in confs if path.is_dir()), None),
    )
