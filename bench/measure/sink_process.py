"""The sink as a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

import uvloop

from .sink import Sink, SinkCounts, SinkSettings


def _run(settings: SinkSettings, owner: Connection) -> None:
    # In reality the far end is on another machine. Here it must not push the engine off its core with every message
    # that it is sent: a process of this kind waits for its turn.
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    async def main() -> None:
        sink = Sink(settings)
        server, port = await sink.serve()
        owner.send(port)
        ended = asyncio.Event()

        def asked() -> None:
            try:
                if owner.recv() == "counts":
                    owner.send(sink.counts())
                else:
                    sink.reset_gaps()
            except EOFError:
                ended.set()

        asyncio.get_running_loop().add_reader(owner.fileno(), asked)
        await ended.wait()
        server.close()

    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(main())


class SinkProcess:
    """The sink in its process; a context manager."""

    def __init__(self, settings: SinkSettings) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_run, args=(settings, theirs), daemon=True)
        self._scheme = "ws" if settings.certificates is None else "wss"
        self._process.start()
        theirs.close()
        self._port: int = self._connection.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._process.join(5)
        self._process.kill()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def url(self, path: str = "/stream") -> str:
        """With TLS a host name, since not every client checks a certificate that is for an address."""
        host = "127.0.0.1" if self._scheme == "ws" else "localhost"
        return f"{self._scheme}://{host}:{self._port}{path}"

    def reset_gaps(self) -> None:
        self._connection.send("reset_gaps")

    def counts(self) -> SinkCounts:
        self._connection.send("counts")
        counts: SinkCounts = self._connection.recv()
        return counts
