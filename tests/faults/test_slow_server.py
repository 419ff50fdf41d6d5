"""One server that reads nothing, or floods its stream, beside others of the same worker: these do not notice.

A real worker on a real socket, with WebSockets over TCP; the channels' frames are stepped by hand, between two ticks of
the worker's media clock never more than the worker has played ahead.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import itertools
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import numpy as np
import pytest
from link.switch import LinkSwitch
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from mod_openai_realtime._media import Ticker
from mod_openai_realtime.engine.deaths import Deaths
from mod_openai_realtime.engine.media_clock import TICK_NS
from mod_openai_realtime.engine.worker import Worker
from mod_openai_realtime.in_hand import InHand
from mod_openai_realtime.observe.board import Board
from mod_openai_realtime.realtime.endpoint import Endpoint, EndpointListener, EndpointSettings
from mod_openai_realtime.realtime.sending import CONGESTED_BYTES

RATE = 48000  # of channels and messages alike: bit for bit, and soon a lot of it
FRAME_BYTES = RATE // 50 * 2
BATCH = 8  # frames between two ticks: 160 ms
ANSWER_MS = 3000
FLOOD = 240  # messages of one second each; three minutes may wait to be played
LIMIT_S = 20
WARNING = 4


class Peer:
    """The far end of one stream."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.reads = asyncio.Event()
        self.reads.set()
        self.heard = bytearray()

    async def say(self, kind: str, **fields: object) -> None:
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def speak(self, pcm: bytes) -> None:
        delta = base64.b64encode(pcm).decode()
        await self.say("response.output_audio.delta", response_id="r", item_id="i", delta=delta)


class FarEnd:
    """All servers; `peers` by the path of their connection."""

    def __init__(self) -> None:
        self.peers: dict[str, Peer] = {}
        self.news = asyncio.Condition()

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        peer = self.peers[connection.request.path[1:]] = Peer(connection)
        await peer.say("session.created", session={})
        try:
            while True:
                await peer.reads.wait()
                message = json.loads(await connection.recv())
                if message["type"] == "input_audio_buffer.append":
                    peer.heard += base64.b64decode(message["audio"])
                async with self.news:
                    self.news.notify_all()
        except ConnectionClosed:
            return

    async def until(self, condition: Callable[[], object]) -> None:
        """Looked at whenever a server has heard something."""
        async with asyncio.timeout(LIMIT_S), self.news:
            await self.news.wait_for(condition)


class Ticks:
    """The worker's media clock, and whoever waits for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ticker: Ticker) -> None:
        self._loop = loop
        self._ticker = ticker
        self._now_ns = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._ticker.start(0)
        self._tick()

    def stop(self) -> None:
        assert self._timer is not None
        self._timer.cancel()

    def _tick(self) -> None:
        self._now_ns += TICK_NS
        self._ticker.tick(self._now_ns)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.set_result(None)
        self._timer = self._loop.call_later(TICK_NS / 1e9, self._tick)

    async def next(self) -> None:
        """Returns after a tick that began after the call."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        async with asyncio.timeout(LIMIT_S):
            await waiting


class WatchedWorker(Worker):
    """Keeps the endpoints that it has made, in the order of the streams."""

    endpoints: list[Endpoint]

    def _make_endpoint(self, settings: EndpointSettings, listener: EndpointListener, in_hand: InHand) -> Endpoint:
        endpoint = super()._make_endpoint(settings, listener, in_hand)
        self.endpoints.append(endpoint)
        return endpoint


