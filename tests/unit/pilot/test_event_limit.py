from __future__ import annotations

from timers import Timers

from mod_openai_realtime.limits import (
    EVENT_BURST,
    EVENT_BURST_BYTES,
    EVENT_RESERVE,
    EVENTS_PER_S,
    EVENTS_TOLD_EVERY_S,
)
from mod_openai_realtime.pilot.event_limit import EventLimit

S = 1_000_000_000
START = 1000 * S


class Bench:
    def __init__(self) -> None:
        self.timers = Timers()
        self.told: list[int] = []
        self.limit = EventLimit(self.timers.later, self.told.append)

    def flood(self, count: int, now_ns: int, kind: str = "x", size: int = 100) -> int:
        """How many of so many messages get through at that time."""
        return sum(self.limit.admit(kind, size, now_ns) for _ in range(count))


def test_a_burst_gets_through_and_then_so_many_a_second() -> None:
    bench = Bench()
    assert bench.flood(50_000, START) == EVENT_BURST
    assert bench.flood(50_000, START + S) == EVENTS_PER_S
    assert bench.flood(50_000, START + S // 2 + S) == EVENTS_PER_S // 2


def test_deltas_leave_room_for_what_says_that_something_is_over() -> None:
    bench = Bench()
    assert bench.flood(50_000, START, "response.output_audio_transcript.delta") == EVENT_BURST - EVENT_RESERVE
    assert bench.flood(50, START, "response.done") == 50


def test_the_bytes_are_bounded_too_and_one_message_of_any_size_gets_through() -> None:
    bench = Bench()
    assert bench.flood(3, START, size=2 * EVENT_BURST_BYTES) == 1
    assert bench.flood(1, START + 5 * S, size=1) == 1


def test_what_was_left_out_is_counted_and_told_of_at_intervals_and_at_the_end() -> None:
    bench = Bench()
    bench.flood(EVENT_BURST + 7, START)
    assert bench.told == []
    assert bench.timers.run_out() == [EVENTS_TOLD_EVERY_S]
    assert bench.told == [7]
    bench.flood(5, START)
    bench.limit.finish()
    assert bench.told == [7, 5]
    assert bench.timers.running == []
    assert bench.limit.left_out == 12


def test_who_keeps_to_the_limit_is_told_of_nothing() -> None:
    bench = Bench()
    for second in range(100):
        assert bench.flood(EVENTS_PER_S, START + second * S) == EVENTS_PER_S
    bench.limit.finish()
    assert bench.told == []
