"""The agents' own tests pass as a user runs them, away from the project, and the page shows the same bakery."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from xml_reader import ROOT, fenced

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize("name", ["bakery", "clinic", "interpreter", "survey"])
def test_its_own_tests_pass(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function", "-c", "/dev/null"]
    command = [sys.executable, "-m", "pytest", "-q", *options, f"--rootdir={folder}", "."]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert ran.returncode == 0 and " passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_page_shows_it() -> None:
    shown = next(text for kind, _, text in fenced(ROOT / "docs/how-to/agents.md") if kind == "python")
    source = (EXAMPLES / "bakery/bakery.py").read_text()
    assert shown.partition("\n")[2].strip() == source.partition('"""\n\n')[2].strip()
