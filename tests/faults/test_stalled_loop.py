"""An event loop that stalls, over and over, under 150 streams of one worker: nobody hears it.

The streams, the media clock and the shared memory are the product's. Time is simulated: the loop's timers run late by
as long as it stalls, the media threads never do.
"""

from __future__ import annotations

import base64
import heapq
import itertools
import json
import random
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import numpy as np
import pytest
from timers import Timer, Timers

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.resampling import make_resampler
from mod_openai_realtime.engine.figures import Figures
from mod_openai_realtime.engine.media_clock import TICK_NS
from mod_openai_realtime.engine.worker import Streams
from mod_openai_realtime.realtime.endpoint import EndpointSettings
from mod_openai_realtime.realtime.sending import TEXT
from mod_openai_realtime.stream.settings import Settings
from mod_openai_realtime.stream.state import EndReason
from mod_openai_realtime.stream.stream import Stream
from mod_openai_realtime.stream.stream_plan import StreamPlan
from mod_openai_realtime.switch.channel_facts import ChannelFacts
from mod_openai_realtime.switch.command import Start
from mod_openai_realtime.switch.stream_verbs import parse_command

STREAMS = 150
SECONDS = 6
FRAME_US = 20_000
TICK_US = TICK_NS // 1000
STALL_US = 100_000
RATE = 8000  # of the channels, and of every message out
AHEAD_MS = 600  # how far a server that sends in real time keeps ahead of it
ANSWER_MS = 30_000
BEGIN_US = 500_000


class Simulation:
    """Things happen in the order of their times, in microseconds."""

    def __init__(self) -> None:
        self.now_us = 0
        self.stalled_until_us = 0
        self._order = itertools.count()
        self._due: list[tuple[int, int, bool, Callable[..., None], tuple[Any, ...]]] = []

    def at(self, time_us: int, function: Callable[..., None], *arguments: Any, on_loop: bool = True) -> None:
        """`on_loop`: it is the event loop's to do, and waits while that is stalled."""
        heapq.heappush(self._due, (time_us, next(self._order), on_loop, function, arguments))

    def stall(self, duration_us: int) -> None:
        self.stalled_until_us = self.now_us + duration_us

    def run(self, until_us: int) -> None:
        while self._due[0][0] < until_us:
            time_us, _, on_loop, function, arguments = heapq.heappop(self._due)
            self.now_us = time_us
            if on_loop and time_us < self.stalled_until_us:
                self.at(self.stalled_until_us, function, *arguments)
            else:
                function(*arguments)


class Server:
    """The far end of one stream, in memory: it stands where the connection would."""

    def __init__(self, *_: object) -> None:
        self.connected = True
        self.buffered_bytes = 0
        self.server, self.peer = 0, "h:80"
        self.heard: list[bytes] = []

    def start(self) -> None: ...

    def stop(self, code: int, reason: str) -> None: ...

    def send_text(self, payload: bytes | bytearray) -> bool:
        message = json.loads(payload)
        if message["type"] == "input_audio_buffer.append":
            self.heard.append(base64.b64decode(message["audio"]))
        return True

    def send_buffer(self, opcode: int, buffer: bytearray, offset: int) -> None:
        assert opcode == TEXT
        self.send_text(buffer[offset:])


