"""One worker process: accepts channels on the engine's socket, runs their streams until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

from ._media import Poller
from .load_board import LoadBoard
from .media_clock import MediaClock
from .realtime.endpoint import Endpoint, EndpointListener, EndpointSettings
from .stream.channel import Channel, Services
from .stream.state import EndReason
from .stream.stream import Stream
from .switch.link import Link, peer_is_trusted

logger = logging.getLogger(__name__)

DRAIN_S = 3.0  # for close handshakes and last events, when the engine is told to stop
YIELD_S = 0.002  # a worker with more channels than another leaves it this long to accept first


class Streams:
    """All streams of a worker; ready() gives those whose memory says that there is something to do."""

    def __init__(self) -> None:
        self._poller = Poller()

    def add(self, stream: Stream) -> None:
        self._poller.add(stream.memory, stream)

    def discard(self, stream: Stream) -> None:
        self._poller.remove(stream.memory)

    def due(self) -> list[Stream]:
        return self._poller.ready()


class Worker:
    def __init__(
        self, listener: socket.socket, *, board: LoadBoard | None = None, users: frozenset[int] | None = None
    ) -> None:
        """`listener`: a listening Unix socket, shared by all workers; `users`: uids that may connect, besides root."""
        self._listener = listener
        self._board = board
        self._users = users if users is not None else frozenset({os.getuid()})
        self._channels: set[Channel] = set()
        self._streams = Streams()
        self._stopping = asyncio.Event()
        self._settled = asyncio.Event()  # a channel has nothing left to do

    async def run(self) -> None:
        """Serve until stop() is called, then end every stream and return."""
        loop = asyncio.get_running_loop()
        executor = ThreadPoolExecutor(1, thread_name_prefix="audio-files")
        services = Services(
            make_endpoint=self._make_endpoint,
            executor=executor,
            streams=self._streams,
            forget=self._forget,
            settled=self._settled.set,
        )
        clock = MediaClock(loop, self._streams.due)
        self._services = services
        self._listener.setblocking(False)
        self._watch()
        clock.start()
        # What lives now lives for good: spare the collector from walking it at every full collection.
        gc.collect()
        gc.freeze()
        try:
            await self._stopping.wait()
        finally:
            loop.remove_reader(self._listener)
            clock.stop()
            await self._drain()
            executor.shutdown(wait=True)

    def stop(self) -> None:
        self._stopping.set()

    @property
    def channels(self) -> int:
        return len(self._channels)

    def _make_endpoint(self, settings: EndpointSettings, listener: EndpointListener) -> Endpoint:
        return Endpoint(settings, listener)

    # -- accepting

    def _watch(self) -> None:
        if not self._stopping.is_set():
            asyncio.get_running_loop().add_reader(self._listener, self._acceptable)

    def _acceptable(self) -> None:
        if self._board is not None and not self._board.least_loaded():
            # Another worker has fewer channels: it goes first. If it is busy, this one takes the call after all.
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener)
            loop.call_later(YIELD_S, self._accept_and_watch)
            return
        self._accept()

    def _accept_and_watch(self) -> None:
        if not self._stopping.is_set():
            self._accept()
            self._watch()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster
        except OSError as error:
            logger.error("cannot accept a channel: %s", error)
            return
        if not peer_is_trusted(sock, self._users):
            logger.warning("connection of another user refused")
            sock.close()
            return
        self._channels.add(Channel(Link(sock, asyncio.get_running_loop()), self._services))
        self._count()

    def _forget(self, channel: Channel) -> None:
        self._channels.discard(channel)
        self._count()

    def _count(self) -> None:
        if self._board is not None:
            self._board.publish(len(self._channels))

    # -- stopping

    async def _drain(self) -> None:
        """Close every WebSocket and let the last events out, then drop the links: the module waits for a new engine."""
        for channel in list(self._channels):
            channel.end_all(EndReason.ENGINE_EXIT)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while any(channel.stream_count for channel in self._channels):
                    self._settled.clear()
                    await self._settled.wait()
                for channel in list(self._channels):
                    await channel.link.flushed()
        for channel in list(self._channels):
            channel.link.close()


def run_worker(listener: socket.socket, board: LoadBoard | None, users: frozenset[int]) -> None:
    """The main function of a worker process; returns after SIGTERM, or the supervisor's end."""

    async def main() -> None:
        worker = Worker(listener, board=board, users=users)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, worker.stop)
        supervisor = multiprocessing.parent_process()
        if supervisor is not None:
            # A supervisor that was killed takes its workers with it: they hold its socket and its lock.
            loop.add_reader(supervisor.sentinel, worker.stop)
        await worker.run()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
