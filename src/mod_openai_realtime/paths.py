"""Where the module and the engine meet when nothing else is said."""

from __future__ import annotations

import os
from pathlib import Path


def default_socket() -> Path:
    """The engine's socket: OPENAI_REALTIME_SOCKET, else the path that the module has compiled in."""
    return Path(os.environ.get("OPENAI_REALTIME_SOCKET") or "/run/openai-realtime/engine.sock")
