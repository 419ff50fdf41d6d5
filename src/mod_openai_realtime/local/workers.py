"""Several processes behind one port: each accepts from the same listening sockets, so that the one with time does."""

import asyncio
import contextlib
import logging
import multiprocessing
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from ..observe.engine_log import set_up_logging
from .command import CannotServeError, LocalOptions, bound, endpoint_of, serve, warn_of_others

log = logging.getLogger(__name__)
_STOP_S = 5.0
_READY = ""


class Workers:
    """The parent: starts them, starts one again that ends by itself, and stops them."""

    def __init__(self, options: LocalOptions, count: int, log_level: str) -> None:
        self._options = options
        self._count = count
        self._log_level = log_level
        self._stopping = threading.Event()
        self._processes: list[SpawnProcess] = []

    def run(self, echo: Callable[[str], object]) -> None:
        """Returns after SIGINT or SIGTERM. Raises CannotServeError with a worker's own words."""
        sockets = bound(self._options.host, self._options.port)
        warn_of_others(sockets, self._options.api_key)
        context = multiprocessing.get_context("spawn")
        receiving, waking = context.Pipe(duplex=False)

        def stop(*_: object) -> None:
            self._stopping.set()
            waking.send(None)

        with tempfile.TemporaryDirectory(prefix="realtime-secrets-") as folder, contextlib.ExitStack() as stack:
            for number in (signal.SIGINT, signal.SIGTERM):
                stack.callback(signal.signal, number, signal.signal(number, stop))
            for each in sockets:
                stack.callback(each.close)
            stack.callback(self._stop)
            counter = context.Value("i", 0)
            arguments = (self._options, sockets, Path(folder), counter, self._log_level)
            url = ""
            for process, hearing in [self._start(context, arguments) for _ in range(self._count)]:
                url = _first_words(process, hearing)
            echo(f"The local Realtime endpoint listens on {url}, with {self._count} workers")
            while not self._stopping.is_set():
                wait([receiving, *(process.sentinel for process in self._processes)])
                self._replace(context, arguments)

    def _start(self, context: Any, arguments: tuple[Any, ...]) -> tuple[SpawnProcess, Connection]:
        hearing, telling = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(*arguments, telling), name="local-endpoint", daemon=True)
        process.start()
        self._processes.append(process)
        telling.close()
        return process, hearing

    def _replace(self, context: Any, arguments: tuple[Any, ...]) -> None:
        for process in [each for each in self._processes if each.exitcode is not None]:
            self._processes.remove(process)
            if not self._stopping.is_set():
                log.error("worker %s ended with %s; another one starts", process.pid, process.exitcode)
                _first_words(*self._start(context, arguments))

    def _stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join(_STOP_S)
            if process.exitcode is None:
                process.kill()


def _first_words(process: SpawnProcess, hearing: Connection) -> str:
    """Where it listens, once it does. Raises CannotServeError."""
    try:
        failure, url = hearing.recv()
    except EOFError:
        process.join(_STOP_S)
        raise CannotServeError(f"a worker ended as it started, with exit code {process.exitcode}") from None
    if failure != _READY:
        raise CannotServeError(failure)
    return str(url)


def _work(
    options: LocalOptions,
    sockets: Sequence[socket.socket],
    secrets: Path,
    counter: Any,
    log_level: str,
    telling: Connection,
) -> None:
    """One worker; tells the parent once whether it serves, and ends with it."""
    set_up_logging(log_level)

    def next_number() -> int:
        with counter.get_lock():
            counter.value += 1
            return int(counter.value) - 1

    try:
        endpoint = endpoint_of(options, sockets, secrets=secrets, counter=next_number)
    except Exception as error:
        telling.send((str(error), ""))
        return

    async def main() -> None:
        stop = asyncio.Event()
        parent = multiprocessing.parent_process()
        if parent is not None:
            asyncio.get_running_loop().add_reader(parent.sentinel, stop.set)
        await serve(endpoint, lambda: telling.send((_READY, endpoint.url)), stop)

    asyncio.run(main())
