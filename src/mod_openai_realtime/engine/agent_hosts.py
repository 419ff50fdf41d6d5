"""The processes that agents run in: started, started again, and followed by others where the code has changed."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from ..pilot.agent_door import AgentDoor
from .listening import EngineError

logger = logging.getLogger(__name__)

DEFAULT_URL = "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"
LOAD_S = 60.0
"""So long the agents' code may take to be imported when the engine starts."""
LOOK_S = 1.0
"""Between two looks at whether it has changed."""
LOAD_FAILED = 3
"""The exit code of a host whose code can't be loaded: another try would end alike."""
_BACKLOG = 64


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """`specifications`: FILE:CLASS, or name=FILE:CLASS. `url`: the endpoint of agents that name none. `reload`: new
    calls use code that has changed."""

    specifications: tuple[str, ...]
    processes: int
    url: str = DEFAULT_URL
    reload: bool = False
    all_at: str | None = None
    """Where all agents' streams go, whatever they name themselves: for tests."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a host says once its code is loaded. `files`: all that was imported from the agents' folders."""

    names: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotLoaded:
    reason: str


class Child(Protocol):
    """A process that the supervisor keeps alive."""

    @property
    def pid(self) -> int | None:
        """None while there is none."""

    pipe: Connection | None
    """From the process that there is, or was last."""
    retired: bool
    """No other follows it."""


@dataclass(slots=True)
class _Host:
    child: Child
    generation: int
    pipe: Connection | None = None
    """The one that `loaded` came from, or is to come from."""
    loaded: Loaded | None = None


Add = Callable[[str, Callable[[Connection], None]], Child]
"""Starts a process of that name and keeps it alive; it is given its end of the pipe. Raises OSError."""


class HostMain(Protocol):
    """Runs in the process."""

    def __call__(
        self,
        pipe: Connection,
        /,
        *,
        sockets: tuple[Path, ...],
        specifications: tuple[str, ...],
        generation: int,
        blocked: Callable[[float], None],
    ) -> None:
        """`pipe` is told Loaded or NotLoaded; `sockets` are the workers'; `blocked` for how long user code has kept the
        event loop from going on, in seconds."""


@dataclass(slots=True)
class AgentPlace:
    """Where workers and hosts meet: a private folder with a socket and a spool for each worker."""

    folder: Path
    sockets: tuple[Path, ...]
    listeners: tuple[socket.socket, ...]

    def door(self, worker: int, names: frozenset[str], options: AgentOptions) -> AgentDoor:
        spool = self.folder / f"spool-{worker}"
        return AgentDoor(self.listeners[worker], worker, names, spool, options.url, options.all_at)


@contextlib.contextmanager
def agent_place(workers: int) -> Iterator[AgentPlace]:
    """Raises EngineError."""
    with contextlib.ExitStack() as stack:
        try:
            folder = Path(tempfile.mkdtemp(prefix="openai-agents-"))  # mode 0700
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            sockets = tuple(folder / f"worker-{number}" for number in range(workers))
            listeners = []
            for number, path in enumerate(sockets):
                (folder / f"spool-{number}").mkdir(mode=0o700)
                listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
                listener.bind(str(path))
                listener.listen(_BACKLOG)
                listeners.append(listener)
        except OSError as error:
            raise EngineError(f"cannot make a place for agents: {error}") from None
        yield AgentPlace(folder, sockets, tuple(listeners))


