"""Who accepts the next channel."""

from mod_openai_realtime.load_board import LoadBoard


def test_the_worker_with_the_fewest_channels_goes_first() -> None:
    board = LoadBoard(2)
    board.join(1)
    board.publish(3)
    board.join(0)
    assert board.loads() == [0, 3]
    assert board.least_loaded()
    board.publish(3)
    assert board.least_loaded(), "a tie is nobody's to wait for"
    board.publish(4)
    assert not board.least_loaded()


def test_nobody_waits_for_a_worker_that_is_gone() -> None:
    board = LoadBoard(2)
    board.join(0)
    board.publish(5)
    assert board.least_loaded()
