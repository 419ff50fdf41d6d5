import pytest

from mod_openai_realtime.stream.first_connection import FirstConnection


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_an_answer_that_will_not_change_ends_the_wait(status: int) -> None:
    first = FirstConnection(10)
    assert first.failed(f"HTTP {status}", status, last=False) == f"No connection: HTTP {status}"


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_any_other_failure_is_waited_out(status: int) -> None:
    first = FirstConnection(10)
    assert first.failed("no", status, last=False) is None


def test_the_last_attempt_ends_the_wait() -> None:
    first = FirstConnection(10)
    assert first.failed("Connection refused", 0, last=True) == "No connection: Connection refused"


def test_the_end_of_the_time_names_the_last_failure() -> None:
    first = FirstConnection(10)
    assert first.overdue() == "No connection within 10 s"
    first.failed("Connection refused", 0, last=False)
    first.failed("HTTP 503", 503, last=False)
    assert first.overdue() == "No connection within 10 s: HTTP 503"


def test_once_there_was_a_connection_nothing_that_follows_is_a_failure() -> None:
    first = FirstConnection(10)
    first.made()
    assert first.failed("HTTP 401", 401, last=True) is None
    assert first.overdue() is None
