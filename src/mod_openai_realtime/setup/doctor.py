"""`openai-realtime doctor`: what is missing for calls to work, and how to mend it."""

from __future__ import annotations

import importlib.util
import os
import socket
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree

from .. import __version__
from ..engine.paths import SocketPathError, check_socket_path
from ..engine.users import user_name
from ..native import MODULE_PATH, module_version
from ..switch.link import CREDENTIALS
from . import freeswitch, loaded
from .install import CONF_NAME


class Verdict(StrEnum):
    GOOD = "ok"
    NOTE = "note"  # works without
    BAD = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` is empty where nothing needs mending."""

    verdict: Verdict
    what: str
    remedy: str = ""


def examine(
    socket_path: Path, prefix: Path | None = None, module_dir: Path | None = None, conf_dir: Path | None = None
) -> Iterator[Finding]:
    """Look at everything a call needs; each finding comes as soon as it is known. Changes nothing."""
    yield _module()
    switch: freeswitch.FreeSwitch | None = None
    try:
        switch = freeswitch.find(prefix, module_dir, conf_dir)
    except freeswitch.NoFreeSwitchError as error:
        yield Finding(Verdict.BAD, str(error), "`openai-realtime demo` runs without FreeSWITCH")
    if switch is not None:
        yield from _switch(switch)
    yield _engine(socket_path)
    if switch is not None and switch.conf_dir is not None:
        yield _configuration(switch.conf_dir, socket_path)
    yield _authorities()
    yield _local_endpoint()


def _module() -> Finding:
    if not MODULE_PATH.exists():
        return Finding(Verdict.BAD, "compiled module", "reinstall the package where a C compiler (gcc) is found")
    if not hasattr(os, "memfd_create"):
        return Finding(
            Verdict.BAD, "memfd_create in this Python", "use a Python built for Linux with glibc 2.27 or later"
        )
    return Finding(Verdict.GOOD, f"compiled module: {MODULE_PATH} (version {__version__})")


def _switch(switch: freeswitch.FreeSwitch) -> Iterator[Finding]:
    if switch.prefix is not None:
        yield Finding(Verdict.GOOD, f"FreeSWITCH: {switch.version() or switch.prefix}")
    if switch.module_dir is None:
        yield Finding(Verdict.BAD, f"module folder below {switch.prefix}", "give it: --module-dir DIR")
        return
    installed = switch.module_dir / MODULE_PATH.name
    finding = _installed(installed)
    yield finding
    if finding.verdict is Verdict.GOOD:
        yield from _loaded(switch.module_dir, installed)


def _installed(path: Path) -> Finding:
    """Whether the file is a module of this version, wherever it was built."""
    remedy = f"run: openai-realtime install --module-dir {path.parent}"
    try:
        version = module_version(path)
    except FileNotFoundError:
        return Finding(Verdict.BAD, f"module in {path.parent}", remedy)
    except OSError as error:
        return _unreadable(error, path)
    if version is None:
        return Finding(Verdict.BAD, f"{path} is another module than this package's", remedy)
    if version != __version__:
        return Finding(Verdict.BAD, f"{path} has version {version}, this package {__version__}", remedy)
    return Finding(Verdict.GOOD, f"module installed: {path} (version {version})")


def _loaded(module_dir: Path, installed: Path) -> Iterator[Finding]:
    """Whether each FreeSWITCH that has modules of this folder runs the module that lies there."""
    running = list(loaded.processes(module_dir, installed.stem))
    if not running:
        yield Finding(Verdict.NOTE, f"no FreeSWITCH with modules of {module_dir} runs: nothing is loaded")
    for process in running:
        who = f"FreeSWITCH (process {process.pid})"
        if process.modules is None:
            yield Finding(
                Verdict.NOTE,
                f"{who} is of user {user_name(process.uid)}: which module it has loaded can't be seen",
                "run the doctor as that user, or as root",
            )
        elif not process.modules:
            yield Finding(Verdict.NOTE, f"{who} has not loaded the module", f"in fs_cli: load {installed.stem}")
        elif any(file.is_file(installed) for file in process.modules):
            yield Finding(Verdict.GOOD, f"{who} has the installed module in its memory")
        else:
            yield Finding(
                Verdict.BAD,
                f"{who} has another module in its memory, {_named(process.modules[0])}, and not the installed one",
                f"restart FreeSWITCH; where the other one is an earlier version of this project's, "
                f"`reload {installed.stem}` in fs_cli is enough",
            )


def _named(file: loaded.MappedFile) -> str:
    return f"the former {file.path}" if file.gone else str(file.path)


def _unreadable(error: OSError, path: Path) -> Finding:
    remedy = "run the doctor as FreeSWITCH's user, or as root" if isinstance(error, PermissionError) else ""
    return Finding(Verdict.BAD, f"{path} can't be read: {error.strerror or error}", remedy)


def _engine(path: Path) -> Finding:
    """Whether an engine answers, and whether a module that runs as this user could talk to it."""
    start = f"run: openai-realtime engine --socket {path}"
    try:
        check_socket_path(path)
        mode = path.stat().st_mode
    except SocketPathError as error:
        return Finding(Verdict.BAD, str(error), "give a shorter one, to the engine and in the configuration")
    except FileNotFoundError:
        return Finding(Verdict.BAD, f"engine at {path}", start)
    except PermissionError:
        return Finding(Verdict.BAD, f"access to {path}", "run the doctor, the engine and FreeSWITCH as one user")
    except OSError as error:
        return _unreadable(error, path)
    if not stat.S_ISSOCK(mode):
        return Finding(Verdict.BAD, f"{path} is no socket", "give the path of the engine's: --socket")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(2)
        try:
            sock.connect(str(path))
        except PermissionError:
            return Finding(Verdict.BAD, f"access to {path}", "run the doctor, the engine and FreeSWITCH as one user")
        except OSError as error:
            return Finding(Verdict.BAD, f"engine at {path} ({error.strerror or error})", start)
        pid, uid, _ = CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    user = user_name(uid)
    allowed = "as root, or as the engine's --allow-user" if uid == 0 else f"as {user}"
    return Finding(Verdict.GOOD, f"engine at {path}: process {pid} of user {user}; FreeSWITCH must run {allowed}")


def _configuration(folder: Path, path: Path) -> Finding:
    """Whether FreeSWITCH can read the module's configuration, and finds this socket in it."""
    conf = next((file for file in (folder / "autoload_configs" / CONF_NAME, folder / CONF_NAME) if _there(file)), None)
    if conf is None:
        return Finding(Verdict.NOTE, f"no {CONF_NAME}: the module uses OPENAI_REALTIME_SOCKET or the default path")
    try:
        named = ElementTree.fromstring(conf.read_text()).find(".//param[@name='engine-socket']")  # noqa: S314
    except OSError as error:
        return _unreadable(error, conf)
    except (ElementTree.ParseError, UnicodeDecodeError) as error:
        return Finding(
            Verdict.BAD,
            f"{conf} is no XML that FreeSWITCH can read ({error}), and keeps it from starting",
            "mend it, or run: openai-realtime install --overwrite-conf",
        )
    value = named.get("value", "") if named is not None else ""
    if "$" in value:
        return Finding(Verdict.NOTE, f"{conf} names the socket by a variable of FreeSWITCH: {value}")
    if value and value != str(path):
        return Finding(Verdict.BAD, f"{conf} names another socket: {value}", f"start the engine with --socket {value}")
    return Finding(Verdict.GOOD, f"configuration: {conf}")


def _there(file: Path) -> bool:
    """Also where it may not be looked at: reading it will say so."""
    try:
        return file.exists()
    except PermissionError:
        return True


def _authorities() -> Finding:
    count = ssl.create_default_context().cert_store_stats()["x509_ca"]
    folder = ssl.get_default_verify_paths().capath
    if count == 0 and not (folder and any(Path(folder).iterdir())):
        return Finding(
            Verdict.BAD, "certificate authorities of the system", "install ca-certificates, or set STREAM_TLS_CA_FILE"
        )
    return Finding(Verdict.GOOD, "certificate authorities of the system")


def _local_endpoint() -> Finding:
    missing = [
        name for name in ("hibari", "numpy", "onnxruntime", "soxr", "websockets", "silero_vad") if not _importable(name)
    ]
    if missing:
        return Finding(
            Verdict.NOTE,
            f"local endpoint and demo: {', '.join(missing)} not installed",
            "pip install 'mod-openai-realtime[local]' and pip install --no-deps silero-vad",
        )
    return Finding(Verdict.GOOD, "local endpoint and demo")


def _importable(name: str) -> bool:
    return importlib.util.find_spec(name) is not None
