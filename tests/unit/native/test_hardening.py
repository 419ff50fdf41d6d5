"""What the compiler and the linker were asked for against intruders is in the libraries that are shipped."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from mod_openai_realtime import _media
from mod_openai_realtime.native import MODULE_PATH

BUILT = {"module": MODULE_PATH, "extension": Path(_media.__file__)}
pytestmark = pytest.mark.skipif("NATIVE_SANITIZE" in os.environ, reason="the sanitizers' build is another")


def run(tool: str, *arguments: str) -> str:
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool}")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(params=BUILT)
def library(request: pytest.FixtureRequest) -> Path:
    return BUILT[request.param]


def test_what_is_relocated_is_read_only_from_the_start(library: Path) -> None:
    assert " GNU_RELRO " in run("readelf", "-lW", str(library))
    assert "BIND_NOW" in run("readelf", "-dW", str(library))


def test_the_stack_is_no_code(library: Path) -> None:
    [line] = [line for line in run("readelf", "-lW", str(library)).splitlines() if "GNU_STACK" in line]
    assert " RW " in line and "E" not in line.split("GNU_STACK")[1]


def test_stacks_and_buffers_are_guarded(library: Path) -> None:
    symbols = run("readelf", "-W", "--dyn-syms", str(library))
    assert "__stack_chk_fail" in symbols
    assert "__memcpy_chk" in symbols or "__snprintf_chk" in symbols, "FORTIFY_SOURCE"


def test_a_jump_lands_where_one_may(library: Path) -> None:
    landing = {"x86_64": "endbr64", "aarch64": "bti"}.get(platform.machine())
    if landing is None:
        pytest.skip("not of this processor")
    assert landing in run("objdump", "-d", "--no-show-raw-insn", str(library))
