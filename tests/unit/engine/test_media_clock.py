"""The media clock: by times that the test sets, and once by the kernel's."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide, Ticker
from mod_openai_realtime.engine.media_clock import BUSY_STREAMS, TICK_NS, MediaClock, make_ticker, set_pace

MS = 1_000_000


class Counter:
    def __init__(self) -> None:
        self.ticks = 0

    def tick(self) -> None:
        self.ticks += 1


class Faulty:
    def tick(self) -> None:
        raise RuntimeError("broken")


@pytest.fixture
def poller() -> Poller:
    return Poller()


@pytest.fixture
def always_due(poller: Poller) -> Callable[[object], None]:
    """Adds a stream that has something to do at each tick."""

    def add(stream: object) -> None:
        switch = SwitchSide()
        memory = StreamMemory(switch.fd)
        memory.watch(0, 0)
        poller.add(memory, stream)

    return add


def started(poller: Poller) -> Ticker:
    ticker = make_ticker(poller)
    ticker.start(0)
    return ticker


def test_ticks_do_not_drift(poller: Poller) -> None:
    ticker = started(poller)
    due = [ticker.tick((n + 1) * TICK_NS + 2 * MS) for n in range(100)]
    assert due == [(n + 2) * TICK_NS for n in range(100)]
    assert ticker.ticks == 100 and ticker.missed_ticks == 0 and ticker.lateness_ns == 200 * MS


def test_a_stall_is_counted_and_not_made_up(poller: Poller, always_due: Callable[[object], None]) -> None:
    counter = Counter()
    always_due(counter)
    ticker = started(poller)
    assert ticker.tick(TICK_NS + 105 * MS) == 12 * TICK_NS
    assert counter.ticks == ticker.ticks == 1
    assert ticker.missed_ticks == 10
    assert ticker.take_worst() == 105 * MS
    assert ticker.take_worst() == 0


def test_a_fault_in_one_stream_is_that_streams_alone(poller: Poller, always_due: Callable[[object], None]) -> None:
    counter = Counter()
    always_due(Faulty())
    always_due(counter)
    ticker = started(poller)
    ticker.tick(TICK_NS)
    ticker.tick(2 * TICK_NS)
    assert counter.ticks == 2


def test_python_is_called_only_where_there_is_work(poller: Poller) -> None:
    work: list[Any] = []
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    memory.watch((1 << 64) - 1, 0)
    poller.add(memory, "stream")
    ticker = Ticker(poller, work.append, TICK_NS, ())
    ticker.start(0)
    ticker.tick(TICK_NS)
    assert work == []
    memory.watch(0, 0)
    ticker.tick(2 * TICK_NS)
    assert work == [["stream"]]


def test_a_fault_in_the_work_is_raised(poller: Poller, always_due: Callable[[object], None]) -> None:
    always_due("stream")

    def work(streams: list[Any]) -> None:
        raise RuntimeError(f"no good: {streams}")

    ticker = Ticker(poller, work, TICK_NS, ())
    with pytest.raises(RuntimeError, match="no good"):
        ticker.tick(TICK_NS)
    assert ticker.ticks == 1


def test_what_makes_no_sense_is_refused(poller: Poller) -> None:
    nobody: Any = None
    for arguments in [(poller, print, 0, ()), (nobody, print, TICK_NS, ()), (poller, print, TICK_NS, tuple(range(17)))]:
        with pytest.raises(ValueError):
            Ticker(*arguments)
    with pytest.raises((OverflowError, TypeError)):
        Ticker(poller, print, TICK_NS, (-1,))


def test_another_interval_counts_from_the_next_tick_on(poller: Poller) -> None:
    ticker = started(poller)
    ticker.set_interval(20 * MS)
    assert ticker.tick(10 * MS) == 30 * MS
    assert ticker.tick(75 * MS) == 90 * MS
    assert ticker.missed_ticks == 2
    ticker.set_interval(10 * MS)
    assert ticker.tick(90 * MS) == 100 * MS


def test_many_streams_are_ticked_less_often(poller: Poller) -> None:
    ticker = started(poller)
    due = 10 * MS
    intervals = []
    for streams in (0, BUSY_STREAMS - 1, BUSY_STREAMS, 300, 1):
        set_pace(ticker, streams)
        due, before = ticker.tick(due), due
        intervals.append((due - before) // MS)
    assert intervals == [10, 10, 20, 20, 10]


def test_the_kernels_timer_follows_another_interval(poller: Poller) -> None:
    ticker = Ticker(poller, print, 3600 * 1000 * MS, ())
    ticker.set_interval(1800 * 1000 * MS)
    timer = ticker.arm()
    try:
        ticker.set_interval(900 * 1000 * MS)
        setting = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{timer}").read_text().splitlines())
        assert setting["it_interval"].strip() == "(900, 0)"
        assert 1700 < int(setting["it_value"].strip(" (").split(",")[0]) <= 1800
        for bad in (0, -1, 1 << 64, "1"):
            with pytest.raises((ValueError, OverflowError, TypeError)):
                ticker.set_interval(bad)  # type: ignore[arg-type]
    finally:
        ticker.disarm()


def test_by_the_kernels_timer_and_no_more_once_it_is_stopped(
    poller: Poller, always_due: Callable[[object], None]
) -> None:
    async def run() -> None:
        ticked = asyncio.Event()

        class Stream:
            def tick(self) -> None:
                ticked.set()

        always_due(Stream())
        ticker = make_ticker(poller)
        clock = MediaClock(asyncio.get_running_loop(), ticker)
        clock.start()
        for _ in range(3):
            ticked.clear()
            await ticked.wait()
        clock.stop()
        clock.stop()
        ticks = ticker.ticks
        assert ticks >= 3
        with pytest.raises(OSError):
            ticker.fire()
        assert ticker.ticks == ticks

    asyncio.run(run())


def test_before_its_time_it_does_not_tick(poller: Poller) -> None:
    ticker = Ticker(poller, print, 3600 * 1000 * MS, ())
    timer = ticker.arm()
    try:
        ticker.fire()
        assert ticker.ticks == 0
    finally:
        ticker.disarm()
    with pytest.raises(OSError):
        os.fstat(timer)
