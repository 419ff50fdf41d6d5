"""Caller audio on its way out, 20 ms at 8 kHz to a message at 24 kHz."""

from __future__ import annotations

from collections.abc import Callable

import pybase64
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from mod_openai_realtime._media import Packetizer, Poller, StreamMemory, SwitchSide
from mod_openai_realtime.audio.capture import Capture
from mod_openai_realtime.audio.gate import Gate
from mod_openai_realtime.dialect.profiles import OPENAI
from mod_openai_realtime.realtime.deflate import deflate

RATE = 24000


def append_message(pcm: bytes) -> bytes:
    return OPENAI.append_head + pybase64.b64encode(pcm) + OPENAI.append_tail


def test_capture_turns_a_frame_into_a_message(
    benchmark: BenchmarkFixture, switch: SwitchSide, memory: StreamMemory, noise: Callable[[int, int], bytes]
) -> None:
    capture = Capture(Packetizer(memory), send_rate=RATE, channels=1, message_ms=20)
    frame = noise(8000, 20)

    def pass_frame() -> list[bytes]:
        switch.capture(frame, 8000)
        return capture.messages()

    assert [len(message) for message in benchmark(pass_frame)] == [RATE // 50 * 2]


def test_an_open_gate_takes_a_frame_from_the_ring_to_the_socket(
    benchmark: BenchmarkFixture, switch: SwitchSide, memory: StreamMemory, noise: Callable[[int, int], bytes]
) -> None:
    capture = Capture(Packetizer(memory), send_rate=RATE, channels=1, message_ms=20)
    frame = noise(8000, 20)
    switch.capture(frame, 8000)
    capture.messages()
    memory.watch((1 << 64) - 1, 0)
    sent = 0

    def send(opcode: int, buffer: bytearray, offset: int) -> None:
        nonlocal sent
        sent = len(buffer) - offset

    capture.packetizer.gate = Gate.OPEN
    capture.packetizer.set_way(send, 1, OPENAI.append_head, OPENAI.append_tail, pybase64.b64encode)
    poller = Poller()
    poller.add(memory, "stream", capture.packetizer)

    def pass_frame() -> list[str]:
        switch.capture(frame, 8000)
        return poller.ready()

    assert benchmark(pass_frame) == [] and sent == len(append_message(bytes(RATE // 50 * 2)))


def test_capture_with_nothing_to_read(benchmark: BenchmarkFixture, memory: StreamMemory) -> None:
    capture = Capture(Packetizer(memory), send_rate=RATE, channels=1, message_ms=20)
    assert benchmark(capture.messages) == []


@pytest.mark.parametrize("message_ms", [20, 100])
def test_base64_and_append_message(
    benchmark: BenchmarkFixture, noise: Callable[[int, int], bytes], message_ms: int
) -> None:
    pcm = noise(RATE, message_ms)
    message = benchmark(lambda: append_message(pcm))
    assert message.endswith(b'"}')


@pytest.mark.parametrize("message_ms", [20, 100])
def test_deflate_a_message(benchmark: BenchmarkFixture, noise: Callable[[int, int], bytes], message_ms: int) -> None:
    message = append_message(noise(RATE, message_ms))
    compressed = benchmark(deflate, message)
    assert compressed is not None and len(compressed) < len(message)
