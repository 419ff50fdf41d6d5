"""The engine's first process: owns the socket, keeps the workers alive, never carries audio."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from .load_board import LoadBoard
from .worker import run_worker

logger = logging.getLogger(__name__)

BACKLOG = 1024
RESTART_WAIT_S = 0.5  # after a worker that died at once
STEADY_S = 5.0
STOP_S = 8.0
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class EngineError(Exception):
    """The engine cannot start; the text says why."""


@contextlib.contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """The engine's socket, private to this user. Raises EngineError where another engine has it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EngineError(f"cannot use {path.parent}: {error.strerror}") from None
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EngineError(f"an engine is running already on {path}") from None
        sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
        path.unlink(missing_ok=True)  # left by an engine that was killed: the lock is ours
        mask = os.umask(0o177)
        try:
            sock.bind(str(path))
        except OSError as error:
            raise EngineError(f"cannot listen on {path}: {error.strerror or error}") from None
        finally:
            os.umask(mask)
        stack.callback(path.unlink, missing_ok=True)
        sock.listen(BACKLOG)
        yield sock


class Supervisor:
    """Starts `workers` processes and starts again those that die, until SIGTERM or SIGINT."""

    def __init__(self, listener: socket.socket, workers: int, users: frozenset[int]) -> None:
        self._listener = listener
        self._users = users
        self._board = LoadBoard(workers)
        self._context = multiprocessing.get_context("fork")
        self._processes: list[tuple[BaseProcess, float]] = []
        self._workers = workers
        self._stopping = False

    def run(self, ready: Callable[[], object]) -> None:
        """Calls `ready` once the workers are started and a signal ends the engine in order."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        for index in range(self._workers):
            self._processes.append(self._spawn(index))
        ready()
        while not self._stopping:
            sentinels = [process.sentinel for process, _ in self._processes]
            multiprocessing.connection.wait(sentinels, timeout=1.0)
            for index, (process, started) in enumerate(self._processes):
                if not process.is_alive() and not self._stopping:
                    self._board.absent(index)
                    logger.error("worker %d ended (exit code %s): starting another", index, process.exitcode)
                    if time.monotonic() - started < STEADY_S:
                        time.sleep(RESTART_WAIT_S)
                    self._processes[index] = self._spawn(index)
        self._stop()

    def _spawn(self, index: int) -> tuple[BaseProcess, float]:
        process = self._context.Process(target=self._work, args=(index,), name=f"worker-{index}")
        # Until the worker has its own handlers, a signal would end up in the copy of ours, and be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        return process, time.monotonic()

    def _work(self, index: int) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the supervisor tells the workers
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        self._board.join(index)
        run_worker(self._listener, self._board, self._users)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _stop(self) -> None:
        for process, _ in self._processes:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        for process, _ in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                logger.error("a worker did not end in time: killed")
                process.kill()
                process.join()
