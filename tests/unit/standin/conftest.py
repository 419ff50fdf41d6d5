"""A switch with a probe for a module: it reports what the switch does to it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mod_openai_realtime.native import MODULE_PATH
from mod_openai_realtime.standin import StandIn, find_library

ROOT = Path(__file__).resolve().parents[3]
NATIVE = ROOT / "native"
SANITIZE = os.environ.get("NATIVE_SANITIZE")


def compile_shared(output: Path, *sources: Path) -> Path:
    """Builds a shared library as setup.py does."""
    command = ["gcc", "-shared", "-fPIC", "-pthread", "-fvisibility=hidden", "-std=gnu11", "-O2", "-g"]
    command += ["-Wall", "-Wextra", f"-I{NATIVE / 'ring'}", f"-I{NATIVE / 'freeswitch'}"]
    command += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer"] if SANITIZE else []
    # A sanitizer that is preloaded into the tests must not judge the compiler.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run([*command, *map(str, sources), "-o", str(output)], check=True, env=environment)
    return output


@pytest.fixture(scope="session")
def library_path() -> Path:
    return find_library()


@pytest.fixture(scope="session")
def probe_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_shared(tmp_path_factory.mktemp("probe") / "mod_probe.so", Path(__file__).with_name("mod_probe.c"))


@pytest.fixture(scope="session")
def module_path() -> Path:
    return MODULE_PATH


@pytest.fixture
def switch(library_path: Path, probe_path: Path) -> Iterator[StandIn]:
    with StandIn(probe_path, library_path=library_path) as switch:
        switch.wait_event("probe::load")
        yield switch