@dataclass(slots=True)
class AgentHosts:
    """Of one engine; everything happens on the supervisor's thread."""

    options: AgentOptions
    place: AgentPlace
    main: HostMain
    add: Add
    blocked: Callable[[int, float], None]
    """Of the host of that number: see HostMain."""
    _hosts: list[_Host] = field(default_factory=list)
    _generation: int = 0
    _whole: int = 0
    """The newest generation all of which is there."""
    _times: dict[str, float] = field(default_factory=dict)
    _looked: float = 0.0

    def start(self) -> frozenset[str]:
        """The names of the agents, once their code is loaded. Raises EngineError that says file, line and reason, and
        OSError where processes can't be started."""
        self._begin_generation()
        deadline, names = time.monotonic() + LOAD_S, frozenset[str]()
        for host in self._hosts:
            if host.pipe is None or not host.pipe.poll(max(0.0, deadline - time.monotonic())):
                raise EngineError(f"the agents' code was not loaded within {LOAD_S:.0f} s")
            said = _received(host.pipe)
            if not isinstance(said, Loaded):
                raise EngineError(said.reason if said is not None else "an agent host ended while it loaded the code")
            self._is_loaded(host, said)
            names = frozenset(said.names)
        return names

    def pipes(self) -> list[Connection]:
        """Those that may have something to say."""
        return [host.pipe for host in self._hosts if host.pipe is not None and host.loaded is None]

    def look(self, now: float) -> None:
        """What hosts have said, and whether code has changed. `now` is in seconds, of a monotonic clock."""
        for host in list(self._hosts):
            if host.child.pipe is not host.pipe:
                host.pipe, host.loaded = host.child.pipe, None  # it was started again
            if host.pipe is not None and host.loaded is None and host.pipe.poll():
                self._heard(host, _received(host.pipe))
        if self.options.reload and now - self._looked >= LOOK_S:
            self._looked = now
            if self._changed():
                logger.info("the agents' code has changed: new calls are to use it")
                with contextlib.suppress(OSError):
                    self._begin_generation()

    def _begin_generation(self) -> None:
        # Of one that was begun and is not whole yet none is wanted any more.
        self._retire(lambda host: host.generation > self._whole)
        self._generation += 1
        for number in range(self.options.processes):
            main = partial(
                self.main,
                sockets=self.place.sockets,
                specifications=self.options.specifications,
                generation=self._generation,
                blocked=partial(self.blocked, number),
            )
            child = self.add(f"agents-{number}", main)
            self._hosts.append(_Host(child, self._generation, child.pipe))

    def _heard(self, host: _Host, said: Loaded | NotLoaded | None) -> None:
        if isinstance(said, Loaded):
            self._is_loaded(host, said)
        elif said is None:
            host.pipe = None  # it has ended, and is started again
        elif host.generation == self._whole:
            logger.error("the agents' code can't be loaded again: %s", said.reason)
        else:
            logger.error("the agents' new code can't be used, the old one goes on: %s", said.reason)
            self._retire(lambda each: each.generation == host.generation)

    def _is_loaded(self, host: _Host, loaded: Loaded) -> None:
        host.loaded = loaded
        self._remember(loaded)
        if all(each.loaded for each in self._hosts if each.generation == host.generation):
            self._whole = host.generation
            self._retire(lambda each: each.generation < self._whole)

    def _retire(self, which: Callable[[_Host], bool]) -> None:
        """These get no new calls, and end with their last one."""
        for host in [each for each in self._hosts if which(each)]:
            self._hosts.remove(host)
            host.child.retired = True
            if host.child.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(host.child.pid, signal.SIGUSR1 if host.loaded is not None else signal.SIGTERM)

    def _remember(self, loaded: Loaded) -> None:
        for name in loaded.files:
            self._times.setdefault(name, _time_of(name))

    def _changed(self) -> bool:
        """Whether a file has since the last time; once for each change."""
        times = {name: _time_of(name) for name in self._times}
        changed, self._times = times != self._times, times
        return changed


def _received(pipe: Connection) -> Loaded | NotLoaded | None:
    """None: it has ended without a word."""
    try:
        said: Loaded | NotLoaded = pipe.recv()
    except (EOFError, OSError):
        return None
    return said


def _time_of(name: str) -> float:
    """0 where it is not there."""
    try:
        return Path(name).stat().st_mtime
    except OSError:
        return 0.0
