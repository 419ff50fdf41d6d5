from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.realtime.backoff import Backoff, BackoffLimits
from mod_openai_realtime.realtime.closes import Loss

LIMITS = BackoffLimits()


def low() -> float:
    return 0.0


def high() -> float:
    return 0.999999


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(LIMITS, low)
    waits = [backoff.after_failed_attempt(0) for _ in range(9)]
    assert waits == [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]


def test_jitter_reaches_twice_the_floor_and_never_the_far_side_of_ten_seconds() -> None:
    backoff = Backoff(LIMITS, high)
    waits = [round(backoff.after_failed_attempt(0)) for _ in range(9)]
    assert waits == [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("failed"), st.sampled_from([0, 101, 401, 404, 429, 500])),
            st.tuples(st.just("lost"), st.floats(0, 1e6)),
            st.tuples(st.just("unwanted"), st.floats(0, 1e6)),
        ),
        max_size=60,
    ),
    st.floats(0, 1, exclude_max=True),
)
def test_every_wait_is_within_the_limits(outcomes: list[tuple[str, float]], fraction: float) -> None:
    backoff = Backoff(LIMITS, lambda: fraction)
    at_once = True
    for what, value in outcomes:
        at_once = at_once or (what != "failed" and value >= LIMITS.proved_after_s)
        if what == "failed":
            at_once, wait_ms = False, backoff.after_failed_attempt(int(value))
        else:
            wait_ms = backoff.after_lost_connection(value, Loss.FINAL if what == "unwanted" else Loss.PASSING)
        first = at_once and what == "lost"
        assert (0 <= wait_ms < LIMITS.spread_ms) if first else (100 <= wait_ms <= 10_000)
        at_once = at_once and not first


def test_waits_stay_finite_over_a_call_of_days() -> None:
    backoff = Backoff(LIMITS, high)
    for _ in range(100_000):
        wait_ms = backoff.after_failed_attempt(0)
    assert wait_ms <= 10_000
    assert backoff.retries == 100_000


def test_fatal_answers_wait_longest_from_the_first_on() -> None:
    for status in (400, 401, 403, 404):
        assert Backoff(LIMITS, low).after_failed_attempt(status) == 10_000


def test_passing_answers_wait_like_any_failure() -> None:
    for status in (101, 302, 429, 500, 503):
        assert Backoff(LIMITS, low).after_failed_attempt(status) == 100


def test_a_connection_that_held_starts_the_count_and_the_waits_anew() -> None:
    backoff = Backoff(LIMITS, low)
    for _ in range(5):
        backoff.after_failed_attempt(0)
    assert backoff.after_lost_connection(LIMITS.proved_after_s) == 0
    assert backoff.retries == 0
    assert backoff.after_failed_attempt(0) == 100
    assert backoff.retries == 1


def test_what_was_lost_is_tried_again_at_once_within_the_spread_and_then_as_after_any_failure() -> None:
    for random, first in ((low, 0), (high, 250)):
        backoff = Backoff(LIMITS, random)
        assert round(backoff.after_lost_connection(60)) == first
        assert round(backoff.after_failed_attempt(0)) == (200 if first else 100)


def test_a_hundred_and_fifty_streams_that_are_lost_together_never_come_back_together() -> None:
    random = Random(1).random
    streams = [Backoff(LIMITS, random) for _ in range(150)]
    attempts = [each.after_lost_connection(60) for each in streams]  # ms since they were lost
    assert at_most_within(25, attempts) <= 30  # 15, were they even
    for _ in range(10):
        attempts = [at + each.after_failed_attempt(0) for at, each in zip(attempts, streams, strict=True)]
        assert at_most_within(25, attempts) <= 46
    assert at_most_within(1000, attempts) < 50


def at_most_within(ms: float, times: list[float]) -> int:
    return max(sum(start <= time < start + ms for time in times) for start in times)


def test_an_endpoint_that_accepts_and_closes_at_once_is_asked_ever_more_rarely() -> None:
    backoff = Backoff(LIMITS, low)
    waits = [backoff.after_lost_connection(0.2) for _ in range(9)]
    assert waits == [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]


def test_a_server_that_does_not_want_us_is_asked_at_the_longest_wait_only_whatever_went_before() -> None:
    backoff = Backoff(LIMITS, low)
    assert backoff.after_lost_connection(60, Loss.FINAL) == 10_000
    assert backoff.after_lost_connection(0.2, Loss.FINAL) == 10_000
    assert backoff.after_lost_connection(0.2, Loss.FINAL, others=True) == 100


def test_a_goodbye_for_no_reason_waits_like_a_failure() -> None:
    assert Backoff(LIMITS, low).after_lost_connection(60, Loss.OTHER) == 100


def test_an_expired_session_is_followed_by_another_at_once() -> None:
    assert Backoff(LIMITS, low).after_lost_connection(3600, Loss.EXPIRED) == 0


def test_a_short_connection_between_failures_does_not_reset_the_count() -> None:
    backoff = Backoff(LIMITS, low)
    backoff.after_failed_attempt(0)
    backoff.after_lost_connection(0.2)
    assert backoff.after_failed_attempt(0) == 400
    assert backoff.retries == 2
