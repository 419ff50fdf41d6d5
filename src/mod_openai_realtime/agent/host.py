"""An agent host: a process in which user code runs, many calls on one event loop, beside the workers that carry audio.

It connects to each worker's socket, again and again. A call whose worker has died keeps its instance for some seconds:
the worker that takes the call up finds it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from ..switch.link import peer_is_trusted
from . import messages as m
from .agent import Agent
from .connection import Connection
from .driver import Driver
from .errors import AgentError
from .loading import LoadedAgent, load
from .watchdog import Watchdog

logger = logging.getLogger(__name__)

RETRY_S = 0.25  # between two attempts to reach a worker
ORPHAN_S = 5.0  # so long an instance waits for another worker to take its call up
STOP_S = 7.0  # for on_end of the calls there are; the supervisor waits for a second more
PRIVATE = "@"

Make = Callable[[], Agent]


class _Line:
    """A call's way to its worker, whichever that is."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Connection | None = connection
        self.number = 0
        self.waiting: list[m.Acts] = []

    def acts(self, acts: m.Acts) -> None:
        if self.connection is None:
            self.waiting.append(acts)
            return
        try:
            self.connection.send(acts)
        except m.ProtocolError as error:
            logger.error("an act of a call is left out: %s", error)
            self.connection.send(m.Acts(acts.call, acts.through, [m.Fail(str(error))]))


