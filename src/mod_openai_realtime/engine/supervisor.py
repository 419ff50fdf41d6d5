"""The engine's first process: owns the socket, keeps the workers alive, never carries audio."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from ..observe.board import Board
from ..observe.metrics import serve_metrics
from ..observe.printable import printable
from .agent_hosts import AgentHosts, AgentOptions, AgentPlace, Child
from .agent_process import run_agent_host
from .deaths import Deaths
from .listening import EngineError
from .restarts import Restarts
from .standstill import Standstill
from .worker import run_worker

logger = logging.getLogger(__name__)

STOP_S = 8.0
LONGEST_LOOK_S = 1.0  # at what a signal has set
_PR_SET_PDEATHSIG = 1  # prctl(2)
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """`users`: uids that may connect, besides root. `max_streams` 0: no limit. `recordings_dirs`: where recordings may
    lie, besides FreeSWITCH's own folder."""

    workers: int
    users: frozenset[int]
    max_streams: int = 0
    recordings_dirs: tuple[Path, ...] = ()
    agents: AgentOptions | None = None


@dataclass(slots=True)
class _Child:
    """A process that is kept alive; `row` is its row on the board, None for one without.

    `process` None: there is none, and `due` is when the next is to be started. `retired`: none follows it."""

    name: str
    target: Callable[[Connection], None]
    row: int | None
    process: BaseProcess | None = None
    pipe: Connection | None = None
    """From the process that there is, or was last."""
    retired: bool = False
    started: float = 0.0
    due: float = 0.0
    restarts: Restarts = field(default_factory=Restarts)
    standstill: Standstill = field(default_factory=Standstill)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None


class Supervisor:
    """Starts the workers and starts again those that die, until SIGTERM or SIGINT."""

    def __init__(
        self,
        listener: socket.socket,
        options: EngineOptions,
        metrics: socket.socket | None = None,
        place: AgentPlace | None = None,
    ) -> None:
        """`listener`: the engine's; `metrics`: where figures are served, None: nowhere. Both listen already. `place`:
        where agents and workers meet, if the options have agents."""
        self._listener = listener
        self._options = options
        self._board = Board(options.workers, options.agents.processes if options.agents is not None else 0)
        self._deaths = Deaths(options.workers)
        self._context = multiprocessing.get_context("fork")
        self._children = [_Child(f"worker-{n}", partial(self._work, n), n) for n in range(options.workers)]
        if metrics is not None:
            self._children.append(_Child("metrics", lambda _: serve_metrics(self._board, metrics), None))
        self._place = place
        self._agents: AgentHosts | None = None
        self._agent_names: frozenset[str] = frozenset()
        if options.agents is not None and place is not None:
            self._agents = AgentHosts(options.agents, place, run_agent_host, self._add, self._board.host_was_blocked)
        self._stopping = False

    def run(self, ready: Callable[[], object]) -> None:
        """Calls `ready` once the workers are started and a signal ends the engine in order.

        Raises EngineError where they can't be started.
        """
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        try:
            # Their code first: where it can't be loaded, nothing has been started that calls could come to.
            others = list(self._children)
            if self._agents is not None:
                self._agent_names = self._agents.start()
            for child in others:
                self._spawn(child)
        except OSError as error:
            self._stop()
            raise EngineError(
                f"cannot start {len(self._children)} processes: {error.strerror}; "
                "give fewer --workers, or raise the limits (ulimit -a)"
            ) from None
        except EngineError:
            self._stop()
            raise
        ready()
        while not self._stopping:
            self._wait()
            if self._agents is not None:
                self._agents.look(time.monotonic())
            for child in list(self._children):
                self._end_if_it_stands_still(child)
                self._note_end(child)
            for child in self._children:
                if not self._stopping and child.process is None and child.due <= time.monotonic():
                    self._start_again(child)
        self._stop()

    def _add(self, name: str, target: Callable[[Connection], None]) -> Child:
        child = _Child(name, target, None)
        self._spawn(child)
        self._children.append(child)
        return child

    def _wait(self) -> None:
        """Until a process ends, or one is due, or it is time to look for a signal."""
        running: list[int | Connection] = [each.process.sentinel for each in self._children if each.process is not None]
        running += self._agents.pipes() if self._agents is not None else []
        waits = [child.due - time.monotonic() for child in self._children if child.process is None]
        multiprocessing.connection.wait(running, timeout=max(0.0, min([LONGEST_LOOK_S, *waits])))

    def _end_if_it_stands_still(self, child: _Child) -> None:
        if child.row is None or child.process is None or child.pid is None:
            return
        beyond = child.standstill.look(self._board.ticks(child.row), time.monotonic())
        if beyond == 1:
            logger.error("%s stands still: it is ended", child.name)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGABRT)  # it says where it is, and has died of what is in hand
        elif beyond > 1:
            child.process.kill()

    def _note_end(self, child: _Child) -> None:
        if child.process is None or child.process.is_alive():
            return
        if child.retired:
            self._children.remove(child)
            return
        if child.row is not None:
            self._board.absent(child.row)
        now = time.monotonic()
        wait_s = child.restarts.wait_s(now - child.started)
        child.due = now + wait_s
        when = f" in {wait_s:.1f} s" if wait_s else ""
        exit_code = child.process.exitcode
        channel = self._deaths.worker_ended(child.row, exit_code) if child.row is not None else ""
        why = f", working for channel {printable(channel)}" if channel else ""
        logger.error("%s ended (exit code %s%s): starting another%s", child.name, exit_code, why, when)
        child.process = None

    def _start_again(self, child: _Child) -> None:
        try:
            self._spawn(child)
        except OSError as error:
            logger.error("cannot start %s: %s", child.name, error)
            child.due = time.monotonic() + child.restarts.wait_s(0.0)

    def _spawn(self, child: _Child) -> None:
        reading, writing = self._context.Pipe(duplex=False)
        target = partial(child.target, writing)
        process = self._context.Process(target=self._begin, args=(target, os.getpid()), name=child.name)
        child.started = time.monotonic()
        # Until the process has its own handlers, a signal would end up in the copy of ours, and be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
            writing.close()
        if child.pipe is not None:
            child.pipe.close()
        child.process, child.pipe = process, reading

    @staticmethod
    def _begin(target: Callable[[], None], supervisor: int) -> None:
        # A supervisor that was killed takes its children with it: they hold its socket and its lock.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != supervisor:
            return  # it was killed before that
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the supervisor tells its children
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        faulthandler.enable()  # where in the code it died
        target()

    def _work(self, index: int, _pipe: Connection) -> None:
        self._board.join(index)
        self._deaths.join(index)
        options, door = self._options, None
        if options.agents is not None and self._place is not None:
            door = self._place.door(index, self._agent_names, options.agents)
        run_worker(
            self._listener, self._board, self._deaths, options.users, options.max_streams, options.recordings_dirs, door
        )

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _stop(self) -> None:
        processes = [child.process for child in self._children if child.process is not None]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                logger.error("%s did not end in time: killed", process.name)
                process.kill()
                process.join()
