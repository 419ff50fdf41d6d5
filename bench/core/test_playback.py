"""Agent audio on its way in: a delta of 24 kHz, and the ring of a channel at 8 kHz."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from itertools import count

import pybase64
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide
from mod_openai_realtime.audio.playback import Playback
from mod_openai_realtime.dialect.messages import Kind, classify, decode_strictly
from mod_openai_realtime.dialect.profiles import OPENAI
from mod_openai_realtime.realtime.deflate import Agreement, Inflater

RATE = 24000
LIMIT_BYTES = 8 << 20


def delta(pcm: bytes) -> bytes:
    fields = {
        "type": "response.output_audio.delta",
        "event_id": "event_000000000000000000000",
        "response_id": "resp_000000000000000000000",
        "item_id": "item_000000000000000000000",
        "output_index": 0,
        "content_index": 0,
        "delta": pybase64.b64encode(pcm).decode(),
    }
    return json.dumps(fields, separators=(",", ":")).encode()


@pytest.mark.parametrize("delta_ms", [20, 200])
def test_parse_and_decode_a_delta(
    benchmark: BenchmarkFixture, noise: Callable[[int, int], bytes], delta_ms: int
) -> None:
    pcm = noise(RATE, delta_ms)
    message = benchmark(classify, delta(pcm))
    assert message.kind is Kind.AUDIO_DELTA and message.audio == pcm


def test_inflate_a_delta(benchmark: BenchmarkFixture, noise: Callable[[int, int], bytes]) -> None:
    message = delta(noise(RATE, 200))
    stream = zlib.compressobj(wbits=-15)
    compressed = (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]
    inflater = Inflater(Agreement(), LIMIT_BYTES)

    def inflate() -> bytes:
        inflater.feed(compressed, end=True)
        pieces = []
        while inflater.pending:
            pieces.append(inflater.step())
        return b"".join(pieces)

    assert benchmark(inflate) == message


def test_playback_of_200_ms(
    benchmark: BenchmarkFixture, switch: SwitchSide, memory: StreamMemory, noise: Callable[[int, int], bytes]
) -> None:
    """A delta is fed, then twenty ticks with a frame taken at every second: all that 200 ms of a call cost."""
    playback = Playback(memory, playback_rate=RATE, write_rate=8000)
    poller = Poller()
    poller.add(memory, playback, None, playback.playout)
    pcm = noise(RATE, 200)
    for _ in range(2):
        playback.feed(pcm, "response")

    def pass_delta() -> int:
        playback.feed(pcm, "response")
        taken = 0
        for tick in range(20):
            for due in poller.ready():
                due.tick()
                memory.watch(*due.next_due())
            if tick % 2:
                taken += len(switch.playback(160, 8000) or b"")
        return taken

    assert benchmark(pass_delta) == 200 * 8 * 2


def test_feed_a_delta_of_the_part(
    benchmark: BenchmarkFixture, switch: SwitchSide, memory: StreamMemory, noise: Callable[[int, int], bytes]
) -> None:
    """From the WebSocket's buffer into the ring: found, decoded, queued and resampled."""
    playback = Playback(memory, playback_rate=RATE, write_rate=8000)
    pcm = noise(RATE, 200)
    message = memoryview(delta(pcm))
    playback.feed(pcm, "resp_000000000000000000000")
    ids = "resp_000000000000000000000", "item_000000000000000000000"
    playback.playout.set_part(decode_strictly, OPENAI.audio_names, *ids, 0, playback.most_queued, None)

    def take_200_ms() -> None:
        for _ in range(10):
            switch.playback(160, 8000)

    assert benchmark.pedantic(  # type: ignore[no-untyped-call]
        playback.playout.feed_message, (message,), setup=take_200_ms, rounds=2000
    )


def test_playback_tick_with_nothing_to_do(benchmark: BenchmarkFixture, memory: StreamMemory) -> None:
    playback = Playback(memory, playback_rate=RATE, write_rate=8000)
    assert benchmark(playback.tick) == []


def test_barge_in(
    benchmark: BenchmarkFixture, switch: SwitchSide, memory: StreamMemory, noise: Callable[[int, int], bytes]
) -> None:
    pcm = noise(RATE, 200)
    numbers = count()
    # A second goes by between two responses: so many may begin in the long run.
    playback = Playback(memory, playback_rate=RATE, write_rate=8000, clock=lambda: 10**9 * next(numbers))

    def fill() -> None:
        playback.feed(pcm, f"response {next(numbers)}")
        playback.tick()
        switch.playback(160, 8000)
        playback.interrupted()
        playback.cut_short()

    benchmark.pedantic(playback.barge_in, setup=fill, rounds=2000)  # type: ignore[no-untyped-call]
    assert playback.idle
