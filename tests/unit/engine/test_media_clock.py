"""The media clock against a loop whose time the test sets."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from mod_openai_realtime.media_clock import TICK_S, MediaClock


class FakeLoop:
    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        self.timers.append((when, callback))

        class Handle:
            def cancel(handle) -> None:  # noqa: N805
                self.timers = [timer for timer in self.timers if timer[1] is not callback]

        return Handle()

    def fire(self, late: float = 0.0) -> float:
        when, callback = self.timers.pop(0)
        self.now = when + late
        callback()
        return when


class Counter:
    def __init__(self) -> None:
        self.ticks = 0

    def tick(self) -> None:
        self.ticks += 1


HEARD: list[tuple[float, int]] = []


def clock_of(*streams: Any) -> tuple[FakeLoop, MediaClock]:
    loop = FakeLoop()
    HEARD.clear()
    clock = MediaClock(
        cast("asyncio.AbstractEventLoop", loop), lambda: streams, lambda late, missed: HEARD.append((late, missed))
    )
    clock.start()
    return loop, clock


def test_ticks_do_not_drift() -> None:
    loop, _ = clock_of()
    times = [loop.fire(late=0.002) for _ in range(100)]
    assert all(abs(when - (100.0 + (n + 1) * TICK_S)) < 1e-9 for n, when in enumerate(times))


def test_a_stall_is_counted_and_not_made_up() -> None:
    counter = Counter()
    loop, _ = clock_of(counter)
    loop.fire(late=0.105)
    assert counter.ticks == 1
    ((lateness, missed),) = HEARD
    assert abs(lateness - 0.105) < 1e-9 and missed == 10
    assert abs(loop.fire() - (100.0 + 12 * TICK_S)) < 1e-9


def test_a_fault_in_one_stream_is_that_streams_alone() -> None:
    class Faulty:
        def tick(self) -> None:
            raise RuntimeError("broken")

    counter = Counter()
    loop, _ = clock_of(Faulty(), counter)
    loop.fire()
    loop.fire()
    assert counter.ticks == 2


def test_a_stopped_clock_ticks_no_more() -> None:
    loop, clock = clock_of()
    clock.stop()
    assert loop.timers == []
