"""One frame of 20 ms through the shared memory, from Python: a call into C is most of it."""

from __future__ import annotations

from collections.abc import Callable

from pytest_benchmark.fixture import BenchmarkFixture

from mod_openai_realtime._media import Packetizer, StreamMemory, SwitchSide

RATE = 8000


def test_capture_ring_write_and_read(
    benchmark: BenchmarkFixture, switch: SwitchSide, memory: StreamMemory, noise: Callable[[int, int], bytes]
) -> None:
    frame, reader = noise(RATE, 20), Packetizer(memory)

    def pass_frame() -> tuple[bytes, int, int, int, int] | None:
        switch.capture(frame, RATE)
        return reader.read()

    got = benchmark(pass_frame)
    assert got is not None and got[0] == frame


def test_capture_ring_found_empty(benchmark: BenchmarkFixture, memory: StreamMemory) -> None:
    assert benchmark(Packetizer(memory).read) is None


def test_playback_ring_write_and_read(
    benchmark: BenchmarkFixture, switch: SwitchSide, memory: StreamMemory, noise: Callable[[int, int], bytes]
) -> None:
    frame = noise(RATE, 20)
    memory.discard_playback(RATE)

    def pass_frame() -> bytes | None:
        memory.write_playback(frame)
        return switch.playback(len(frame) // 2, RATE)

    assert benchmark(pass_frame) == frame
