"""What a connection may do before others have their turn, by a stepped clock."""

from __future__ import annotations

from mod_openai_realtime.realtime.share import BYTE_NS, FRAME_NS, TURN_NS, Share


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
