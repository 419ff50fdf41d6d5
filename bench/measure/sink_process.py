"""The sink as a process of its own."""

from __future__ import annotations

import asyncio
import os
from multiprocessing.connection import Connection

import uvloop

from .child import Child
from .own_clock import own_clock_loop
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

    with asyncio.Runner(loop_factory=own_clock_loop if settings.own_clock else uvloop.Loop) as runner:
        runner.run(main())


class SinkProcess(Child):
    """The sink in its process."""

    def __init__(self, settings: SinkSettings) -> None:
        super().__init__(_run, settings)
        self._scheme = "ws" if settings.certificates is None else "wss"
        self._port: int = self.hear()

    def url(self, path: str = "/stream") -> str:
        """With TLS a host name, since not every client checks a certificate that is for an address."""
        host = "127.0.0.1" if self._scheme == "ws" else "localhost"
        return f"{self._scheme}://{host}:{self._port}{path}"

    def reset_gaps(self) -> None:
        self.tell("reset_gaps")

    def counts(self) -> SinkCounts:
        self.tell("counts")
        counts: SinkCounts = self.hear()
        return counts
