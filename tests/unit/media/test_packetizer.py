"""Caller audio as messages, and what the gate makes of it."""

import base64
import gc
import os
import sys
import weakref
from array import array
from functools import partial
from typing import Any

import pytest

from mod_openai_realtime._media import Framing, Packetizer, Poller, StreamMemory, SwitchSide, g711_encode
from mod_openai_realtime.audio.capture import Mixing
from mod_openai_realtime.audio.gate import Gate
from mod_openai_realtime.audio.resampling import make_resampler

NEVER = (1 << 64) - 1
HEAD, TAIL = b'{"audio":"', b'"}'


class Sent:
    """Where messages go. Uses the buffer up, as a sender may."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.then: Any = lambda: None

    def __call__(self, opcode: int, buffer: bytearray, offset: int) -> None:
        assert opcode == 1
        self.messages.append(bytes(buffer[offset:]))
        buffer[:] = os.urandom(len(buffer))
        self.then()


class Bench:
    def __init__(
        self, message_bytes: int = 320, law: str | None = None, resampler: Any = None, *, recorded: bool = False
    ) -> None:
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        self.memory.discard_playback(8000)
        self.memory.watch(NEVER, 0)
        self.packetizer = Packetizer(self.memory, recorded)
        self.packetizer.set_message(message_bytes, law)
        self.packetizer.set_input(8000, 1, resampler)
        self.poller = Poller()
        self.poller.add(self.memory, "stream", self.packetizer)
        self.sent = Sent()

    def open(self) -> None:
        self.packetizer.set_way(self.sent, 1, b"", b"", None)
        self.packetizer.gate = Gate.OPEN

    def recorded(self) -> bytes:
        return b"".join(copy[0] for copy in self.packetizer.take_copies())


def test_messages_that_are_sent_are_those_that_python_would_have_made() -> None:
    resamplers = [make_resampler(8000, 24000) for _ in range(2)]
    bench = Bench(960, "pcma", resamplers[0])
    bench.open()
    bench.packetizer.set_way(bench.sent, 1, HEAD, TAIL, base64.b64encode)
    plain = Packetizer(bench.memory)
    plain.set_message(960, "pcma")
    plain.set_input(8000, 1, resamplers[1])
    for _ in range(20):
        frame = os.urandom(320)
        bench.switch.capture(frame, 8000)
        assert bench.poller.ready() == []
        plain.feed(frame)
    assert bench.sent.messages == [HEAD + base64.b64encode(audio) + TAIL for audio in plain.take()]
    assert len(bench.sent.messages) == 20


@pytest.mark.parametrize("message_bytes", [160, 320, 960, 20000])
def test_messages_are_of_one_length_and_nothing_is_lost_between_them(message_bytes: int) -> None:
    bench = Bench(message_bytes)
    bench.open()
    said = os.urandom(320 * 200)
    for at in range(0, len(said), 320):
        bench.switch.capture(said[at : at + 320], 8000)
        assert bench.poller.ready() == []
    assert {len(message) for message in bench.sent.messages} == {message_bytes}
    rest = bench.packetizer.take_pending()
    assert b"".join(bench.sent.messages) + rest == said and len(rest) < message_bytes


@pytest.mark.parametrize("lengths", [(40,), (160, 160), (320, 40, 320)])
def test_a_frame_of_each_message_is_as_long_as_its_buffer(lengths: tuple[int, ...]) -> None:
    written: list[object] = []
    framing = Framing(written.append, object(), property(lambda _: False))
    bench = Bench()
    bench.open()
    bench.packetizer.set_way(framing.send, 1, HEAD, TAIL, None)
    for length in lengths:
        bench.packetizer.set_message(length, None)
        bench.switch.capture(bytes(length), 8000)
        assert bench.poller.ready() == []
    assert [type(frame) for frame in written] == [bytearray] * len(lengths)


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (8000, 2)])
def test_other_audio_is_left_in_the_ring_for_python(rate: int, channels: int) -> None:
    bench = Bench()
    bench.open()
    frames = [os.urandom(320) for _ in range(3)]
    bench.switch.capture(frames[0], 8000)
    bench.switch.capture(frames[1], rate, channels)
    bench.switch.capture(frames[2], 8000)
    assert bench.poller.ready() == ["stream"] == bench.poller.ready()
    assert bench.sent.messages == frames[:1]
    run = Packetizer(bench.memory).read()
    assert run is not None and run[:3] == (frames[1], rate, channels)


def test_what_is_held_waits() -> None:
    bench = Bench()
    bench.open()
    bench.packetizer.gate = Gate.HELD
    bench.switch.capture(bytes(320), 8000)
    assert bench.poller.ready() == ["stream"] == bench.poller.ready()
    assert bench.sent.messages == [] and Packetizer(bench.memory).skip() == 1


def test_what_comes_while_the_gate_is_shut_is_gone() -> None:
    bench = Bench()
    bench.open()
    bench.packetizer.gate = Gate.SHUT
    bench.switch.capture(bytes(320), 8000)
    assert bench.poller.ready() == [] and Packetizer(bench.memory).read() is None
    bench.packetizer.gate = Gate.OPEN
    bench.switch.capture(b"ab" * 160, 8000)
    assert bench.poller.ready() == [] and bench.sent.messages == [b"ab" * 160]


def test_without_a_way_to_send_python_looks() -> None:
    bench = Bench()
    bench.packetizer.gate = Gate.OPEN
    bench.switch.capture(bytes(320), 8000)
    assert bench.poller.ready() == ["stream"]
    bench.open()
    assert bench.poller.ready() == [] and len(bench.sent.messages) == 1
    bench.packetizer.set_way(None, 0, b"", b"", None)
    bench.switch.capture(bytes(320), 8000)
    assert bench.poller.ready() == ["stream"]


@pytest.mark.parametrize("gate", Gate)
def test_a_recording_gets_its_copy_whatever_the_gate_says(gate: Gate) -> None:
    bench = Bench(recorded=True)
    bench.open()
    bench.packetizer.gate = gate
    said = [bytes([n]) * 320 for n in range(40)]
    looks = 0
    recorded = b""
    for frame in said:
        bench.switch.capture(frame, 8000)
        if bench.poller.ready():
            looks += 1
            if gate is Gate.HELD:
                while bench.packetizer.read() is not None:
                    pass
            recorded += bench.recorded()
    assert recorded + bench.recorded() == b"".join(said)
    assert bench.sent.messages == (said if gate is Gate.OPEN else [])
    assert looks == (40 if gate is Gate.HELD else 8)


def test_a_copy_tells_what_was_lost_before_it() -> None:
    bench = Bench(recorded=True)
    bench.open()
    for n in range(70):
        bench.switch.capture(bytes([n]) * 320, 8000, 1, 1_000_000_000 + n * 20_000_000)
    bench.poller.ready()
    first, *others = bench.packetizer.take_copies()
    assert first == (bytes([6]) * 320, 8000, 1, 1_120_000_000, 6)
    assert [lost for *_, lost in others] == [0] * 63


def test_what_is_skipped_of_a_recorded_call_is_counted_in_runs() -> None:
    bench = Bench(recorded=True)
    bench.switch.capture(bytes(320), 8000)
    bench.switch.capture(bytes(640), 16000)
    assert [bench.packetizer.skip(), bench.packetizer.skip()] == [2, 0]


def test_what_was_lost_before_other_audio_is_told_with_it() -> None:
    bench = Bench()
    bench.open()
    bench.switch.capture(bytes(320), 8000)
    bench.switch.capture(bytes(320), 0)
    bench.switch.capture(bytes(640), 16000)
    assert bench.poller.ready() == ["stream"]
    assert bench.packetizer.read() == (bytes(640), 16000, 1, 0, 1)
    assert bench.packetizer.lost_slots == 0


def test_channels_become_as_many_as_the_stream_has() -> None:
    packetizer = Bench().packetizer
    pair = array("h", [100, 300, 30000, 30000]).tobytes()
    for channels, mixing, expected in (
        (2, Mixing.NONE, [100, 300, 30000, 30000]),
        (2, Mixing.MEAN, [200, 30000]),
        (2, Mixing.SUM, [400, 32767]),
        (1, Mixing.DOUBLE, [100, 100, 300, 300, 30000, 30000, 30000, 30000]),
    ):
        packetizer.set_input(8000, channels, None, mixing)
        packetizer.feed(pair)
        assert list(array("h", packetizer.take_pending())) == expected
        pieces = [array("h", [at, at + 2, 3 * at, 3 * at]).tobytes() for at in range(5000)]
        for piece in pieces:
            packetizer.feed(piece)
        whole = packetizer.take_pending()
        packetizer.feed(b"".join(pieces))
        assert packetizer.take_pending() == whole


def test_a_sender_may_hold_the_gate_in_the_middle_of_a_backlog() -> None:
    bench = Bench()
    bench.open()
    bench.sent.then = lambda: len(bench.sent.messages) == 3 and setattr(bench.packetizer, "gate", Gate.HELD)
    for n in range(8):
        bench.switch.capture(bytes([n]) * 320, 8000)
    assert bench.poller.ready() == ["stream"]
    assert bench.sent.messages == [bytes([n]) * 320 for n in range(3)]
    assert Packetizer(bench.memory).skip() == 5


def test_a_sender_may_end_its_own_stream_and_others() -> None:
    first, second = Bench(), Bench()
    poller = first.poller
    poller.add(second.memory, second, second.packetizer)

    def end() -> None:
        for bench in (first, second):
            poller.remove(bench.memory)
            bench.memory.close()

    first.sent.then = end
    first.open()
    for bench in (first, second):
        bench.switch.capture(bytes(320), 8000)
        bench.switch.capture(bytes(320), 8000)
    assert poller.ready() == [] and len(poller) == 0
    assert first.sent.messages == [bytes(320)]


def test_a_sender_that_fails_costs_one_message_and_has_python_look(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda fault: faults.append(fault.exc_value))

    def fail() -> None:
        raise RuntimeError("no way out")

    bench = Bench()
    bench.sent.then = fail
    bench.open()
    for n in range(3):
        bench.switch.capture(bytes([n]) * 320, 8000)
    assert bench.poller.ready() == ["stream"]
    assert [str(fault) for fault in faults] == ["no way out"]
    bench.sent.then = lambda: None
    bench.open()
    assert bench.poller.ready() == []
    assert bench.sent.messages == [bytes([n]) * 320 for n in range(3)]


def test_slots_that_were_lost_are_counted() -> None:
    bench = Bench()
    bench.open()
    for _ in range(70):
        bench.switch.capture(bytes(320), 8000)
    assert bench.poller.ready() == []
    assert (len(bench.sent.messages), bench.packetizer.lost_slots) == (64, 6)


def test_a_larger_message_gets_a_larger_buffer() -> None:
    bench = Bench(64000)
    bench.open()
    said = os.urandom(64000)
    for at in range(0, len(said), 640):
        bench.switch.capture(said[at : at + 640], 8000)
        bench.poller.ready()
    assert bench.sent.messages == [said]


def test_a_flush_gives_the_rest_companded() -> None:
    packetizer = Bench().packetizer
    packetizer.set_message(320, "pcmu")
    pcm = os.urandom(400)
    packetizer.feed(pcm)
    assert packetizer.take() == [g711_encode(pcm[:320], "pcmu")]
    assert packetizer.pending == 80
    assert packetizer.flush() == [g711_encode(pcm[320:], "pcmu")]
    assert packetizer.flush() == []


def test_arguments_are_checked() -> None:
    packetizer = Bench().packetizer
    stereo = make_resampler(8000, 16000, channels=2)
    for size in (0, -2, 3):
        with pytest.raises(ValueError, match="whole number"):
            packetizer.set_message(size, None)
    with pytest.raises(ValueError, match="law"):
        packetizer.set_message(320, "opus")
    with pytest.raises(ValueError, match="channels"):
        packetizer.set_input(8000, 1, stereo)
    with pytest.raises(TypeError):
        packetizer.set_input(8000, 1, object())  # type: ignore[arg-type]
    for channels, mixing in ((1, Mixing.MEAN), (1, Mixing.SUM), (2, Mixing.DOUBLE), (2, 4), (2, -1)):
        with pytest.raises(ValueError, match="mixing"):
            packetizer.set_input(8000, channels, None, mixing)
    with pytest.raises(ValueError, match="gate"):
        packetizer.gate = 3
    packetizer.set_input(8000, 2, stereo)
    with pytest.raises(ValueError, match="whole number"):
        packetizer.feed(array("h", [1]).tobytes())
    switch = SwitchSide()
    with pytest.raises(TypeError):
        Poller().add(StreamMemory(switch.fd), "x", "y")  # type: ignore[arg-type]


def test_a_cycle_through_the_sender_is_collected() -> None:
    bench = Bench()
    bench.open()
    bench.sent.then = bench.packetizer
    gone = weakref.ref(bench.sent)
    bench.poller.remove(bench.memory)
    del bench
    gc.collect()
    assert gone() is None


def test_what_it_was_given_it_lets_go_and_what_takes_its_place_goes_with_it() -> None:
    bench = Bench(recorded=True)
    encode, head, tail = partial(base64.b64encode), bytes(bytearray(b"head")), bytes(bytearray(b"tail"))
    given = [bench.memory, bench.sent, make_resampler(8000, 16000), make_resampler(8000, 16000), encode, head, tail]
    before = [sys.getrefcount(each) for each in given]
    memory, send, resampler, other, *_ = given
    packetizer = Packetizer(memory, True)
    for each in (resampler, other):
        packetizer.set_input(8000, 1, each)
        packetizer.set_way(send, 1, head, tail, encode)
    bench.switch.capture(bytes(320), 8000)
    (pcm, *_) = packetizer.read() or ()
    assert [sys.getrefcount(each) for each in given] != before
    del packetizer, each, memory, send, resampler, other
    assert [sys.getrefcount(each) for each in given] == before
    assert sys.getrefcount(pcm) == sys.getrefcount(bytes(320))


def test_a_message_that_is_sent_leaves_nothing_and_its_buffer_goes_with_the_poller() -> None:
    bench = Bench()
    buffers: list[bytearray] = []
    send = lambda opcode, buffer, offset: buffers.append(buffer)  # noqa: E731 - to be counted
    encode, head, tail = partial(base64.b64encode), bytes(bytearray(b"head")), bytes(bytearray(b"tail"))
    given = [send, encode, head, tail]
    bench.packetizer.set_way(send, 1, head, tail, encode)
    bench.packetizer.gate = Gate.OPEN
    before = [sys.getrefcount(each) for each in given]
    for _ in range(3):
        bench.switch.capture(bytes(320), 8000)
        assert bench.poller.ready() == []
    assert [sys.getrefcount(each) for each in given] == before
    buffer, _, _ = buffers
    buffers.clear()
    bench.poller.remove(bench.memory)
    del bench.poller
    gc.collect()
    assert sys.getrefcount(buffer) == sys.getrefcount(bytearray(1)) + 1


@pytest.mark.parametrize("channels", [0, 1, 2])
def test_a_frame_without_channels_is_no_frame_whatever_the_input_is(channels: int) -> None:
    bench = Bench()
    bench.packetizer.set_input(8000, channels, None)
    bench.open()
    bench.switch.capture(bytes(320), 8000, 0)
    assert bench.poller.ready() == []
    assert (bench.packetizer.lost_slots, bench.memory.faults) == (1, 1)