class Call:
    """A channel with its one stream."""

    def __init__(self, number: int, name: str, switch: LinkSwitch, endpoint: Endpoint, peer: Peer) -> None:
        self.name, self.switch, self.endpoint, self.peer = name, switch, endpoint, peer
        self._noise = np.random.default_rng(number)
        self.said = bytearray()
        self.frames: list[bytes] = []

    def step(self, frames: int = BATCH) -> None:
        for _ in range(frames):
            said = self._noise.bytes(FRAME_BYTES)
            self.said += said
            sent = self.switch.frame(said)
            if sent is not None:
                self.frames.append(sent)

    def sound(self, ms: int) -> bytes:
        return self._noise.bytes(RATE * ms // 1000 * 2)

    def delivered(self) -> bool:
        """Whether the server has as much caller audio as was said."""
        return len(self.peer.heard) >= len(self.said)

    def warnings(self) -> list[str]:
        return [text for level, text in self.switch.log if level <= WARNING]

    async def told(self, kind: str) -> None:
        """Returns when the server's message of this type has come out as an event, and so has all before it."""
        wanted = f'"{kind}"'.encode()
        await self.switch.until(
            lambda: any(name == "json" and wanted in body for name, body in self.switch.events["default"])
        )


class Bench:
    def __init__(self, worker: WatchedWorker, path: Path, far: FarEnd, url: str, ticks: Ticks) -> None:
        self._worker, self._path, self._url = worker, path, url
        self.far, self.ticks = far, ticks
        self.switches: list[LinkSwitch] = []
        self.tasks: list[asyncio.Task[None]] = []

    def in_background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Ends with the test, if not before."""
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    async def call(self, name: str) -> Call:
        """A stream that is connected."""
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.connect(str(self._path))
        variables = {"STREAM_DISABLE_AUDIOFILES": "true", "STREAM_MESSAGE_DEFLATE": "true"}
        switch = LinkSwitch(link, uuid=name, read_rate=RATE, write_rate=RATE, variables=variables)
        self.switches.append(switch)
        assert await switch.api(f"start {self._url}/{name} mono {RATE} {RATE}") == "+OK Success"
        await switch.event("connect")
        call = Call(len(self.switches), name, switch, self._worker.endpoints[-1], self.far.peers[name])
        await call.told("session.created")
        return call

    async def converse(self, calls: list[Call]) -> None:
        """Each of these callers talks and is talked to for some seconds; raises AssertionError if a sample is lost."""
        answers = [call.sound(ANSWER_MS) for call in calls]
        step = len(answers[0]) // 30
        for at in range(0, len(answers[0]), step):
            for call, answer in zip(calls, answers, strict=True):
                await call.peer.speak(answer[at : at + step])
        for call in calls:
            await call.peer.say("all.said")
        for call in calls:
            await call.told("all.said")
            await call.peer.say("response.output_audio.done", response_id="r")
            await call.told("response.output_audio.done")
        while len(calls[0].frames) * FRAME_BYTES < len(answers[0]):
            await self.ticks.next()
            for call in calls:
                call.step()
        for call, answer in zip(calls, answers, strict=True):
            assert b"".join(call.frames)[: len(answer)] == answer, call.name
            await self.far.until(call.delivered)
            assert call.peer.heard == call.said, call.name
            assert call.warnings() == [], call.name


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    far = FarEnd()
    # A small window, which accepted connections inherit: a server that reads nothing is soon felt.
    port = socket.create_server(("127.0.0.1", 0))
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path = tmp_path / "engine.sock"
    listener.bind(str(path))
    listener.listen()
    board = Board(1)
    board.join(0)
    worker = WatchedWorker(listener, board=board, deaths=Deaths(1), users=frozenset({os.getuid()}))
    worker.endpoints = []
    ticks = Ticks(asyncio.get_running_loop(), worker._streams.ticker)
    monkeypatch.setattr("mod_openai_realtime.engine.worker.MediaClock", lambda loop, ticker: ticks)
    async with serve(far.handle, sock=port, compression=None, ping_interval=None, max_size=None):
        running = asyncio.create_task(worker.run())
        bench = Bench(worker, path, far, f"ws://127.0.0.1:{port.getsockname()[1]}", ticks)
        yield bench
        for task in bench.tasks:
            task.cancel()
        for peer in far.peers.values():
            peer.reads.set()
        worker.stop()
        await running
        gc.unfreeze()
        for switch in bench.switches:
            switch.close()
        listener.close()


async def test_a_server_that_reads_nothing_costs_its_own_stream_alone_and_that_recovers(bench: Bench) -> None:
    others = [await bench.call("first"), await bench.call("second")]
    stalled = await bench.call("stalled")
    stalled.peer.reads.clear()
    while not stalled.warnings():
        assert len(stalled.said) < 16 << 20, "more than the kernel takes, and no warning"
        await bench.ticks.next()
        stalled.step()
    for _ in range(20):
        await bench.ticks.next()
        stalled.step()
    kept = stalled.endpoint.buffered_bytes
    assert CONGESTED_BYTES < kept <= CONGESTED_BYTES + 2 * FRAME_BYTES
    await bench.converse(others)
    assert stalled.endpoint.buffered_bytes == kept
    assert stalled.warnings() == [
        "openai_audio_stream default: the network takes no more audio: the caller's is dropped"
    ]

    stalled.peer.reads.set()
    await bench.far.until(lambda: stalled.endpoint.buffered_bytes == 0)
    lost_until = len(stalled.said)
    for _ in range(10):
        await bench.ticks.next()
        stalled.step()
    fresh = bytes(stalled.said[lost_until:])
    await bench.far.until(lambda: stalled.peer.heard.endswith(fresh))
    before = stalled.peer.heard.removesuffix(fresh)
    assert len(before) < lost_until
    assert stalled.said.startswith(before)
    assert len(stalled.warnings()) == 1


async def test_a_server_that_floods_costs_its_own_stream_alone(bench: Bench) -> None:
    others = [await bench.call("first"), await bench.call("second")]
    flooded = await bench.call("flooded")
    second = flooded.sound(1000)
    sent = 0

    async def flood() -> None:
        nonlocal sent
        for number in itertools.count():
            await flooded.peer.speak(second)
            await flooded.peer.say("flood", number=number)
            sent = number

    flooding = bench.in_background(flood())
    await flooded.told("flood")
    begun = sent
    await bench.converse(others)
    assert sent > begun, "it did not go on meanwhile"
    await flooded.switch.until(lambda: len(flooded.switch.events["default"]) > FLOOD)
    full = "too much audio is waiting to be played: the newest is dropped"
    assert flooded.warnings() == [f"openai_audio_stream default: {full}"]
    # Full as it is, it goes on, with nothing out of order.
    for _ in range(20):
        await bench.ticks.next()
        flooded.step()
    flooding.cancel()
    await asyncio.wait([flooding])
    heard = b"".join(flooded.frames)
    assert len(heard) == 20 * BATCH * FRAME_BYTES
    assert (second * 4).startswith(heard)
    await bench.far.until(flooded.delivered)
    assert flooded.peer.heard == flooded.said
    bodies = [json.loads(body) for name, body in flooded.switch.events["default"] if name == "json"]
    numbers = [body["number"] for body in bodies if body["type"] == "flood"]
    # In order; none is missing of those that a stream may tell of at once.
    assert numbers == sorted(set(numbers))
    assert numbers[:FLOOD] == list(range(FLOOD))
