"""An environment for each client, in a cache outside the repository: made once for each set of pinned versions."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

_VERSIONS = Path(__file__).parents[2] / "clients" / "versions.toml"
_MADE = "made"


def pinned() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(_VERSIONS.read_text(encoding="utf-8"))


def cache_folder() -> Path:
    """`OPENAI_REALTIME_CLIENTS_CACHE`, or a folder of its own where caches belong."""
    named = os.environ.get("OPENAI_REALTIME_CLIENTS_CACHE")
    if named:
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mod_openai_realtime" / "clients"


def environment(name: str) -> Path:
    """The client's environment, made if it is not there. Raises RuntimeError with what pip or npm said."""
    wanted = pinned()[name]
    text = json.dumps([sys.version_info[:2], wanted])
    folder = cache_folder() / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        if not (folder / _MADE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, wanted)
            (folder / _MADE).write_text(text)
    return folder


def command(name: str, script: Path) -> list[str]:
    """What runs a script with the client's packages."""
    folder = environment(name)
    if script.suffix == ".py":
        return [str(folder / "bin" / "python"), str(script)]
    # Node looks for packages beside the script and above it, not in a folder that it is told of.
    copies = folder / "scripts"
    copies.mkdir(exist_ok=True)
    for file in script.parent.glob("*.mjs"):
        _replace(copies / file.name, file.read_bytes())
    return [str(folder / "bin" / "node"), str(copies / script.name)]


def _replace(file: Path, content: bytes) -> None:
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(file)


def _make(folder: Path, wanted: dict[str, list[str]]) -> None:
    _run([sys.executable, "-m", "venv", str(folder)], folder.parent)
    python = str(folder / "bin" / "python")
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted["pip"]], folder)
    if "npm" in wanted:
        (folder / "package.json").write_text('{"private": true}')
        npm = str(folder / "bin" / "npm")
        _run([npm, "install", "--save-exact", "--no-audit", "--no-fund", *wanted["npm"]], folder)


def _run(arguments: list[str], folder: Path) -> None:
    path = f"{folder / 'bin'}:{os.environ['PATH']}"  # npm is a script that looks for node
    done = subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
