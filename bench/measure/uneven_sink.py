"""A far end whose audio comes as servers and networks bring it: in bursts, in trickles, with gaps.

A process of its own, as sink.py.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from multiprocessing.connection import Connection

import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from . import audio
from .child import Child

TICK_S = 0.01
AHEAD_MS = 600  # of a server that sends in real time
BURST_MS = 30_000
BURST_BEFORE_MS = 2000  # the next burst comes when so much of the last is left
GAP_MS = 400
GAP_EVERY_MS = 2000


def in_bursts(elapsed_ms: float, sent_ms: int, number: int) -> int:
    """How much audio shall have been sent by now. The first burst differs, so that streams take turns afterwards."""
    if sent_ms == 0:
        return 5000 + number * 7 * 400 % (BURST_MS - 5000)
    return sent_ms + BURST_MS if sent_ms - elapsed_ms < BURST_BEFORE_MS else sent_ms


def in_trickles(elapsed_ms: float, sent_ms: int, number: int) -> int:
    return int(elapsed_ms) + AHEAD_MS


def with_gaps(elapsed_ms: float, sent_ms: int, number: int) -> int:
    """Nothing for a while, and then all that there would have been."""
    in_gap = (elapsed_ms + number * 37) % GAP_EVERY_MS < GAP_MS and elapsed_ms > GAP_EVERY_MS
    return sent_ms if in_gap else int(elapsed_ms) + AHEAD_MS


# By the path of the connection: what is due, and the length of a message in ms.
PATTERNS: dict[str, tuple[Callable[[float, int, int], int], int]] = {
    "bursts": (in_bursts, 200),
    "trickles": (in_trickles, 5),
    "gaps": (with_gaps, 100),
}


class _Stream(WSListener):
    def __init__(self, joined: Callable[[_Stream], None], pattern: str, number: int) -> None:
        self._joined = joined
        self._number = number
        self._due, self.piece_ms = PATTERNS[pattern]
        self.messages: list[bytes] = []
        self._transport: WSTransport | None = None
        self._begun = 0.0
        self._sent_ms = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._begun = asyncio.get_running_loop().time()
        self._joined(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    def send_due(self, now: float) -> None:
        if self._transport is None:
            return
        due_ms = self._due((now - self._begun) * 1000, self._sent_ms, self._number)
        while self._sent_ms < due_ms:
            message = self.messages[self._sent_ms // self.piece_ms % len(self.messages)]
            self._transport.send(WSMsgType.TEXT, message)
            self._sent_ms += self.piece_ms


class _Sink:
    def __init__(self, rate: int) -> None:
        self._streams: list[_Stream] = []
        self._messages = {piece_ms: audio.deltas(rate, piece_ms) for _, piece_ms in PATTERNS.values()}

    def accept(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        stream = _Stream(self._joined, request.path.decode()[1:], len(self._streams))
        stream.messages = self._messages[stream.piece_ms]
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response({}), stream)

    def _joined(self, stream: _Stream) -> None:
        self._streams.append(stream)

    def tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for stream in self._streams:
            stream.send_due(now)
        loop.call_at(now + TICK_S, self.tick)


def _run(rate: int, owner: Connection) -> None:
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # as sink.py, and for its reasons

    async def main() -> None:
        sink = _Sink(rate)
        server = await ws_create_server(sink.accept, "127.0.0.1", 0, backlog=1024)
        sink.tick()
        owner.send(server.sockets[0].getsockname()[1])
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(owner.fileno(), ended.set)
        await ended.wait()
        server.close()

    with asyncio.Runner(loop_factory=uvloop.Loop) as runner:
        runner.run(main())


class UnevenSink(Child):
    """The sink in its process."""

    def __init__(self, rate: int) -> None:
        super().__init__(_run, rate)
        self._port: int = self.hear()

    def url(self, pattern: str) -> str:
        return f"ws://127.0.0.1:{self._port}/{pattern}"
