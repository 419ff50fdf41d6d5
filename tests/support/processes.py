"""What processes under test have in common."""

from __future__ import annotations

import shutil
import socket


def die_with_parent(signal_name: str) -> list[str]:
    """A prefix that has the kernel send the signal if the test run is killed; it runs the command under its own pid."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, "--"] if setpriv else []


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody had bound a moment ago.

    For a process that can't be handed a bound socket; a bind that is lost to somebody else shows as a start that fails.
    """
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
