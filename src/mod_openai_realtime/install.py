"""`openai-realtime install`: the module into FreeSWITCH's folder, with sample configuration."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .native import MODULE_PATH

CONF = Path(__file__).with_name("conf")
CONF_NAME = "openai_audio_stream.conf.xml"


class InstallError(Exception):
    """Something is missing, or may not be written; the text says what."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done: `what` it is, and where."""

    what: str
    path: Path


def install(module_dir: Path, conf_dir: Path | None, *, overwrite_conf: bool = False) -> Iterator[Step]:
    """Copy the module, and the sample configuration where there is none yet. Raises InstallError."""
    if not MODULE_PATH.exists():
        raise InstallError("the module has not been built: reinstall the package where a C compiler is found")
    yield _copy(MODULE_PATH, module_dir / MODULE_PATH.name, "module")
    if conf_dir is None:
        return
    autoload = conf_dir / "autoload_configs"
    target = (autoload if autoload.is_dir() else conf_dir) / CONF_NAME
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
        fresh.unlink(missing_ok=True)
        raise InstallError(f"cannot write {target}: {error.strerror}") from None
    return Step(what, target)


def service_unit() -> str:
    """The sample systemd unit, with this installation's command in it."""
    command = Path(sys.argv[0]).resolve()
    return (CONF / "openai-realtime.service").read_text().replace("@COMMAND@", str(command))


def dialplan_example() -> str:
    return (CONF / "dialplan-example.xml").read_text()
