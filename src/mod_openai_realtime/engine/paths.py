"""Where the module and the engine meet when nothing else is said."""

from __future__ import annotations

import os
from pathlib import Path

_SOCKET_PATH_BYTES = 107  # what sockaddr_un holds


class SocketPathError(ValueError):
    """No socket can be there; the text says why."""


def default_socket() -> Path:
    """The engine's socket: OPENAI_REALTIME_SOCKET, else the path that the module has compiled in."""
    return Path(os.environ.get("OPENAI_REALTIME_SOCKET") or "/run/openai-realtime/engine.sock")


def check_socket_path(path: Path) -> None:
    """Raises SocketPathError where the path can't be a socket's, whatever lies there."""
    size = len(os.fsencode(path))
    if size > _SOCKET_PATH_BYTES:
        raise SocketPathError(
            f"the socket's path has {size} bytes, and {_SOCKET_PATH_BYTES} at most can be used: {path}"
        )
    if not path.name:
        raise SocketPathError(f"{path} is a folder, and no path of a socket")
