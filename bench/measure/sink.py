"""The far end of every stream: answers with audio without end, counts what it gets.

It knows as little as will do, so that it takes little of the machine under test: the size of caller audio follows from
the size of its message, the agent's messages are made once.
"""

from __future__ import annotations

import asyncio
import ssl
import time
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pybase64
from isal import isal_zlib
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
from .certificates import Certificates

PROBE_PATH = "/probe"
TICK_MS = 10
LEAD_DELTAS = 2  # sent at once, so that the agent stays this far ahead of real time
BURST_S = 0.53  # no multiple of any packet time: bursts meet every phase of the probe's
BURST_MS = 100
LOUD = 3000
_HEAD = b'{"type":"input_audio_buffer.append","audio":"'
_TAIL_BYTES = 2
_INFLATE_TAIL = b"\0\0\xff\xff"


@dataclass(frozen=True)
class SinkSettings:
    """Without certificates it is plain TCP. `rate` in Hz. `own_clock`: nothing that comes wakes it, see own_clock.py;
    its times are then up to a millisecond late."""

    certificates: Certificates | None
    deflate: bool
    rate: int
    delta_ms: int
    own_clock: bool = False


@dataclass(frozen=True)
class SinkCounts:
    """Since its start: decoded bytes of caller audio of each stream in the order of their connecting, without the
    probe; times of the probe's marks as they arrived and of bursts as they were sent. Times are of CLOCK_MONOTONIC.

    Since the last reset_gaps(): the longest time from one message of caller audio to the next of the same stream, of
    all streams but the probe; and how late the sink's own clock was at worst, which such a time can have in it.
    """

    at_ns: int
    audio_bytes: list[int]
    open_connections: int
    marks_ns: list[int]
    bursts_ns: list[int]
    longest_gap_ns: int
    longest_late_ms: int


