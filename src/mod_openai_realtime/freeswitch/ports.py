"""Ports of 127.0.0.1 for processes that can't be handed a bound socket.

They lie below the ephemeral ports, which the kernel gives to sockets of anybody at any moment, and in a block that is
this process's alone: the workers of a test run, and several test runs, go on side by side.
"""

from __future__ import annotations

import functools
import itertools
import socket
from pathlib import Path

_FIRST = 10_000
_BLOCK = 1000
_SINGLE = 200
_BLOCKS_WANTED = 10
_USUAL_EPHEMERAL = 32_768


class PortBlock:
    """A run of ports. The first of them is kept bound until the end, so that others take another block."""

    def __init__(self) -> None:
        """Raises RuntimeError if every block is taken."""
        for first in range(_FIRST, _end() - _BLOCK + 1, _BLOCK):
            claim = _bound(first, socket.SOCK_DGRAM)
            if claim is not None:
                self._claim = claim
                self._single = itertools.cycle(range(first + 1, first + _SINGLE))
                self.rtp = range(first + _SINGLE, first + _BLOCK)
                """For the media of a switch; two of one process that have calls at once would meet there."""
                return
        raise RuntimeError("every block of ports is taken")

    def free(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
        """A port that nobody has bound, and that was not given out lately. Raises RuntimeError if there is none."""
        for port in itertools.islice(self._single, _SINGLE):
            probe = _bound(port, kind)
            if probe is not None:
                probe.close()
                return port
        raise RuntimeError("no port is free")

    def close(self) -> None:
        self._claim.close()


@functools.cache
def own_ports() -> PortBlock:
    """The block of this process, which it keeps until it ends."""
    return PortBlock()


def _end() -> int:
    """The lowest ephemeral port; where too little is left below it, blocks lie among the ephemeral ones."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return lowest if lowest >= _FIRST + _BLOCKS_WANTED * _BLOCK else _USUAL_EPHEMERAL


def _bound(port: int, kind: socket.SocketKind) -> socket.socket | None:
    made = socket.socket(socket.AF_INET, kind)
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        return None
    return made
