"""What workers tell one another, and what they count."""

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.board import LATENESS_BOUNDS_MS, Board, WorkerFigures
from mod_openai_realtime.figures import Figures
from mod_openai_realtime.stream.control import Control


def test_the_worker_with_the_fewest_channels_goes_first() -> None:
    board = Board(2)
    board.join(1)
    board.count_channels(3)
    board.join(0)
    assert [row.channels for row in board.rows()] == [0, 3]
    assert board.least_loaded()
    board.count_channels(3)
    assert board.least_loaded(), "a tie is nobody's to wait for"
    board.count_channels(4)
    assert not board.least_loaded()


def test_nobody_waits_for_a_worker_that_is_gone() -> None:
    board = Board(2)
    board.join(0)
    board.count_channels(5)
    assert board.least_loaded()
    board.join(1)
    board.join(0)
    board.count_channels(5)
    assert not board.least_loaded()
    board.absent(1)
    assert board.least_loaded()


def test_what_is_published_is_what_is_read() -> None:
    board = Board(2)
    board.join(1)
    lateness = list(range(len(LATENESS_BOUNDS_MS) + 1))
    figures = WorkerFigures(1, 2, 3, 0, 100, 5, 12345, 7, 8, 9, lateness)
    board.publish(figures)
    assert board.rows()[1] == figures
    assert board.rows()[0].present == 0
    board.count_streams(4)
    assert board.streams() == 4


def test_ticks_are_counted_by_how_late_they_were() -> None:
    figures = Figures()
    for lateness_ms in (0.2, 1.0, 1.5, 700):
        figures.tick(lateness_ms / 1000, 70 if lateness_ms == 700 else 0)
    row = figures.snapshot(0, 0, [])
    assert row.lateness[:2] == [2, 1] and row.lateness[-1] == 1 and sum(row.lateness) == row.ticks == 4
    assert row.missed_ticks == 70
    assert row.overloaded == 1
    assert figures.snapshot(0, 0, []).overloaded == 0, "of the last second only"


def test_the_counts_of_ended_streams_are_kept() -> None:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    memory.discard_playback(8000)
    memory.set_control(Control.HOLD, 0)
    switch.playback(160, 8000)
    figures = Figures()
    assert figures.snapshot(1, 1, [memory]).underruns == 1
    figures.stream_ended(memory)
    assert figures.snapshot(1, 0, []).underruns == 1
