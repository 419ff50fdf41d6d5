"""One worker process: accepts channels on the engine's socket, runs their streams until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .._media import Poller, StreamMemory
from ..accepting import Acceptor
from ..audio.file_quota import MAX_BYTES, FileQuota
from ..in_hand import NOBODYS, InHand
from ..observe.board import Board
from ..pilot.agent_door import AgentDoor
from ..realtime.endpoint import Endpoint, EndpointListener, EndpointSettings
from ..realtime.resolver import Resolver
from ..realtime.share import RoundRobin
from ..stream.state import EndReason
from ..stream.stream import Stream
from ..switch.channel import Channel
from ..switch.link import Link, Shared, peer_is_trusted
from ..switch.services import Services
from .deaths import Deaths
from .figures import Figures
from .media_clock import MediaClock, make_ticker, set_pace

logger = logging.getLogger(__name__)

DRAIN_S = 3.0  # for close handshakes and last events, when the engine is told to stop
PUBLISH_S = 1.0


@dataclass(frozen=True, slots=True)
class _Ticked:
    stream: Stream
    in_hand: InHand

    def tick(self) -> None:
        self.in_hand.run(self.stream.tick)


class Streams:
    """All streams of a worker; the poller gives those whose memory says that there is something to do."""

    def __init__(self, figures: Figures) -> None:
        self.poller = Poller()
        self.ticker = make_ticker(self.poller)
        self._figures = figures
        self._memories: dict[Stream, StreamMemory] = {}

    def add(self, stream: Stream, in_hand: InHand = NOBODYS) -> None:
        self._memories[stream] = stream.memory
        self.poller.add(stream.memory, _Ticked(stream, in_hand), stream.packetizer, stream.playout)
        set_pace(self.ticker, len(self._memories))

    def discard(self, stream: Stream) -> None:
        if self._memories.pop(stream, None) is not None:
            self.poller.remove(stream.memory)
            self._figures.stream_ended(stream.memory)
            set_pace(self.ticker, len(self._memories))

    def memories(self) -> list[StreamMemory]:
        return list(self._memories.values())


class Worker:
    def __init__(
        self,
        listener: socket.socket,
        *,
        board: Board,
        deaths: Deaths,
        users: frozenset[int],
        max_streams: int = 0,
        recordings_dirs: tuple[Path, ...] = (),
        agents: AgentDoor | None = None,
    ) -> None:
        """`listener`: a listening Unix socket, shared by all workers; `users`: uids that may connect, besides root.
        `recordings_dirs`: where recordings may lie, besides FreeSWITCH's own folder. `agents`: where hosts of agents
        come in; None: there are none."""
        self._listener = listener
        self._board = board
        self._deaths = deaths
        self._users = users
        self._max_streams = max_streams
        self._recordings_dirs = recordings_dirs
        self._agents = agents
        self._figures = Figures()
        self._channels: set[Channel] = set()
        self._streams = Streams(self._figures)
        self._resolver = Resolver()
        self._round_robin = RoundRobin()
        self._links = Shared(self._round_robin)
        self._stopping = asyncio.Event()
        self._settled = asyncio.Event()  # a channel has nothing left to do

    async def run(self) -> None:
        """Serve until stop() is called, then end every stream and return."""
        loop = asyncio.get_running_loop()
        executor = ThreadPoolExecutor(1, thread_name_prefix="audio-files")
        calls = await self._agents.open(loop, self._round_robin) if self._agents is not None else None
        services = Services(
            make_endpoint=self._make_endpoint,
            executor=executor,
            streams=self._streams,
            forget=self._forget,
            settled=self._settled.set,
            admit=self._admit,
            usage=self._figures.usage,
            later=loop.call_later,
            file_quota=FileQuota(MAX_BYTES // self._board.workers),
            recordings_dirs=self._recordings_dirs,
            agents=calls,
            in_hand=self._deaths.in_hand,
            is_deadly=self._deaths.were_enough,
        )
        clock = MediaClock(loop, self._streams.ticker)
        self._services = services
        # Where another worker has fewer channels, that one goes first.
        acceptor = Acceptor(self._listener, loop, self._accepted, my_turn=self._board.least_loaded, tell=logger.error)
        acceptor.start()
        clock.start()
        self._publish()
        # What lives now lives for good: spare the collector from walking it at every full collection.
        gc.collect()
        gc.freeze()
        try:
            await self._stopping.wait()
        finally:
            acceptor.stop()
            clock.stop()
            self._publishing.cancel()
            await self._drain()
            if self._agents is not None:
                self._agents.close()
            executor.shutdown(wait=True)

    def stop(self) -> None:
        self._stopping.set()

    def _publish(self) -> None:
        # First, so that figures that can't be published do not end it.
        self._publishing = asyncio.get_running_loop().call_later(PUBLISH_S, self._publish)
        streams = self._streams
        figures = self._figures.snapshot(len(self._channels), self._stream_count(), streams.memories(), streams.ticker)
        self._board.publish(figures)

    def _stream_count(self) -> int:
        return sum(channel.stream_count for channel in self._channels)

    def _admit(self) -> bool:
        """Whether one stream more is within the limit, over all workers; it counts from now on."""
        if self._max_streams == 0:
            return True
        own = self._stream_count()
        self._board.count_streams(own)
        if self._board.streams() >= self._max_streams:
            return False
        self._board.count_streams(own + 1)
        return True

    def _make_endpoint(self, settings: EndpointSettings, listener: EndpointListener, in_hand: InHand) -> Endpoint:
        return Endpoint(settings, listener, resolver=self._resolver, round_robin=self._round_robin, in_hand=in_hand)

    def _accepted(self, sock: socket.socket) -> None:
        if not peer_is_trusted(sock, self._users):
            logger.warning("connection of another user refused")
            sock.close()
            return
        self._channels.add(Channel(Link(sock, asyncio.get_running_loop(), self._links), self._services))
        self._board.count_channels(len(self._channels))

    def _forget(self, channel: Channel) -> None:
        self._channels.discard(channel)
        self._board.count_channels(len(self._channels))

    # -- stopping

    async def _drain(self) -> None:
        """Close every WebSocket and let the last events out, then drop the links: the module waits for a new engine."""
        for channel in list(self._channels):
            channel.end_all(EndReason.ENGINE_EXIT)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while any(channel.busy for channel in self._channels):
                    self._settled.clear()
                    await self._settled.wait()
                for channel in list(self._channels):
                    await channel.link.flushed()
        for channel in list(self._channels):
            channel.link.close()


def run_worker(
    listener: socket.socket,
    board: Board,
    deaths: Deaths,
    users: frozenset[int],
    max_streams: int,
    recordings_dirs: tuple[Path, ...],
    agents: AgentDoor | None = None,
) -> None:
    """The main function of a worker process; returns after SIGTERM."""

    async def main() -> None:
        worker = Worker(
            listener,
            board=board,
            deaths=deaths,
            users=users,
            max_streams=max_streams,
            recordings_dirs=recordings_dirs,
            agents=agents,
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        await worker.run()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main())


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop
