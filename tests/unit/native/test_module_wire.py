"""The module's half of the link's messages: encoding, and decoding that trusts nothing (wire_test.c)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[3] / "native" / "mod_openai_audio_stream"
CHECKS = Path(__file__).with_name("wire_test.c")
COMPILE = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]


def test_messages_survive_the_wire_and_malformed_ones_are_refused(tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    if compiler is None:
        pytest.skip("no C compiler")
    program = tmp_path / "wire_test"
    build = subprocess.run(
        [compiler, *COMPILE, f"-I{MODULE}", str(CHECKS), str(MODULE / "wire.c"), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    run = subprocess.run([program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
