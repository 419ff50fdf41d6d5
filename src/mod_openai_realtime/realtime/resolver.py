"""The addresses of a host, from the system's own resolver.

It alone knows all that names may come from (the hosts file, resolv.conf as it is now, what nsswitch.conf adds), which
no library of DNS does; but it blocks, sometimes for half a minute, and can't be cancelled. So each look-up has a thread
of its own, for which nobody waits, not at the end of the process either. The loop's own threads would do for few names:
they are four with uvloop, of which two may look up names.
"""

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from ..later import Later, Timer

MAX_LOOKUPS = 64
"""Names that are looked up at a time, each by a thread. Further names wait for one of them to answer, no longer than
their attempts do."""

LATE_S, MAX_LATE = 3.0, 128
"""A look-up that takes longer keeps its thread, but holds nobody up: another has its place. So many may be late;
further ones keep their places."""

Address = tuple[socket.AddressFamily, tuple[Any, ...]]
GetAddresses = Callable[..., list[tuple[Any, ...]]]  # socket.getaddrinfo

_Answer = list[Address] | OSError


class _LookUp:
    """What a look-up counts as: `timer` runs until it is late, or there are too many of those."""

    __slots__ = ("is_late", "timer")

    def __init__(self) -> None:
        self.is_late = False
        self.timer: Timer | None = None


class Resolver:
    """Shared by all connections of an event loop: who asks for a name that is being looked up gets that answer."""

    def __init__(
        self,
        getaddrinfo: GetAddresses = socket.getaddrinfo,
        max_lookups: int = MAX_LOOKUPS,
        max_late: int = MAX_LATE,
        later: Later | None = None,
    ) -> None:
        """`later` None: the running loop's."""
        self._getaddrinfo = getaddrinfo
        self._max_lookups = max_lookups
        self._max_late = max_late
        self._later = later
        self._asked: dict[str, set[asyncio.Future[_Answer]]] = {}
        """Who waits for which name. A look-up goes on when all have gone: there is one of a name at any time."""
        self._queue: deque[str] = deque()  # of those, which have no thread yet
        self._running = 0  # without those that are late
        self._late = 0

    async def addresses(self, host: str, port: int) -> list[Address]:
        """In the resolver's order. A literal address comes at once. Raises socket.gaierror; may be cancelled."""
        literal = _literal(host)
        found = literal if literal is not None else await self._look_up(host.lower())
        return [(family, (address[0], port, *address[2:])) for family, address in found]

    async def _look_up(self, name: str) -> list[Address]:
        if name not in self._asked:
            self._asked[name] = set()
            self._queue.append(name)
            self._start_next()
        answered: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._asked[name].add(answered)
        try:
            answer = await answered
        finally:
            self._gone(name, answered)
        if isinstance(answer, OSError):
            raise type(answer)(*answer.args)  # one of its own: each keeps the trace of who got it
        return answer

    def _gone(self, name: str, answered: asyncio.Future[_Answer]) -> None:
        """Nobody need look up what nobody waits for."""
        waiting = self._asked.get(name, set())
        waiting.discard(answered)
        if not waiting and name in self._queue:
            self._queue.remove(name)
            del self._asked[name]

    def _start_next(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue and self._running < self._max_lookups:
            name = self._queue.popleft()
            self._running += 1
            look_up = _LookUp()
            look_up.timer = (self._later or loop.call_later)(LATE_S, partial(self._takes_long, look_up))
            try:
                threading.Thread(target=self._run, args=(loop, name, look_up), name="look-up", daemon=True).start()
            except RuntimeError:  # the limit of threads
                none = socket.gaierror(socket.EAI_AGAIN, "No thread to look it up")
                loop.call_soon(self._answered, name, look_up, none)

    def _takes_long(self, look_up: _LookUp) -> None:
        look_up.timer = None
        if self._late < self._max_late:
            look_up.is_late = True
            self._late += 1
            self._running -= 1
            self._start_next()

    def _run(self, loop: asyncio.AbstractEventLoop, name: str, look_up: _LookUp) -> None:
        """In the thread."""
        answer: _Answer
        try:
            found = self._getaddrinfo(name, None, type=socket.SOCK_STREAM)
            answer = [(family, address) for family, _, _, _, address in found]
        except OSError as error:
            answer = error
        except Exception as error:  # of a part that is too long, or empty; but whatever it is, somebody waits
            answer = socket.gaierror(socket.EAI_FAIL, f"Not a host name ({type(error).__name__})")
        try:
            loop.call_soon_threadsafe(self._answered, name, look_up, answer)
        except RuntimeError:
            return  # the loop has ended

    def _answered(self, name: str, look_up: _LookUp, answer: _Answer) -> None:
        if look_up.timer is not None:
            look_up.timer.cancel()
        if look_up.is_late:
            self._late -= 1
        else:
            self._running -= 1
        for waiting in self._asked.pop(name):
            if not waiting.done():
                waiting.set_result(answer)
        self._start_next()


def _literal(host: str) -> list[Address] | None:
    """None: it is a name. The resolver is asked for numbers only, for which it reads nothing and asks nobody."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return None
    return [(family, address) for family, _, _, _, address in found]
