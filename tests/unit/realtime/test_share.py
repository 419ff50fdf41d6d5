"""What a connection may do before others have their turn, by a stepped clock."""

from __future__ import annotations

import asyncio

from mod_openai_realtime.realtime.share import BYTE_NS, FRAME_NS, REST_NS, TURN_NS, RoundRobin, Share


class Clock:
    now = 1000

    def __call__(self) -> int:
        return self.now


def test_frames_and_bytes_count_where_the_clock_stands_still() -> None:
    share = Share(Clock())
    share.count(0)
    share.count(1000)
    assert share.left == TURN_NS - 2 * FRAME_NS - 1000 * BYTE_NS


def test_time_counts_while_something_is_done_and_not_in_between() -> None:
    clock = Clock()
    share = Share(clock)
    clock.now += 10 * TURN_NS
    share.begin()
    clock.now += 1500
    share.end()
    clock.now += 10 * TURN_NS
    assert share.left == TURN_NS - 1500


def test_no_debt_is_carried_into_the_next_turn() -> None:
    share = Share(Clock())
    share.count(TURN_NS)
    assert share.left < 0
    share.renew()
    assert share.left == TURN_NS


def test_who_spends_a_turn_little_by_little_is_in_the_next() -> None:
    clock = Clock()
    share = Share(clock)
    clock.now += REST_NS
    share.left = 0
    assert not share.is_over() and share.left == TURN_NS
    clock.now += REST_NS - 1
    share.left = 0
    assert share.is_over()


def test_one_piece_of_work_that_took_long_is_no_rest() -> None:
    clock = Clock()
    share = Share(clock)
    share.begin()
    clock.now += REST_NS
    share.end()
    assert share.is_over()


async def test_who_waits_has_a_turn_after_all_others_one_in_each_turn_of_the_loop() -> None:
    robin, had = RoundRobin(), []

    def work(name: str, times: int) -> None:
        left = iter(range(times))

        def once() -> bool:
            had.append(name)
            return next(left) + 1 < times

        robin.wait(once)

    work("a", 3)
    work("b", 1)
    work("c", 2)
    for expected in ("a", "ab", "abc", "abca", "abcac", "abcaca", "abcaca"):
        await asyncio.sleep(0)
        assert "".join(had) == expected
    work("d", 1)
    await asyncio.sleep(0)
    assert had[-1] == "d"


async def test_who_fails_holds_nobody_up() -> None:
    robin, had = RoundRobin(), []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: had.append(context["exception"]))
    error = LookupError()

    def fail() -> bool:
        raise error

    def work() -> bool:
        had.append("work")
        return False

    robin.wait(fail)
    robin.wait(work)
    for _ in range(3):
        await asyncio.sleep(0)
    assert had == [error, "work"]
