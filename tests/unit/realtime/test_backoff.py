from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.realtime.backoff import Backoff, BackoffLimits

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
        ),
        max_size=60,
    ),
    st.floats(0, 1, exclude_max=True),
)
def test_every_wait_is_within_the_limits(outcomes: list[tuple[str, float]], fraction: float) -> None:
    backoff = Backoff(LIMITS, lambda: fraction)
    for what, value in outcomes:
        wait_ms = backoff.after_failed_attempt(int(value)) if what == "failed" else backoff.after_lost_connection(value)
        assert 100 <= wait_ms <= 10_000


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
    assert backoff.after_lost_connection(LIMITS.proved_after_s) == 100
    assert backoff.retries == 0
    backoff.after_failed_attempt(0)
    assert backoff.retries == 1


def test_an_endpoint_that_accepts_and_closes_at_once_is_asked_ever_more_rarely() -> None:
    backoff = Backoff(LIMITS, low)
    waits = [backoff.after_lost_connection(0.2) for _ in range(8)]
    assert waits == [100, 200, 400, 800, 1600, 3200, 5000, 5000]


def test_a_short_connection_between_failures_does_not_reset_the_count() -> None:
    backoff = Backoff(LIMITS, low)
    backoff.after_failed_attempt(0)
    backoff.after_lost_connection(0.2)
    assert backoff.after_failed_attempt(0) == 400
    assert backoff.retries == 2
