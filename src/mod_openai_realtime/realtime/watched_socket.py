"""A socket that no event loop watches any more once its number is free for another."""

from __future__ import annotations

import asyncio
import socket


class WatchedSocket(socket.socket):
    """It leaves the loop as it is closed.

    A transport of the WebSocket library that ends in its very first turn (the peer has reset the connection, or the
    attempt was abandoned) still registers its reader after it has stopped reading. The loop would then believe that it
    watches that number, not tell the kernel when whatever socket gets it next, and that socket would never be read.
    """

    def __init__(self, family: socket.AddressFamily, loop: asyncio.AbstractEventLoop) -> None:
        """A TCP socket that does not block. Raises OSError: no descriptor is left, or the system lacks the family."""
        super().__init__(family, socket.SOCK_STREAM)
        self._loop = loop
        self.setblocking(False)

    def close(self) -> None:
        number = self.fileno()
        if number != -1 and not self._loop.is_closed():
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)
        super().close()