class Stream(WSListener):
    def __init__(self, sink: Sink, deflated: bool) -> None:
        self._sink = sink
        self._inflater = isal_zlib.decompressobj(-15) if deflated else None
        self.transport: WSTransport | None = None
        self.audio_bytes = 0
        self.next_delta = 0
        self._last_ns = time.monotonic_ns()
        self._longest_gap_ns = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self._sink.joined(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.transport = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.transport = None  # nothing may be sent after the answer
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        if frame.rsv1 and self._inflater is not None:
            payload = self._inflater.decompress(payload + _INFLATE_TAIL)
        if payload.startswith(_HEAD):
            now = time.monotonic_ns()
            self._longest_gap_ns = max(self._longest_gap_ns, now - self._last_ns)
            self._last_ns = now
            text = len(payload) - len(_HEAD) - _TAIL_BYTES
            self.audio_bytes += text // 4 * 3 - payload.count(b"=", -4)
            self.heard(payload)

    def heard(self, payload: bytes) -> None:
        """Of a stream that is not the probe nothing more is wanted."""

    def longest_gap_ns(self) -> int:
        """Of the ended ones and the one that lasts."""
        return max(self._longest_gap_ns, time.monotonic_ns() - self._last_ns)

    def reset_gap(self) -> None:
        self._longest_gap_ns = 0

    def say(self, message: bytes, compressed: bool = False) -> None:
        if self.transport is not None:
            self.transport.send(WSMsgType.TEXT, message, True, compressed)


class Probe(Stream):
    """Tells when a loud message comes after a quiet one, and is loud itself now and then."""

    def __init__(self, sink: Sink, deflated: bool, rate: int) -> None:
        super().__init__(sink, deflated)
        self._burst = audio.speech(rate)[: rate * BURST_MS // 1000 * 2]
        self._loud = False
        self.marks_ns: list[int] = []
        self.bursts_ns: list[int] = []

    def heard(self, payload: bytes) -> None:
        now = time.monotonic_ns()
        pcm = np.frombuffer(pybase64.b64decode(payload[len(_HEAD) : -_TAIL_BYTES]), "<i2")
        loud = bool(np.abs(pcm).max(initial=0) > LOUD)
        if loud and not self._loud:
            self.marks_ns.append(now)
        self._loud = loud

    def burst(self) -> None:
        if self.transport is None:
            return
        response = f"resp_{len(self.bursts_ns)}"
        message = audio.delta(self._burst, response)
        self.bursts_ns.append(time.monotonic_ns())
        self.say(message)
        self.say(audio.done(response))
        asyncio.get_running_loop().call_later(BURST_S, self.burst)


class Sink:
    def __init__(self, settings: SinkSettings) -> None:
        self._settings = settings
        self._streams: list[Stream] = []
        self._probe: Probe | None = None
        self._slots: list[list[Stream]] = [[] for _ in range(settings.delta_ms // TICK_MS)]
        messages = audio.deltas(settings.rate, settings.delta_ms)
        self._plain = messages
        self._deflated = [deflated(message) for message in messages]
        self._tick = 0
        self._started = 0.0
        self._longest_late_ms = 0

    async def serve(self) -> tuple[asyncio.Server, int]:
        context = None
        options: dict[str, Any] = {}
        if self._settings.certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._settings.certificates.chain, self._settings.certificates.key)
            options = {"ssl_incoming_bio_size": 1 << 16, "ssl_outgoing_bio_size": 1 << 16}
        server = await ws_create_server(
            self._accept, "127.0.0.1", 0, ssl=context, backlog=1024, use_aiofastnet=True, **options
        )
        loop = asyncio.get_running_loop()
        self._started = loop.time()
        loop.call_later(TICK_MS / 1000, self._on_tick)
        return server, server.sockets[0].getsockname()[1]

    def _accept(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        offered = request.headers.get("Sec-WebSocket-Extensions", "")
        deflated = self._settings.deflate and "permessage-deflate" in offered
        headers = {"Sec-WebSocket-Extensions": "permessage-deflate"} if deflated else {}
        if request.path.decode().startswith(PROBE_PATH):
            self._probe = Probe(self, deflated, self._settings.rate)
            stream: Stream = self._probe
        else:
            stream = self.new_stream(deflated)
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(headers), stream)

    def new_stream(self, deflated: bool) -> Stream:
        return Stream(self, deflated)

    def joined(self, stream: Stream) -> None:
        if isinstance(stream, Probe):
            asyncio.get_running_loop().call_later(BURST_S, stream.burst)
            return
        # Streams take turns: their messages do not all come at the same moment.
        self._slots[len(self._streams) % len(self._slots)].append(stream)
        self._streams.append(stream)
        for _ in range(LEAD_DELTAS):
            self._say_next(stream)

    def _say_next(self, stream: Stream) -> None:
        index = stream.next_delta % len(self._plain)
        stream.next_delta += 1
        if self._settings.deflate:
            stream.say(self._deflated[index], True)
        else:
            stream.say(self._plain[index])

    def _on_tick(self) -> None:
        loop = asyncio.get_running_loop()
        # In whole milliseconds, as uvloop's clock goes: a time a little short of them would ask for the same tick at
        # once, over and over, until the clock goes on.
        since_ms = round((loop.time() - self._started) * 1000)
        self._longest_late_ms = max(self._longest_late_ms, since_ms - (self._tick + 1) * TICK_MS)
        due = since_ms // TICK_MS
        while self._tick < due:
            self._tick += 1
            for stream in self._slots[self._tick % len(self._slots)]:
                self._say_next(stream)
        loop.call_at(self._started + (due + 1) * TICK_MS / 1000, self._on_tick)

    def counts(self) -> SinkCounts:
        probe = self._probe
        return SinkCounts(
            at_ns=time.monotonic_ns(),
            audio_bytes=[stream.audio_bytes for stream in self._streams],
            open_connections=sum(stream.transport is not None for stream in self._streams),
            marks_ns=list(probe.marks_ns) if probe else [],
            bursts_ns=list(probe.bursts_ns) if probe else [],
            longest_gap_ns=max((stream.longest_gap_ns() for stream in self._streams), default=0),
            longest_late_ms=self._longest_late_ms,
        )

    def reset_gaps(self) -> None:
        self._longest_late_ms = 0
        for stream in self._streams:
            stream.reset_gap()


def deflated(message: bytes) -> bytes:
    """As the payload of a frame that refers to none before it."""
    stream = zlib.compressobj(wbits=-15)
    compressed: bytes = stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH)
    return compressed[: -len(_INFLATE_TAIL)]
