"""What the extension made goes, with all that it was given and all that it made, also where it refuses or fails."""

from __future__ import annotations

import binascii
import contextlib
import gc
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from mod_openai_realtime._media import (
    Framing,
    Packetizer,
    Playout,
    Poller,
    Resampler,
    StreamMemory,
    SwitchSide,
    Ticker,
    g711_decode,
    g711_encode,
    is_json,
    json_shape,
    look_back,
    voice,
)
from mod_openai_realtime.audio.gate import Gate

LIVES = 20
RATE = 8000
MS = 1_000_000
BANK = bytes(16 * 2 * 2)
"""Of a resampler that doubles the rate."""


class Given:
    """Stands for whatever a test hands over: each life has another, so that what is kept of it shows."""


def refused(call: Callable[..., object], *arguments: object) -> None:
    with contextlib.suppress(ValueError, TypeError, OverflowError, IndexError, OSError, RuntimeError):
        call(*arguments)
        raise AssertionError(f"{call} takes {arguments}")


def fresh(text: str) -> str:
    return "".join([text, "!"])


def pcm(size: int = 320) -> bytes:
    return bytes(bytearray(size))


def fail(*_: object) -> None:
    raise OSError(fresh("no way"))


def live_stream() -> None:
    switch = SwitchSide(played_slots=8)
    memory = StreamMemory(switch.fd)
    refused(memory.__init__, switch.fd)  # type: ignore[misc]
    refused(SwitchSide.__init__, switch)
    refused(StreamMemory, switch)
    refused(StreamMemory, -1)
    memory.discard_playback(RATE)
    memory.write_playback(pcm(3200))
    refused(memory.write_playback, bytearray(3))
    refused(memory.write_playback, memoryview(bytearray(9))[1:])
    for _ in range(3):
        switch.playback(160, RATE, 1 << 40)
    refused(switch.playback, 1 << 20, RATE)
    while memory.read_played():
        pass
    memory.unplayed(0)
    memory.watch(1 << 40, RATE)
    memory.set_word(0, 1 << 40)
    memory.get_word(0)
    for name in dir(StreamMemory):
        getattr(memory, name)
    switch.capture(bytearray(320), RATE, 1, 1 << 40)
    switch.capture(bytearray(320), RATE, 1, 2 << 40)
    look_back(memory, 0)
    refused(look_back, Given(), 0)
    other = StreamMemory(switch.fd)
    other.close()
    look_back(other, 0)
    refused(other.unplayed, 0)


def live_poller() -> None:
    poller = Poller()
    memories = []
    switch = SwitchSide()
    for _ in range(40):
        memory = StreamMemory(switch.fd)
        poller.add(memory, Given(), Packetizer(memory), Playout(memory, 20, 40))
        memories.append(memory)
    refused(poller.add, memories[0], Given(), Given(), Given())
    for memory in memories[::2]:
        poller.remove(memory)
    assert len(poller.ready()) == len(poller) == 20


def live_playout() -> None:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    memory.discard_playback(2 * RATE)
    playout = Playout(memory, 20, 40)
    playout.__init__(memory, 20, 40)  # type: ignore[misc]
    refused(Playout, Given(), 20, 40)
    for _ in range(2):
        playout.start_run(RATE, 2 * RATE, Resampler(2, 1, BANK, 1, 8))
    refused(playout.start_run, RATE, RATE, Given())
    for _ in range(40):
        playout.feed(pcm())
    playout.contents()
    playout.replace(RATE, Resampler(2, 1, BANK, 1, 8), 0, 0, 10, pcm())
    playout.rewind(0)
    decode: Callable[[memoryview], bytes] = lambda text: binascii.a2b_base64(text)  # noqa: E731 - one for each life
    for _ in range(2):
        playout.set_part(decode, (b"a", bytes(bytearray(b"b"))), fresh("r"), fresh("i"), 0, 1 << 40, "pcmu")
    refused(playout.set_part, decode, (), b"r", fresh("i"), 0, 1, None)
    refused(playout.set_part, decode, (), fresh("r"), fresh("i"), 0, 1, fresh("opus"))
    text = binascii.b2a_base64(bytes(80), newline=False).decode()
    delta = f'"type":"a","response_id":"{fresh("r")}","item_id":"{fresh("i")}","content_index":0,"delta":"{text}"'
    playout.set_part(decode, (b"a",), fresh("r"), fresh("i"), 0, 1 << 40, "pcmu")
    assert playout.feed_message(bytearray(f"{{{delta}}}".encode()))
    assert not playout.feed_message(bytearray(b"{}"))
    for decoder in (fail, lambda text: text, lambda text: bytearray(bytes(text)), lambda text: pcm(3)):
        playout.set_part(decoder, (b"a",), fresh("r"), fresh("i"), 0, 1 << 40, None)  # type: ignore[arg-type]
        with contextlib.suppress(OSError, TypeError):
            assert not playout.feed_message(bytearray(f"{{{delta}}}".encode()))
    playout.finish()
    playout.clear()
    playout.start_run(RATE, 2 * RATE, Resampler(2, 1, BANK, 1, 8))
    memory.discard_playback(2 * RATE)
    playout.feed(pcm())
    assert not playout.settled
    playout.finish()
    assert playout.settled
    playout.feed(pcm())


