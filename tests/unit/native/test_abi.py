"""The declarations in abi.h are those of FreeSWITCH's own headers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FREESWITCH_ABI = Path(__file__).parents[3] / "native" / "freeswitch"
COMPILE = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]


def compiler() -> str:
    found = shutil.which(os.environ.get("CC", "gcc"))
    if found is None:
        pytest.skip("no C compiler")
    return found


def freeswitch_headers() -> Path:
    """The folder of switch.h, of the FreeSWITCH in FREESWITCH_PREFIX or on the PATH."""
    candidates: list[Path] = []
    if prefix := os.environ.get("FREESWITCH_PREFIX"):
        candidates.append(Path(prefix))
    elif program := shutil.which("freeswitch"):
        candidates += [Path(program).resolve().parent.parent, Path("/usr")]
    for candidate in candidates:
        headers = candidate / "include" / "freeswitch"
        if (headers / "switch.h").is_file():
            return headers
    pytest.skip("no FreeSWITCH headers: neither FREESWITCH_PREFIX nor freeswitch on the PATH leads to switch.h")


def check(*arguments: str, directory: Path = FREESWITCH_ABI) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [compiler(), *COMPILE, *arguments, str(directory / "abi_check.c")], capture_output=True, text=True, check=False
    )


def test_our_declarations_have_the_checked_layout() -> None:
    result = check()
    assert result.returncode == 0, result.stderr


def test_freeswitch_headers_have_the_checked_layout_and_prototypes() -> None:
    result = check("-DABI_CHECK_REAL", "-isystem", str(freeswitch_headers()))
    assert result.returncode == 0, result.stderr


def test_a_prototype_that_differs_from_the_headers_is_refused(tmp_path: Path) -> None:
    headers = freeswitch_headers()
    for source in FREESWITCH_ABI.iterdir():
        text = source.read_text()
        if source.name == "abi_functions.h":
            changed = text.replace("switch_frame_t *frame, switch_bool_t fill", "switch_frame_t *frame, char *fill")
            assert changed != text
            text = changed
        (tmp_path / source.name).write_text(text)
    result = check("-DABI_CHECK_REAL", "-isystem", str(headers), directory=tmp_path)
    assert "conflicting types" in result.stderr
