"""New sockets whose number an event loop may still take for an old one."""

from __future__ import annotations

import asyncio
import socket


def forget_number(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    """Clear what the loop has left of an earlier socket with this number; to be called before a new one is watched.

    A transport of the WebSocket library that fails in its very first turn (the peer has reset the connection, or the
    attempt was abandoned) still registers its reader after it was closed. The loop then believes that it watches that
    number, does not tell the kernel when the next socket gets it, and that socket is never read.
    """
    loop.remove_reader(sock)
    loop.remove_writer(sock)
