"""What workers tell one another, and what they count."""

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide
from mod_openai_realtime.audio.control import Control
from mod_openai_realtime.engine.figures import Figures
from mod_openai_realtime.engine.media_clock import TICK_NS, make_ticker
from mod_openai_realtime.observe.board import LATENESS_BOUNDS_MS, Board, WorkerFigures
from mod_openai_realtime.observe.usage import KINDS


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
    figures = WorkerFigures(1, 2, 3, 0, 100, 5, 12345, 7, 8, 9, lateness, list(range(1, 1 + len(KINDS))))
    board.publish(figures)
    assert board.rows()[1] == figures
    assert board.rows()[0].present == 0
    board.count_streams(4)
    assert board.streams() == 4


def test_ticks_are_counted_by_how_late_they_were() -> None:
    figures = Figures()
    ticker = make_ticker(Poller())
    ticker.start(0)
    due_ns = TICK_NS
    for lateness_us in (200, 1000, 1500, 700_000):
        due_ns = ticker.tick(due_ns + 1000 * lateness_us)
    row = figures.snapshot(0, 0, [], ticker)
    assert row.lateness[:2] == [2, 1] and row.lateness[-1] == 1 and sum(row.lateness) == row.ticks == 4
    assert row.missed_ticks == 70
    assert row.lateness_us == 702_700
    assert row.overloaded == 1
    assert figures.snapshot(0, 0, [], ticker).overloaded == 0, "of the last second only"


def test_the_counts_of_ended_streams_are_kept() -> None:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    memory.discard_playback(8000)
    memory.set_control(Control.EXPECTING, 0)
    switch.playback(160, 8000)
    figures = Figures()
    ticker = make_ticker(Poller())
    assert figures.snapshot(1, 1, [memory], ticker).underruns == 1
    figures.stream_ended(memory)
    assert figures.snapshot(1, 0, [], ticker).underruns == 1


def test_hosts_have_cells_of_their_own() -> None:
    board = Board(2, hosts=3)
    board.join(1)
    board.host_was_blocked(0, 1.5)
    board.host_was_blocked(2, 0.25)
    board.host_was_blocked(2, 0.25)
    board.absent(1)
    assert board.agents_blocked_s == 2.0
    assert len(board.rows()) == 2
    assert Board(2).agents_blocked_s == 0
