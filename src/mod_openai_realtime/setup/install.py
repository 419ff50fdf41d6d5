"""`openai-realtime install`: the module into FreeSWITCH's folder, with sample configuration."""

from __future__ import annotations

import contextlib
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..native import MODULE_PATH
from .freeswitch import FreeSwitch

CONF = Path(__file__).with_name("conf")
CONF_NAME = "openai_audio_stream.conf.xml"
# Of a FreeSWITCH from source, and of packages.
_WRITTEN_TO = (Path("/tmp"), Path("/usr/local/freeswitch"), Path("/var/lib/freeswitch"))  # noqa: S108
_SHARED = (Path("/usr"), Path("/usr/local"))  # prefixes that are not FreeSWITCH's alone


class InstallError(Exception):
    """Something is missing, or may not be written; the text says what."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done: `what` it is, and where."""

    what: str
    path: Path


def install(switch: FreeSwitch, *, overwrite_conf: bool = False) -> Iterator[Step]:
    """Copy the module, and the sample configuration where there is none yet. Raises InstallError."""
    if not MODULE_PATH.exists():
        raise InstallError("the module has not been built: reinstall the package where a C compiler is found")
    if switch.module_dir is None:
        raise InstallError(f"no module folder in {switch.prefix}: give it, --module-dir")
    yield _copy(MODULE_PATH, switch.module_dir / MODULE_PATH.name, "module")
    if switch.conf_dir is None:
        yield Step("no configuration folder known (--conf-dir), so not written", Path(CONF_NAME))
        return
    autoload = switch.conf_dir / "autoload_configs"
    target = (autoload if autoload.is_dir() else switch.conf_dir) / CONF_NAME
    if target.exists() and not overwrite_conf:
        yield Step("kept (already there)", target)
    else:
        yield _copy(CONF / CONF_NAME, target, "configuration")


def _copy(source: Path, target: Path, what: str) -> Step:
    """Replace in one step, so that a running FreeSWITCH that has the old file mapped is not disturbed."""
    fresh = target.with_name(f".{target.name}.new")
    try:
        shutil.copyfile(source, fresh)
        fresh.chmod(0o755 if target.suffix == ".so" else 0o644)
        fresh.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        hint = "; run this as root, or as the owner of the folder" if isinstance(error, PermissionError) else ""
        raise InstallError(f"cannot write {target}: {error.strerror or error}{hint}") from None
    return Step(what, target)


def next_steps(switch: FreeSwitch) -> str:
    """What is to be done after the installation."""
    place = f" (for instance as {switch.conf_dir}/dialplan/default/openai_realtime.xml)" if switch.conf_dir else ""
    parts = [
        "",
        "Next: start the engine, for instance by this unit, /etc/systemd/system/openai-realtime.service, with the user",
        "that FreeSWITCH runs as:",
        "",
        service_unit(switch.prefix),
        *_unreachable(),
        f"Then, in fs_cli: load {MODULE_PATH.stem}. At each start of FreeSWITCH: a line in modules.conf.xml,",
        f'<load module="{MODULE_PATH.stem}"/>. In the dialplan{place}:',
        "",
        (CONF / "dialplan-example.xml").read_text(),
    ]
    return "\n".join(parts)


def service_unit(prefix: Path | None = None) -> str:
    """The sample systemd unit, with this installation's command in it, and the folders of a FreeSWITCH at `prefix` that
    the engine writes to."""
    folders = [*_WRITTEN_TO, *([prefix] if prefix is not None and prefix not in (*_SHARED, *_WRITTEN_TO) else [])]
    unit = (CONF / "openai-realtime.service").read_text().replace("@COMMAND@", _command())
    return unit.replace("@FOLDERS@", " ".join(f"-{folder}" for folder in folders))  # "-": where there is one


def _command() -> str:
    """What runs this program, for others to run it."""
    script = Path(sys.executable).with_name("openai-realtime")
    return str(script) if script.exists() else f"{sys.executable} -m mod_openai_realtime.cli"


def _unreachable() -> list[str]:
    """A warning where no user but this one and root can run the command."""
    needed = Path(_command().split()[0]), Path(sys.executable).resolve()  # the Python of the command's first line
    folders = [folder for path in needed for folder in path.parents]
    closed = next((folder for folder in folders if not folder.stat().st_mode & stat.S_IXOTH), None)
    if closed is None:
        return []
    advice = "install the package below /opt, with the system's Python"
    return [f"Only the owner of {closed} can run that command: {advice} (/usr/bin/python3 -m venv).", ""]
