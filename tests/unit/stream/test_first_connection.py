import pytest
from timers import Timers

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


def lost(first: FirstConnection, code: int, now_s: float, *, greeted: bool = False, others: bool = False) -> str | None:
    return first.lost(code, "bad_model", now_s, greeted=greeted, others=others)


@pytest.mark.parametrize(("now_s", "greeted"), [(0.0, True), (5.0, False)], ids=["greeted", "it lasted"])
def test_once_there_was_a_connection_nothing_that_follows_is_a_failure(now_s: float, greeted: bool) -> None:
    first = FirstConnection(10)
    first.made(0.0)
    assert lost(first, 4000, now_s, greeted=greeted) is None
    assert first.failed("HTTP 401", 401, last=True) is None
    assert first.overdue() is None


@pytest.mark.parametrize("code", [1008, 4000])
def test_a_connection_that_is_refused_once_it_is_open_was_none(code: int) -> None:
    first = FirstConnection(10)
    first.made(0.0)
    assert lost(first, code, 0.1) == f"No connection: {code} bad_model"


def test_where_another_server_may_take_it_a_refusal_is_waited_out() -> None:
    first = FirstConnection(10)
    first.made(0.0)
    assert lost(first, 4000, 0.1, others=True) is None
    assert first.overdue() == "No connection within 10 s: 4000 bad_model"


def test_connections_that_come_and_go_are_none_once_the_time_is_up() -> None:
    first = FirstConnection(10)
    first.made(0.0)
    assert lost(first, 1011, 0.1) is None
    first.made(9.9)
    assert first.overdue() is None
    assert lost(first, 1011, 10.1) == "No connection within 10 s: 1011 bad_model"


def test_the_time_runs_out_once() -> None:
    timers, told = Timers(), []
    first = FirstConnection(10)
    first.begin(timers.later, told.append)
    assert timers.run_out() == [10]
    first.settle()
    assert told == ["No connection within 10 s"]


@pytest.mark.parametrize("settled", [True, False])
def test_no_time_runs_where_there_is_nothing_to_wait_for(settled: bool) -> None:
    timers, told = Timers(), []
    first = FirstConnection(10)
    first.begin(timers.later, told.append)
    if settled:
        first.settle()
    else:
        first.made(0.0)
        lost(first, 1006, 1.0, greeted=True)
    assert timers.running == [] and told == []
