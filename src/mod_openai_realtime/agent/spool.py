"""Own audio that is handed to the worker, which has a folder for it."""

from __future__ import annotations

import tempfile
from pathlib import Path


def spooled(pcm: bytes, folder: str | None) -> str:
    """The path of a file of it, for whoever plays it to remove. `folder` None: the system's for temporary files."""
    if len(pcm) % 2:
        raise ValueError("pcm16 has two bytes a sample")
    with tempfile.NamedTemporaryFile(dir=folder, prefix="agent-", suffix=".pcm", delete=False) as file:
        file.write(pcm)
    return str(Path(file.name))