def live_packetizer() -> None:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    memory.discard_playback(RATE)
    sent: list[bytes] = []
    poller = Poller()
    for recorded in (False, True):
        packetizer = Packetizer(memory, recorded)
        packetizer.__init__(memory, recorded)  # type: ignore[misc]
        refused(Packetizer, Given())
        packetizer.set_message(320, "pcma")
        refused(packetizer.set_message, 320, fresh("opus"))
        packetizer.set_input(RATE, 1, Resampler(2, 1, BANK))
        packetizer.set_input(RATE, 1, Resampler(2, 1, BANK))
        refused(packetizer.set_input, RATE, 1, Given())
        refused(packetizer.feed, bytearray(3))
        packetizer.feed(bytearray(1000))
        packetizer.take()
        packetizer.flush()
        packetizer.feed(bytearray(100))
        packetizer.take_pending()
        poller.add(memory, Given(), packetizer)
        packetizer.gate = Gate.OPEN
        for encode in (lambda audio: binascii.b2a_base64(audio, newline=False), None, lambda audio: fresh("text")):
            send = lambda opcode, buffer, offset: sent.append(bytes(buffer[offset:]))  # noqa: E731 - one for each life
            for _ in range(2):
                packetizer.set_way(send, 1, pcm(8), pcm(8), encode)  # type: ignore[arg-type]
            switch.capture(bytearray(320), RATE)
            poller.ready()
        packetizer.take_copies()
        packetizer.gate = Gate.HELD
        switch.capture(bytearray(320), RATE)
        packetizer.read()
        switch.capture(bytearray(320), RATE)
        packetizer.skip()
        packetizer.set_way(None, 1, pcm(8), pcm(8), None)
        packetizer.set_way(lambda *message: Given(), 1, pcm(8), pcm(8), None)
        packetizer.gate = Gate.OPEN
        switch.capture(bytearray(320), RATE)
        poller.ready()
        poller.remove(memory)
    assert len(sent) == 8


def live_ticker() -> None:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    poller = Poller()
    poller.add(memory, Given())
    ticker = Ticker(poller, lambda streams: Given(), MS, (1 << 40, 2 << 40))
    ticker.__init__(poller, lambda streams: Given(), MS, (1 << 40, 2 << 40))  # type: ignore[misc]
    refused(Ticker, Given(), Given(), MS, ())
    refused(Ticker, poller, Given(), MS, (-1,))
    ticker.arm()
    ticker.arm()
    ticker.start(0)
    ticker.tick(MS)
    assert sum(ticker.lateness) == 1
    failing = Ticker(poller, fail, MS, ())
    failing.arm()
    failing.disarm()
    refused(failing.tick, MS)


def live_framing() -> None:
    written: list[bytes] = []
    connection, closing = Given(), property(lambda _: False)
    write: Callable[[bytes | memoryview], object] = lambda frame: written.append(bytes(frame))  # noqa: E731
    framing = Framing(write, connection, closing)
    framing.__init__(write, connection, closing)  # type: ignore[misc]
    refused(Framing, write, connection, Given())
    framing.send(1, bytearray(1000), 500)
    framing.send_message(1, bytearray(1000), True)
    refused(framing.send, 16, bytearray(1000), 500)
    refused(framing.send_message, 16, bytearray(1000))
    for failing in (Framing(fail, connection, closing), Framing(write, connection, property(fail))):
        for call in (
            lambda f=failing: f.send(1, bytearray(1000), 500),
            lambda f=failing: f.send_message(1, bytearray(99)),
        ):
            with contextlib.suppress(OSError, AttributeError):
                call()
    answering = Framing(lambda frame: Given(), connection, closing)
    answering.send(1, bytearray(1000), 500)
    assert len(written) == 2


def live_resampler() -> None:
    resampler = Resampler(2, 1, bytearray(BANK), 1, 8)
    resampler.__init__(2, 1, bytearray(BANK), 1, 8)  # type: ignore[misc]
    refused(Resampler, 0, 1, bytearray(BANK))
    refused(resampler.process, bytearray(3))
    resampler.process(bytearray(320))
    resampler.flush()
    refused(Resampler.__new__(Resampler).flush)
    refused(resampler.__init__, 0, 1, bytearray(BANK))  # type: ignore[misc]


def live_functions() -> None:
    for law in ("pcmu", "pcma"):
        g711_decode(g711_encode(bytearray(320), law), law)
        refused(g711_encode, bytearray(3), law)
    refused(g711_encode, bytearray(2), fresh("opus"))
    refused(g711_decode, bytearray(2), fresh("opus"))
    is_json(bytearray(b'{"a": [1]}'), 9)
    json_shape(bytearray(b'{"a": [1]}'), 9, 9)
    json_shape(bytearray(b"{"), 9, 9)
    for size in (320, 640):
        voice(bytearray(size))
    refused(voice, bytearray(9))


TYPES = (Framing, Packetizer, Playout, Poller, Resampler, StreamMemory, SwitchSide, Ticker)


def allocated_here() -> int:
    """Bytes, by what this file calls: other threads of a test process have memory of their own."""
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, __file__)])
    return sum(trace.size for trace in snapshot.traces)


def maps_and_files() -> tuple[int, int]:
    maps = Path("/proc/self/maps").read_text()
    return maps.count("memfd:stream"), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    "live",
    [
        live_stream,
        live_poller,
        live_playout,
        live_packetizer,
        live_ticker,
        live_framing,
        live_resampler,
        live_functions,
    ],
)
def test_nothing_is_kept_of_a_life(live: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)
    live()
    gc.collect()
    types, outside = [sys.getrefcount(each) for each in TYPES], maps_and_files()
    tracemalloc.start()
    try:
        live()
        gc.collect()
        before = allocated_here()
        for _ in range(LIVES):
            live()
        gc.collect()
        kept = allocated_here() - before
    finally:
        tracemalloc.stop()
    assert kept < LIVES * 8, "bytes"
    assert [sys.getrefcount(each) for each in TYPES] == types
    assert maps_and_files() == outside