class Owner:
    """What streams tell their channel of is of no interest, but for an error's sake."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def event(self, subclass: str, body: bytes) -> None: ...

    def log(self, level: int, text: str) -> None:
        if level <= 4:
            self.warnings.append(text)

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return Timers().later(delay_s, function)

    def keep(self, kept: bytes) -> None: ...
    def stream_ended(self, stream: Stream, reason: EndReason) -> None: ...


class Call:
    """One channel with its stream: what it hears and what it says are both known to the sample."""

    def __init__(self, simulation: Simulation, number: int, rate: int) -> None:
        self._simulation = simulation
        self._noise = np.random.default_rng(number)
        self.rate = rate
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        self.owner = Owner()
        start = parse_command(f"start ws://server/ mono {RATE} {rate}")
        assert isinstance(start, Start)
        settings, _ = Settings.read({"STREAM_DISABLE_AUDIOFILES": "true", "STREAM_SUPPRESS_LOG": "true"}, raw_api=False)
        facts = ChannelFacts(RATE, RATE, 20)
        make: Any = Server
        owner: Any = self.owner
        endpoint = EndpointSettings(uri="ws://server/")
        plan = StreamPlan(1, start, settings, endpoint, facts, str(number))
        self.stream = Stream(plan, self.memory, owner, make)
        self.stream.start()
        self.stream.on_connected()
        self.stream.on_text(b'{"type":"session.created","session":{}}')
        self.answer = self._sound(ANSWER_MS * rate // 1000)
        self.said: list[bytes] = []
        self.frames: list[bytes | None] = []
        self.newest = b"", 0
        """The last frame that did not run short, and the samples played by then."""

    @property
    def server(self) -> Server:
        server: Any = self.stream._endpoint._endpoint
        assert isinstance(server, Server)
        return server

    def step(self) -> None:
        """The media thread: a frame each way."""
        said = self._sound(RATE // 50)
        self.said.append(said)
        self.switch.capture(said, RATE)
        underruns = self.memory.underruns
        frame = self.switch.playback(RATE // 50, RATE)
        self.frames.append(frame)
        if frame is not None and self.memory.underruns == underruns:
            self.newest = frame, self.memory.played_samples
        self._simulation.at(self._simulation.now_us + FRAME_US, self.step, on_loop=False)

    def _sound(self, samples: int) -> bytes:
        """Noise: a sample that is missing, repeated or moved shows."""
        return self._noise.bytes(2 * samples)

    def tell(self, from_ms: int, to_ms: int) -> None:
        """The server's message with this part of the answer arrives."""
        pcm = self.answer[from_ms * self.rate // 500 : to_ms * self.rate // 500]
        delta = base64.b64encode(pcm).decode()
        message = {"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": delta}
        self.stream.on_text(json.dumps(message).encode())

    def heard(self) -> bytes:
        """From the first frame of agent audio on."""
        first = next(number for number, frame in enumerate(self.frames) if frame is not None)
        return b"".join(frame or b"gap" for frame in self.frames[first:])

    def due(self) -> bytes:
        """What has to be heard, however it came."""
        resampler = make_resampler(self.rate, RATE, aligned=True)
        return self.answer if resampler is None else resampler.process(self.answer) + resampler.flush()


# How audio arrives: each gives (time in us, from ms, to ms).


def in_one_burst(rng: random.Random) -> list[tuple[int, int, int]]:
    return [(BEGIN_US + rng.randrange(500_000), 0, ANSWER_MS)]


def in_trickles(rng: random.Random, piece_ms: int = 5) -> list[tuple[int, int, int]]:
    begin = BEGIN_US + rng.randrange(500_000)
    pieces = range(0, SECONDS * 1000 + AHEAD_MS, piece_ms)
    return [(begin + max(0, at - AHEAD_MS) * 1000, at, at + piece_ms) for at in pieces]


def with_network_gaps(rng: random.Random) -> list[tuple[int, int, int]]:
    """Every second or so nothing comes for 400 ms, and then all of it at once."""
    arrivals = []
    gap_begin = 0
    for time_us, begin, end in in_trickles(rng, 40):
        if time_us > gap_begin + 400_000:
            gap_begin = time_us + rng.randrange(500_000, 1_500_000)
        late = gap_begin <= time_us <= gap_begin + 400_000
        arrivals.append((gap_begin + 400_000 if late else time_us, begin, end))
    return arrivals


PATTERNS = (in_one_burst, in_trickles, with_network_gaps)


class Load:
    """150 calls in one worker, with every way of arrival and two rates; a context manager."""

    def __init__(self, stall_us: int, seed: int = 7) -> None:
        self._rng = random.Random(seed)
        self._stall_us = stall_us
        self._simulation = simulation = Simulation()
        self._streams = Streams(Figures())
        self.calls = [Call(simulation, number, (RATE, 24000)[number % 2]) for number in range(STREAMS)]
        for number, call in enumerate(self.calls):
            self._streams.add(call.stream)
            simulation.at(self._rng.randrange(FRAME_US), call.step, on_loop=False)
            for time_us, begin_ms, end_ms in PATTERNS[number % len(PATTERNS)](self._rng):
                simulation.at(time_us, call.tell, begin_ms, end_ms)
        self.ticker = self._streams.ticker

    def __enter__(self) -> Load:
        self.ticker.start(0)
        self._simulation.at(TICK_US, self._tick)
        if self._stall_us:
            self._next_stall()
        self._simulation.run(SECONDS * 1_000_000)
        # What the caller has said goes out, whatever the loop was just doing.
        self._simulation.stalled_until_us = 0
        self.ticker.tick(self._simulation.now_us * 1000)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for call in self.calls:
            self._streams.discard(call.stream)
            call.stream.stop()
            call.memory.close()

    def _tick(self) -> None:
        self._simulation.at(self.ticker.tick(self._simulation.now_us * 1000) // 1000, self._tick)

    def _next_stall(self) -> None:
        simulation = self._simulation
        simulation.stall(self._stall_us)
        pause_us = self._rng.randrange(2 * TICK_US, 1_000_000)
        simulation.at(simulation.now_us + self._stall_us + pause_us, self._next_stall, on_loop=False)


@pytest.fixture(scope="module")
def stalled() -> Iterator[Load]:
    with Load(STALL_US) as load:
        yield load


def test_ticks_were_withheld(stalled: Load) -> None:
    assert stalled.ticker.missed_ticks >= 5 * SECONDS


def test_no_channel_runs_short(stalled: Load) -> None:
    assert [call.memory.underruns for call in stalled.calls] == [0] * STREAMS
    assert [call.memory.faults for call in stalled.calls] == [0] * STREAMS


def test_every_caller_hears_the_answer_sample_for_sample(stalled: Load) -> None:
    for number, call in enumerate(stalled.calls):
        heard = call.heard()
        assert len(heard) >= (SECONDS - 2) * RATE * 2
        assert heard == call.due()[: len(heard)], f"call {number}"


def test_every_server_hears_its_caller_sample_for_sample(stalled: Load) -> None:
    for number, call in enumerate(stalled.calls):
        assert b"".join(call.server.heard) == b"".join(call.said), f"call {number}"
        assert call.memory.capture_dropped == 0


def test_nobody_is_warned(stalled: Load) -> None:
    assert [text for call in stalled.calls for text in call.owner.warnings] == []


def test_a_stall_beyond_what_is_played_ahead_is_counted_and_nothing_is_left_out() -> None:
    with Load(STALL_US * 4) as load:
        assert any(call.memory.underruns for call in load.calls)
        for call in load.calls:
            memory = call.memory
            assert len(call.heard()) == 2 * (memory.played_samples + memory.underrun_samples)
            frame, played = call.newest
            assert call.due()[2 * played - len(frame) : 2 * played] == frame
