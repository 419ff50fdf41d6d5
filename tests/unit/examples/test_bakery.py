"""The bakery's own tests pass as a user runs them, and the page shows the same agent."""

import subprocess
import sys

from xml_reader import ROOT, fenced

FOLDER = ROOT / "examples/bakery"


def test_its_own_tests_pass() -> None:
    options = ["-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function", "-c", "/dev/null"]
    command = [sys.executable, "-m", "pytest", "-q", *options, f"--rootdir={FOLDER}", "."]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER, check=False)
    assert ran.returncode == 0 and " passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_page_shows_it() -> None:
    shown = next(text for kind, _, text in fenced(ROOT / "docs/how-to/agents.md") if kind == "python")
    source = (FOLDER / "bakery.py").read_text()
    assert shown.partition("\n")[2].strip() == source.partition('"""\n\n')[2].strip()
