"""Silence stands in for caller audio that never came, as long as what was missed and no longer: read or sent alike."""

import os
import random
from collections.abc import Callable
from itertools import accumulate

import pytest

from mod_openai_realtime._media import Packetizer, Poller, StreamMemory, SwitchSide
from mod_openai_realtime.audio.gate import Gate

RATE = 8000
FRAME = 320
"""Bytes of 20 ms."""
NEVER = (1 << 64) - 1


def frame(number: int) -> bytes:
    return (number % 30000 + 1).to_bytes(2, "little") * (FRAME // 2)


def silence(ms: int) -> bytes:
    return bytes(2 * RATE * ms // 1000)


class Read:
    """What Python reads."""

    def __init__(self, *, pauses: bool = True, **sizes: int) -> None:
        """`pauses`: FreeSWITCH may leave some of the caller's out."""
        self.switch = SwitchSide(**sizes)
        self.memory = StreamMemory(self.switch.fd)
        self.pauses = pauses

    def come(self, pcm: bytes, time_ms: float, rate: int = RATE) -> None:
        self.switch.capture(pcm, rate, 1, 1_000_000_000 + int(time_ms * 1_000_000), self.pauses)

    def skip(self) -> None:
        Packetizer(self.memory).skip()

    def take(self) -> bytes:
        audio = b""
        while (run := Packetizer(self.memory).read()) is not None:
            audio += run[0]
        return audio


class Sent(Read):
    """What is sent with the gate open."""

    def __init__(self, *, pauses: bool = True, **sizes: int) -> None:
        super().__init__(pauses=pauses, **sizes)
        self.memory.discard_playback(RATE)
        self.memory.watch(NEVER, 0)
        self.sent = bytearray()
        packetizer = Packetizer(self.memory)
        packetizer.set_message(2, None)
        packetizer.set_input(RATE, 1, None)
        packetizer.set_way(self.send, 1, b"", b"", None)
        packetizer.gate = Gate.OPEN
        self.poller = Poller()
        self.poller.add(self.memory, "stream", packetizer)

    def send(self, _opcode: int, buffer: bytearray, offset: int) -> None:
        self.sent += buffer[offset:]

    def take(self) -> bytes:
        assert self.poller.ready() == []
        sent, self.sent = bytes(self.sent), bytearray()
        return sent


Way = Callable[..., Read]


@pytest.fixture(params=[Read, Sent])
def way(request: pytest.FixtureRequest) -> Way:
    made: Way = request.param
    return made


@pytest.mark.parametrize("ms", [201, 300, 1000, 4990])
def test_a_pause_lasts_as_long_as_it_was(way: Way, ms: int) -> None:
    caller = way()
    caller.come(frame(1), 0)
    assert caller.take() == frame(1)
    caller.come(frame(2), 20 + ms)
    assert caller.take() == silence(ms) + frame(2)
    caller.come(frame(3), 40 + ms)
    assert caller.take() == frame(3)


def test_a_pause_is_filled_in_a_backlog_too(way: Way) -> None:
    caller = way()
    for number, time_ms in enumerate((0, 20, 340, 360, 1380)):
        caller.come(frame(number), time_ms)
    spoken = [frame(number) for number in range(5)]
    assert caller.take() == spoken[0] + spoken[1] + silence(300) + spoken[2] + spoken[3] + silence(1000) + spoken[4]


def test_jitter_is_no_pause(way: Way) -> None:
    caller = way()
    times = [20 * number + (199 if number % 7 == 6 else 0) for number in range(100)]
    for number, time_ms in enumerate(times):
        caller.come(frame(number), time_ms)
        assert caller.take() == frame(number)


@pytest.mark.parametrize("ms", [90, 400, 3000])
def test_where_no_pause_is_left_out_a_frame_that_is_late_is_only_late(way: Way, ms: int) -> None:
    # A thread that was held up: FreeSWITCH goes on with the next packet, and stays late.
    caller = way(pauses=False)
    for number in range(100):
        caller.come(frame(number), 20 * number + (ms if number >= 50 else 0))
        assert caller.take() == frame(number)


def test_a_thread_that_was_held_up_for_a_moment_and_stays_late_has_missed_nothing(way: Way) -> None:
    caller = way()
    for number in range(100):
        caller.come(frame(number), 20 * number + (180 if number >= 50 else 0))
        assert caller.take() == frame(number)


def test_once_pauses_may_be_left_out_what_was_late_before_counts_for_nothing(way: Way) -> None:
    caller = way(pauses=False)
    caller.come(frame(0), 0)
    caller.come(frame(1), 1000)
    assert caller.take() == frame(0) + frame(1)
    caller.pauses = True
    caller.come(frame(2), 1020)
    caller.come(frame(3), 1340)
    assert caller.take() == frame(2) + silence(300) + frame(3)


def test_a_thread_that_was_held_up_has_missed_nothing(way: Way) -> None:
    caller = way()
    caller.come(frame(0), 0)
    for number in range(1, 11):
        caller.come(frame(number), 200)
    assert caller.take() == b"".join(frame(number) for number in range(11))


def test_a_thread_that_was_held_up_after_a_pause_has_missed_the_pause_alone(way: Way) -> None:
    caller = way()
    caller.come(frame(0), 0)
    # Five frames are due from 320 ms on, and all come with the last of them.
    for number in range(1, 6):
        caller.come(frame(number), 400)
    assert caller.take() == frame(0) + silence(300) + b"".join(frame(number) for number in range(1, 6))


def test_what_was_filled_too_early_is_not_filled_again(way: Way) -> None:
    caller = way()
    caller.come(frame(0), 0)
    caller.come(frame(1), 320)
    assert caller.take() == frame(0) + silence(300) + frame(1)
    # It was the thread after all: the frames of those 300 ms come at once, and then a pause of as much.
    for number in range(2, 17):
        caller.come(frame(number), 320)
    caller.come(frame(17), 640)
    assert caller.take() == b"".join(frame(number) for number in range(2, 18))


def test_nobody_reading_the_channel_is_no_pause_of_hours(way: Way) -> None:
    caller = way()
    caller.come(frame(0), 0)
    caller.come(frame(1), 3_600_000)
    caller.come(frame(2), 3_600_020)
    assert caller.take() == frame(0) + silence(5000) + frame(1) + frame(2)


def test_what_comes_first_and_what_comes_after_a_skip_follow_upon_nothing(way: Way) -> None:
    caller = way()
    caller.come(frame(0), 5000)
    assert caller.take() == frame(0)
    caller.come(frame(1), 5020)
    caller.skip()
    caller.come(frame(2), 9000)
    assert caller.take() == frame(2)


def test_the_rest_of_a_pause_is_skipped_too() -> None:
    caller = Read()
    caller.come(frame(0), 0)
    caller.come(frame(1), 4020)
    run = Packetizer(caller.memory).read()
    assert run is not None and len(run[0]) < len(silence(4000))
    caller.skip()
    caller.come(frame(2), 4040)
    assert caller.take() == frame(2)


@pytest.mark.parametrize("ppm", [-500, 500])
def test_a_telephones_clock_is_not_taken_for_pauses(way: Way, ppm: int) -> None:
    caller = way()
    for number in range(15_000):  # five minutes
        caller.come(frame(number), 20 * number * (1 + ppm / 1_000_000))
        assert caller.take() == frame(number)
    caller.come(frame(1), 20 * 15_000 * (1 + ppm / 1_000_000) + 1000)
    assert abs(len(caller.take()) - len(silence(1020))) <= len(silence(60))


@pytest.mark.parametrize("pauses", [True, False])
def test_frames_that_the_ring_lost_are_made_up_for(way: Way, pauses: bool) -> None:
    caller = way(pauses=pauses, capture_slots=8)
    caller.come(frame(0), 0)
    assert caller.take() == frame(0)
    for number in range(1, 21):
        caller.come(frame(number), 20 * number)
    assert caller.take() == silence(12 * 20) + b"".join(frame(number) for number in range(13, 21))


def test_a_frame_that_takes_several_slots_is_no_pause(way: Way) -> None:
    caller = way(slot_payload_bytes=64, capture_slots=512)
    for number in range(50):
        caller.come(frame(number), 20 * number)
    caller.come(frame(50), 1300)
    caller.come(frame(51), 1320)
    assert caller.take() == b"".join(frame(number) for number in range(50)) + silence(300) + frame(50) + frame(51)


def test_what_a_frame_says_that_is_written_meanwhile_does_not_count(way: Way) -> None:
    caller = way()
    caller.come(frame(0), 0)
    caller.come(frame(1), 320)
    caller.come(frame(2), 20)
    memory = os.pread(caller.switch.fd, os.fstat(caller.switch.fd).st_size, 0)
    third = (2 * 2 + 2).to_bytes(8, "little")
    at = memory.index(third + (1_020_000_000).to_bytes(8, "little"))
    os.pwrite(caller.switch.fd, (2 * 2 + 1).to_bytes(8, "little"), at)
    assert caller.take() == frame(0) + silence(300) + frame(1)


def test_a_pause_has_the_rate_of_what_comes_after_it() -> None:
    caller = Read()
    caller.come(frame(0), 0)
    caller.come(frame(1) * 2, 320, 2 * RATE)
    runs = [Packetizer(caller.memory).read(), Packetizer(caller.memory).read()]
    assert [(run[1], run[0]) for run in runs if run] == [
        (RATE, frame(0)),
        (2 * RATE, silence(600) + frame(1) * 2),
    ]


def test_a_pause_is_recorded_in_its_time() -> None:
    caller = Read()
    caller.come(frame(0), 0)
    assert caller.take() == frame(0)
    caller.come(frame(1), 320)
    run = Packetizer(caller.memory).read()
    assert run is not None
    assert (run[0], run[3]) == (silence(300) + frame(1), 1_020_000_000)


def test_what_is_read_and_what_is_sent_are_one() -> None:
    chance = random.Random(19)
    ways = [Read(), Sent()]
    times = accumulate(chance.choice([20] * 20 + [0, 0, 35, 90, 400, 6000]) for _ in range(300))
    for number, time_ms in enumerate(times):
        for caller in ways:
            caller.pauses = number % 100 < 70
            caller.come(frame(number), time_ms)
        if chance.random() < 0.5:
            read, lent = [caller.take() for caller in ways]
            assert read == lent


def test_a_telephones_clock_is_followed_through_frames_that_are_read_twice() -> None:
    # Each is of another rate than the one before: it begins a run of its own, so that it is given back first.
    caller, time_ms = Read(), 0.0
    for _ in range(2000):
        expected = b""
        for number in range(10):
            rate, times = ((RATE, 1), (2 * RATE, 2))[number % 2]
            caller.come(frame(number) * times, time_ms, rate)
            expected += frame(number) * times
            time_ms += 20.015
        assert caller.take() == expected
