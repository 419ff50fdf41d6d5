"""Processes that are started for a while."""

from __future__ import annotations

import shutil


def die_with_parent(signal_name: str) -> list[str]:
    """A prefix that has the kernel send the signal if we are killed; it runs the command under its own pid."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, "--"] if setpriv else []