class AgentHost:
    """`agents`: what new calls may be given. Runs on the event loop that it is made on."""

    def __init__(self, agents: Mapping[str, Make], *, generation: int = 0, users: frozenset[int] | None = None) -> None:
        """`generation`: of the code; grows with each reload. `users`: uids that workers may run as, besides root; None:
        this process's own."""
        self.id = secrets.token_hex(8)
        self._agents = dict(agents)
        self._private: dict[str, Make] = {}
        self._generation = generation
        self._users = frozenset({os.getuid()}) if users is None else users
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._drivers: dict[tuple[Connection, int], Driver] = {}
        self._lines: dict[Driver, _Line] = {}
        self._orphans: dict[tuple[str, str], Driver] = {}
        self._draining = False
        self._ending = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = asyncio.Event()

    @property
    def calls(self) -> int:
        """How many there are, on_end included."""
        return len(self._lines)

    # -- its life

    async def run(self, paths: Sequence[Path], blocked: Callable[[float], None] = lambda _: None) -> None:
        """Serves the workers at these sockets until stop(), or, after drain(), until the last call has ended. `blocked`
        is told for how long user code has kept the event loop from going on, in seconds."""
        connecting = [self._loop.create_task(self._keep_connected(path)) for path in paths]
        watchdog = Watchdog(self._loop, tell=blocked)
        try:
            await self._stopping.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self._draining else STOP_S):
                    await self._idle.wait()
        finally:
            watchdog.close()
            for task in connecting:
                task.cancel()
            for connection in list(self._connections):
                connection.close()
            await asyncio.gather(*connecting, return_exceptions=True)
            for driver in list(self._lines):
                driver.drop()

    def drain(self) -> None:
        """No new calls: other code takes them. run() returns when those that there are have ended."""
        self._draining = True
        self._agents.clear()
        for connection in self._connections:
            connection.send(m.Agents([]))
        self._stopping.set()

    def stop(self) -> None:
        """The engine ends. The workers end the calls; on_end is waited for, STOP_S at most. Whom a worker has left no
        other will take up."""
        self._draining = False
        self._ending = True
        for key, driver in list(self._orphans.items()):
            self._give_up(key, driver)
        self._stopping.set()

    def private(self, make: Make) -> str:
        """A name by which a worker is given an agent of this process that has no other name; forget() takes it back."""
        name = f"{PRIVATE}{self.id}/{secrets.token_hex(8)}"
        self._private[name] = make
        return name

    def forget(self, name: str) -> None:
        self._private.pop(name, None)

    # -- connections

    async def _keep_connected(self, path: Path) -> None:
        while True:
            connection = await self._connect(path)
            if connection is not None:
                await connection.closed
            await asyncio.sleep(RETRY_S)

    async def _connect(self, path: Path) -> Connection | None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await self._loop.sock_connect(sock, str(path))
            if not peer_is_trusted(sock, self._users):
                logger.warning("the socket of another user is not spoken to: %s", path)
                sock.close()
                return None
            return await self.attach(sock)
        except OSError:
            sock.close()
            return None

    async def attach(self, sock: socket.socket) -> Connection:
        """Serves the worker at the other end of a connected socket."""
        hello = m.Hello(m.PROTOCOL, self.id, os.getpid(), self._generation, sorted(self._agents))
        _, connection = await self._loop.create_connection(lambda: Connection(hello, self), sock=sock)
        return connection

    def connected(self, connection: Connection) -> None:
        self._connections.add(connection)

    def disconnected(self, connection: Connection) -> None:
        self._connections.discard(connection)
        for (owner, number), driver in list(self._drivers.items()):
            if owner is connection:
                del self._drivers[owner, number]
                self._orphan(driver)

    def message(self, connection: Connection, message: m.OfCall) -> None:
        if isinstance(message, m.Begin):
            self._begin(connection, message)
            return
        driver = self._drivers.get((connection, message.call))
        if driver is None:
            return  # of a call that has ended here, and is on its way out there
        driver.receive(message)

    # -- calls

    def _begin(self, connection: Connection, begin: m.Begin) -> None:
        if (connection, begin.call) in self._drivers:
            raise m.ProtocolError(f"call {begin.call} has begun already")
        orphan = self._orphans.pop((begin.facts.uuid, begin.facts.stream), None)
        if orphan is not None:
            self._take_up(connection, begin, orphan)
            return
        make = self._private.get(begin.agent) or self._agents.get(begin.agent)
        if make is None:
            acts: list[m.Act] = [m.Fail(f"Unknown agent '{begin.agent}'"), m.Done()]
            connection.send(m.Acts(begin.call, begin.n, acts))
            return
        line = _Line(connection)
        driver = Driver(begin, make, line, self)
        self._drivers[connection, begin.call] = driver
        self._lines[driver] = line
        self._idle.clear()
        driver.start()

    def _take_up(self, connection: Connection, begin: m.Begin, driver: Driver) -> None:
        line = self._lines[driver]
        line.connection = connection
        self._drivers[connection, begin.call] = driver
        waiting, line.waiting = line.waiting, []
        driver.moved(begin, [act for acts in waiting for act in acts.acts])

    def _orphan(self, driver: Driver) -> None:
        line = self._lines.get(driver)
        if line is None:
            return
        line.connection = None
        if driver.ended:
            return
        driver.worker_lost()
        key = driver.facts.uuid, driver.facts.stream
        self._orphans[key] = driver
        if self._ending:
            self._give_up(key, driver)
        else:
            self._loop.call_later(ORPHAN_S, self._give_up, key, driver)

    def _give_up(self, key: tuple[str, str], driver: Driver) -> None:
        if self._orphans.get(key) is driver:
            del self._orphans[key]
            driver.abandon()

    def spool(self, driver: Driver) -> str | None:
        line = self._lines.get(driver)
        return line.connection.spool if line is not None and line.connection is not None else None

    def ended(self, driver: Driver) -> None:
        self._lines.pop(driver, None)
        for key, each in list(self._drivers.items()):
            if each is driver:
                del self._drivers[key]
        if not self._lines:
            self._idle.set()


def run_host(
    specifications: Iterable[str],
    paths: Sequence[Path],
    *,
    generation: int = 0,
    users: frozenset[int],
    blocked: Callable[[float], None] = lambda _: None,
) -> None:
    """The main function of a host process: SIGTERM ends it, SIGUSR1 lets its calls come to their end and takes no new
    ones. Raises AgentError where an agent can't be loaded."""
    agents: dict[str, LoadedAgent] = load(specifications)
    if not agents:
        raise AgentError("there is no agent")

    async def main() -> None:
        makes: dict[str, Make] = {name: each.cls for name, each in agents.items()}
        host = AgentHost(makes, generation=generation, users=users)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, host.stop)
        loop.add_signal_handler(signal.SIGUSR1, host.drain)
        await host.run(paths, blocked)

    asyncio.run(main())
