"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import ssl
import subprocess
from importlib import metadata
from pathlib import Path

_PACKAGES = ("mod-openai-realtime", "picows", "uvloop", "orjson", "pybase64", "isal")


def machine(freeswitch: Path | None = None) -> dict[str, str]:
    """Names and values, to be shown in this order; with those of the FreeSWITCH at that prefix, if one is used."""
    facts = {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION,
        "commit": _commit(),
    }
    if freeswitch is not None:
        facts["FreeSWITCH"] = _freeswitch(freeswitch)
    return {**facts, **{name: metadata.version(name) for name in _PACKAGES}}


def _freeswitch(prefix: Path) -> str:
    said = subprocess.run([str(prefix / "bin" / "freeswitch"), "-version"], capture_output=True, text=True)
    return said.stdout.strip().partition(": ")[2] or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    """Of the working tree, with a + where it has changes."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
