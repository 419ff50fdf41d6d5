"""The page of the agents' classes is what their docstrings make it."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "docs" / "agents_reference.py"


def test_the_page_is_what_the_docstrings_say() -> None:
    made = runpy.run_path(str(SCRIPT))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), f"run {SCRIPT.name}, and look at the difference"
