import signal

import pytest

from mod_openai_realtime.engine.deaths import ENOUGH, REMEMBERED, Deaths

CRASHED = -signal.SIGSEGV


def dies_with(deaths: Deaths, uuid: str, exit_code: int = CRASHED, worker: int = 1) -> str:
    deaths.join(worker)
    deaths.in_hand(uuid).begin()
    return deaths.worker_ended(worker, exit_code)


def test_the_channel_in_hand_is_what_a_worker_died_of() -> None:
    deaths = Deaths(2)
    assert dies_with(deaths, "a") == "a"
    assert not deaths.were_enough("a")
    for _ in range(ENOUGH - 1):
        dies_with(deaths, "a", worker=0)
    assert deaths.were_enough("a")
    assert not deaths.were_enough("b")


def test_one_that_died_with_nothing_in_hand_died_of_none() -> None:
    deaths = Deaths(2)
    deaths.join(1)
    deaths.in_hand("a").run(lambda: None)
    assert deaths.worker_ended(1, CRASHED) == ""


def test_what_another_worker_has_in_hand_counts_for_that_one() -> None:
    deaths = Deaths(2)
    deaths.join(0)
    deaths.in_hand("a").begin()
    assert deaths.worker_ended(1, CRASHED) == ""
    assert deaths.worker_ended(0, CRASHED) == "a"


def test_a_worker_that_follows_has_nothing_in_hand() -> None:
    deaths = Deaths(2)
    dies_with(deaths, "a")
    assert deaths.worker_ended(1, CRASHED) == ""


@pytest.mark.parametrize("exit_code", [0, -signal.SIGKILL, -signal.SIGTERM])
def test_one_that_was_ended_from_outside_died_of_none(exit_code: int) -> None:
    deaths = Deaths(2)
    for _ in range(ENOUGH):
        assert dies_with(deaths, "a", exit_code) == ""
    assert not deaths.were_enough("a")


def test_work_that_fails_is_not_in_hand_any_more() -> None:
    deaths = Deaths(1)

    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        deaths.in_hand("a").run(fail)
    assert deaths.worker_ended(0, CRASHED) == ""


def test_the_oldest_channel_is_forgotten() -> None:
    deaths = Deaths(2)
    for number in range(REMEMBERED + 1):
        for _ in range(ENOUGH):
            dies_with(deaths, f"channel-{number}")
    assert not deaths.were_enough("channel-0")
    assert all(deaths.were_enough(f"channel-{number}") for number in range(1, REMEMBERED + 1))


def test_a_count_has_an_end() -> None:
    deaths = Deaths(2)
    for _ in range(300):
        dies_with(deaths, "a")
    assert deaths.were_enough("a")


@pytest.mark.parametrize("uuid", ["\ud800ü", "x" * 300])
def test_any_uuid_can_be_in_hand(uuid: str) -> None:
    deaths = Deaths(2)
    for _ in range(ENOUGH):
        assert dies_with(deaths, uuid)
    assert deaths.were_enough(uuid)


def test_no_uuid_is_no_channel() -> None:
    deaths = Deaths(2)
    for _ in range(ENOUGH):
        assert dies_with(deaths, "") == ""
    assert not deaths.were_enough("")
