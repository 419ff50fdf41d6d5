from mod_openai_realtime.engine.restarts import AT_ONCE, LONGEST_S, STEADY_S, Restarts


def test_a_process_that_has_lived_is_started_again_at_once_however_often_it_ends() -> None:
    restarts = Restarts()
    assert [restarts.wait_s(STEADY_S) for _ in range(100)] == [0.0] * 100


def test_the_first_that_end_early_are_followed_at_once() -> None:
    restarts = Restarts()
    assert [restarts.wait_s(0.1) for _ in range(AT_ONCE)] == [0.0] * AT_ONCE


def test_one_that_ends_early_again_and_again_is_started_ever_more_rarely_but_never_given_up() -> None:
    restarts = Restarts()
    now, waits = 0.0, []
    while now < 60:
        now += 0.01  # it lives that long
        waits.append(restarts.wait_s(0.01))
        now += waits[-1]
    assert waits == sorted(waits)
    assert len(waits) <= AT_ONCE + 4 + 60 / LONGEST_S
    assert max(waits) == LONGEST_S, "calls wait for it"


def test_a_loop_of_months_has_its_wait() -> None:
    restarts = Restarts()
    assert [restarts.wait_s(0.0) for _ in range(20_000)][-1] == LONGEST_S


def test_a_life_of_some_length_ends_the_loop() -> None:
    restarts = Restarts()
    for _ in range(10):
        restarts.wait_s(0.1)
    assert restarts.wait_s(STEADY_S) == 0.0
    assert [restarts.wait_s(0.1) for _ in range(AT_ONCE)] == [0.0] * AT_ONCE
