"""Taking connections from a listening socket, also where the process has no descriptor left for one.

The connection then stays where it is, and the socket readable: who tries again at once does nothing else, and fills the
log. So nothing is accepted for a second, in which a call may end and free some.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable

PAUSE_S = 1.0
TOLD_EVERY_S = 60.0
YIELD_S = 0.002  # a worker with more channels than another leaves it this long to accept first


class Shortage:
    """What there is to say of attempts to accept that failed: at once, then once a minute, with their number."""

    def __init__(self, what: str) -> None:
        """`what` could not be accepted."""
        self._what = what
        self._untold = 0
        self._silent_until: float | None = None

    def line(self, error: OSError, now: float) -> str | None:
        """For the log; None: nothing. `now` is in seconds, of a monotonic clock."""
        self._untold += 1
        if self._silent_until is not None and now < self._silent_until:
            return None
        times = f" ({self._untold} times since it was last said)" if self._untold > 1 else ""
        self._untold, self._silent_until = 0, now + TOLD_EVERY_S
        reason = os.strerror(error.errno) if error.errno else str(error)
        return f"cannot accept {self._what}: {reason}; it waits, and is tried again each second{times}"


class Acceptor:
    """Accepts on a socket that other processes accept on, too."""

    def __init__(
        self,
        listener: socket.socket,
        loop: asyncio.AbstractEventLoop,
        accepted: Callable[[socket.socket], None],
        *,
        my_turn: Callable[[], bool],
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`my_turn`: whether no other process ought to have the next one. `tell` gets lines for the log."""
        self._listener = listener
        self._loop = loop
        self._accepted = accepted
        self._my_turn = my_turn
        self._tell = tell
        self._clock = clock
        self._shortage = Shortage("a channel")
        self._open = True
        listener.setblocking(False)

    def start(self) -> None:
        if self._open:
            self._loop.add_reader(self._listener, self._acceptable)

    def stop(self) -> None:
        """For good."""
        self._open = False
        self._loop.remove_reader(self._listener)

    def _acceptable(self) -> None:
        if self._my_turn():
            self._accept()
        else:
            # If the other is busy, this one takes it after all.
            self._pause(YIELD_S, self._accept_and_go_on)

    def _accept_and_go_on(self) -> None:
        if self._open:
            self.start()
            self._accept()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was faster
        except OSError as error:
            line = self._shortage.line(error, self._clock())
            if line is not None:
                self._tell(line)
            self._pause(PAUSE_S, self.start)
            return
        self._accepted(sock)

    def _pause(self, pause_s: float, go_on: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener)
        self._loop.call_later(pause_s, go_on)
