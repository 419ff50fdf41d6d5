"""Tests that must have the machine to themselves, in a run of several workers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
SUITE = """
import os, pytest

def note(text):
    # One write to a file that is appended to: lines of several processes keep their order.
    log = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{text}\\n".encode())
    os.close(log)

def run(name):
    note(f"begin {name}")
    for _ in range(1000):
        os.sched_yield()
    note(f"end {name}")

@pytest.mark.parametrize("number", range(20))
def test_any(number):
    run("any")

@pytest.mark.serial
@pytest.mark.parametrize("number", range(3))
def test_alone(number):
    run("alone")
"""


def test_a_serial_test_has_no_other_beside_it(tmp_path: Path) -> None:
    shutil.copy(TESTS / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nmarkers = serial\npythonpath = {TESTS / 'support'}\n")
    (tmp_path / "test_suite.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "-p", "no:asyncio", "-p", "no:benchmark"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert "23 passed" in done.stdout, done.stdout + done.stderr
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines.count("begin alone") == 3
    for at, line in enumerate(lines):
        if line == "begin alone":
            assert lines[at + 1] == "end alone"
            # Nothing that had begun before it goes on.
            assert lines[:at].count("begin any") == lines[:at].count("end any")
