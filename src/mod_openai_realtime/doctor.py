"""`openai-realtime doctor`: what is missing for calls to work, and how to mend it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import socket
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from . import freeswitch
from .install import CONF_NAME
from .native import MODULE_PATH
from .switch.link import CREDENTIALS


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


def examine(socket_path: Path, prefix: Path | None = None) -> Iterator[Finding]:
    """Look at everything a call needs; each finding comes as soon as it is known. Changes nothing."""
    yield _module()
    switch = freeswitch.find(prefix)
    yield from _switch(switch)
    yield _engine(socket_path)
    if switch is not None:
        yield from _configured_socket(switch, socket_path)
    yield _authorities()
    yield _local_endpoint()


def _module() -> Finding:
    if not MODULE_PATH.exists():
        return Finding(Verdict.BAD, "compiled module", "reinstall the package where a C compiler (gcc) is found")
    if not hasattr(os, "memfd_create"):
        return Finding(
            Verdict.BAD, "memfd_create in this Python", "use a Python built for Linux with glibc 2.27 or later"
        )
    return Finding(Verdict.GOOD, f"compiled module: {MODULE_PATH}")


def _switch(switch: freeswitch.FreeSwitch | None) -> Iterator[Finding]:
    if switch is None:
        yield Finding(
            Verdict.BAD,
            "FreeSWITCH",
            "install it, or set FREESWITCH_PREFIX to where it is; `openai-realtime demo` runs without",
        )
        return
    yield Finding(Verdict.GOOD, f"FreeSWITCH: {switch.version() or switch.prefix}")
    if switch.module_dir is None:
        yield Finding(
            Verdict.BAD, f"module folder below {switch.prefix}", "give it: openai-realtime install --module-dir DIR"
        )
        return
    installed = switch.module_dir / MODULE_PATH.name
    if not installed.exists():
        yield Finding(Verdict.BAD, f"module in {switch.module_dir}", "run: openai-realtime install")
    elif MODULE_PATH.exists() and _digest(installed) != _digest(MODULE_PATH):
        yield Finding(
            Verdict.BAD,
            f"{installed} is not this version's",
            "run: openai-realtime install; then in fs_cli: reload mod_openai_audio_stream",
        )
    else:
        yield Finding(Verdict.GOOD, f"module installed: {installed}")


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _engine(path: Path) -> Finding:
    """Whether an engine answers, and whether a module that runs as this user could talk to it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Finding(Verdict.BAD, f"engine at {path}", f"run: openai-realtime engine --socket {path}")
    except PermissionError:
        return Finding(Verdict.BAD, f"access to {path}", "run the doctor, the engine and FreeSWITCH as one user")
    if not stat.S_ISSOCK(mode):
        return Finding(Verdict.BAD, f"{path} is no socket", "remove it and start the engine")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(2)
        try:
            sock.connect(str(path))
        except OSError as error:
            return Finding(
                Verdict.BAD,
                f"engine at {path} ({error.strerror or error})",
                f"run: openai-realtime engine --socket {path}",
            )
        pid, uid, _ = CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    allowed = "as root, or as the engine's --allow-user" if uid == 0 else f"as {user}"
    return Finding(Verdict.GOOD, f"engine at {path}: process {pid} of user {user}; FreeSWITCH must run {allowed}")


def _configured_socket(switch: freeswitch.FreeSwitch, path: Path) -> Iterator[Finding]:
    if switch.conf_dir is None:
        return
    files = [switch.conf_dir / "autoload_configs" / CONF_NAME, switch.conf_dir / CONF_NAME]
    conf = next((file for file in files if file.exists()), None)
    if conf is None:
        yield Finding(Verdict.NOTE, f"no {CONF_NAME}: the module uses OPENAI_REALTIME_SOCKET or the default path")
        return
    found = re.search(r'name="engine-socket"\s+value="([^"]*)"', conf.read_text(errors="replace"))
    if found is not None and found[1] != str(path):
        yield Finding(
            Verdict.BAD, f"{conf} names another socket: {found[1]}", f"start the engine with --socket {found[1]}"
        )
    else:
        yield Finding(Verdict.GOOD, f"configuration: {conf}")


def _authorities() -> Finding:
    count = ssl.create_default_context().cert_store_stats()["x509_ca"]
    paths = ssl.get_default_verify_paths()
    if count == 0 and not (paths.capath and any(Path(paths.capath).iterdir())):
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
