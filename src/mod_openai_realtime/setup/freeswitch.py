"""Where a FreeSWITCH on this machine keeps its modules and its configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

VARIABLE = "FREESWITCH_PREFIX"
# Packages of Debian and Red Hat, and a build from source with and without the default prefix.
_MODULE_DIRS = ("lib/freeswitch/mod", "lib64/freeswitch/mod", "mod")
_MULTIARCH_DIRS = "lib/*/freeswitch/mod"
_CONF_DIRS = ("etc/freeswitch", "conf")
_CONF_OF_PACKAGES = Path("/etc/freeswitch")
_USUAL = ("/usr", "/usr/local/freeswitch", "/usr/local", "/opt/freeswitch")


class NoFreeSwitchError(Exception):
    """There is none where it was looked for; the text says where that was, and what to do."""


@dataclass(frozen=True, slots=True)
class FreeSwitch:
    """`prefix` and `binary` are None where only folders were given."""

    prefix: Path | None
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


def find(prefix: Path | None = None, module_dir: Path | None = None, conf_dir: Path | None = None) -> FreeSwitch:
    """The FreeSWITCH at `prefix`, else at FREESWITCH_PREFIX, else the one on the PATH, else in the usual places.

    Folders that are given count instead of those found. A module folder without a prefix is all that is known of that
    FreeSWITCH, unless it is the found one's. Raises NoFreeSwitchError.
    """
    try:
        if module_dir is None:
            found = _named(prefix) or _usual()
        else:
            found = _owner_of(module_dir, prefix) or FreeSwitch(None, None, module_dir, None)
    except OSError as error:
        raise NoFreeSwitchError(
            f"cannot look into {error.filename}: {error.strerror}; run this as root, or as the user of FreeSWITCH"
        ) from None
    return replace(found, module_dir=module_dir or found.module_dir, conf_dir=conf_dir or found.conf_dir)


def _named(prefix: Path | None) -> FreeSwitch | None:
    """None where nothing was named."""
    variable = os.environ.get(VARIABLE)
    named = prefix or (Path(variable) if variable else None)
    if named is None:
        return None
    found = _at(named)
    if found is not None:
        return found
    where = f"{VARIABLE}={named}" if prefix is None else str(named)
    looked = ", ".join(("bin/freeswitch", *_MODULE_DIRS))
    raise NoFreeSwitchError(
        f"no FreeSWITCH in {where}: none of {looked} is there; give the folder that it was installed into, "
        "or --module-dir and --conf-dir"
    )


def _usual() -> FreeSwitch:
    if (on_path := shutil.which("freeswitch")) is not None:
        found = _at(Path(on_path).resolve().parent.parent)
        if found is not None:
            return found
    for usual in _USUAL:
        found = _at(Path(usual))
        if found is not None and found.binary is not None:
            return found
    raise NoFreeSwitchError(
        f"no FreeSWITCH found on the PATH or in {', '.join(_USUAL)}: "
        f"give --prefix, or --module-dir and --conf-dir, or set {VARIABLE}"
    )


def _owner_of(module_dir: Path, prefix: Path | None) -> FreeSwitch | None:
    try:
        found = _named(prefix) or _usual()
    except NoFreeSwitchError:
        if prefix is not None:
            raise
        return None
    theirs = found.module_dir is not None and found.module_dir.resolve() == module_dir.resolve()
    return found if theirs or prefix is not None else None


def _at(prefix: Path) -> FreeSwitch | None:
    binary = prefix / "bin" / "freeswitch"
    folders = [prefix / name for name in _MODULE_DIRS] + sorted(prefix.glob(_MULTIARCH_DIRS))
    modules = next((path for path in folders if path.is_dir()), None)
    if not binary.is_file() and modules is None:
        return None
    confs = [prefix / name for name in _CONF_DIRS]
    if prefix == Path("/usr"):
        confs.insert(0, _CONF_OF_PACKAGES)
    return FreeSwitch(
        prefix,
        binary if binary.is_file() else None,
        modules,
        next((path for path in confs if path.is_dir()), None),
    )
