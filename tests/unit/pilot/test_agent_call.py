"""One call of an agent: what its host is told, what it may do, and what the next host gets where it dies."""

from __future__ import annotations

import pytest
from pilot_doubles import FakeHost, NotedDesk
from timers import Timers

from mod_openai_realtime.agent.messages import (
    DONE_S,
    MAX_KEPT_BYTES,
    Acts,
    Begin,
    Close,
    Connected,
    Digit,
    Done,
    Ended,
    Execute,
    Facts,
    Fail,
    Kept,
    Plan,
    Result,
    Send,
)
from mod_openai_realtime.pilot import agent_call
from mod_openai_realtime.pilot.agent_call import PLAN_S, AgentCall
from mod_openai_realtime.pilot.agent_calls import RECONNECT_S, AgentCalls

PLAN = Plan({"instructions": "Be brief."})


@pytest.fixture
def planned(call: AgentCall, host: FakeHost) -> FakeHost:
    """The host has the call, and has said what the session is to be."""
    host.hello("bakery")
    host.say(Acts(call.number, 1, [PLAN]))
    host.told()
    return host


def test_a_host_is_told_of_the_call_and_opens_its_stream(call: AgentCall, host: FakeHost, desk: NotedDesk) -> None:
    host.hello("bakery")
    _, begin = host.told()
    assert begin == Begin(call.number, 1, "bakery", Facts("uuid-1"))
    assert call.state == "starting"
    host.say(Acts(call.number, 1, [PLAN]))
    assert desk.did == [PLAN]
    assert call.state == "talking"


def test_an_agent_that_never_says_what_its_session_is_to_be_has_failed(
    call: AgentCall, desk: NotedDesk, timers: Timers
) -> None:
    assert timers.run_out() == [PLAN_S]
    assert desk.did == [("fail", "Agent did not answer", None)]


def test_what_happens_is_numbered(planned: FakeHost, call: AgentCall) -> None:
    call.tell(Connected)
    call.tell(Digit, "5")
    assert planned.told() == [Connected(call.number, 2), Digit(call.number, 3, "5")]


def test_acts_are_carried_out_in_order(planned: FakeHost, call: AgentCall, desk: NotedDesk) -> None:
    planned.say(Acts(call.number, 1, [Send({"type": "response.create"}), Close()]))
    assert desk.did[1:] == [{"type": "response.create"}, "close"]


def test_a_command_is_answered(planned: FakeHost, call: AgentCall, desk: NotedDesk) -> None:
    planned.say(Acts(call.number, 1, [Execute(4, "api", "status")]))
    ((execute, done),) = desk.executing
    assert execute.name == "status"
    done(Result(0, 0, 4, True, "UP"))
    assert planned.told() == [Result(call.number, 2, 4, True, "UP")]


def test_the_next_host_gets_what_was_kept_and_what_was_not_worked_off(
    planned: FakeHost, call: AgentCall, calls: AgentCalls, desk: NotedDesk
) -> None:
    call.connected(True)
    call.tell(Connected)
    call.tell(Digit, "1")
    call.tell(Digit, "2")
    planned.say(Acts(call.number, 3, [], Kept({"digits": "1"}, {"0": {"who": "caller"}})))
    planned.dies()
    call.tell(Digit, "3")
    other = FakeHost(calls).hello("bakery", name="def")
    _, begin, *rest = other.told()
    assert begin.kept == Kept({"digits": "1"}, {"0": {"who": "caller"}})
    assert begin.connected is True
    assert rest == [Digit(call.number, 4, "2"), Digit(call.number, 5, "3")]
    assert begin.n == 6
    other.say(Acts(call.number, 6, [PLAN, Send({"type": "x"})]))
    assert desk.did == [PLAN, {"type": "x"}]  # one plan, whoever makes it


def test_a_host_that_dies_before_its_plan_is_followed_by_one_that_makes_it(
    call: AgentCall, host: FakeHost, calls: AgentCalls, desk: NotedDesk
) -> None:
    host.hello("bakery")
    host.dies()
    other = FakeHost(calls).hello("bakery")
    _, begin = other.told()
    assert begin.kept == Kept()
    other.say(Acts(call.number, begin.n, [PLAN]))
    assert desk.did == [PLAN]


def test_the_end_is_the_last_that_is_told_and_nothing_is_done_after_it(
    planned: FakeHost, call: AgentCall, desk: NotedDesk
) -> None:
    call.ended("caller")
    call.tell(Digit, "1")
    assert planned.told() == [Ended(call.number, 2, "caller")]
    planned.say(Acts(call.number, 1, [Send({"type": "too late"}), Execute(1, "api", "status")]))
    assert desk.did == [PLAN] and desk.executing == []


def test_a_call_that_has_ended_waits_for_its_host_and_no_longer_than_it_may(
    planned: FakeHost, call: AgentCall, calls: AgentCalls, timers: Timers, caplog: pytest.LogCaptureFixture
) -> None:
    call.ended("hang_up")
    planned.dies()
    other = FakeHost(calls).hello("bakery")
    assert isinstance(other.told()[-1], Ended)  # on_end runs there
    assert DONE_S in timers.run_out()
    assert "agent bakery of call uuid-1 is given up: hang_up: on_end takes too long" in caplog.messages
    other.dies()
    assert FakeHost(calls).hello("bakery").told()[1:] == []


def test_a_host_that_is_done_is_told_nothing_more(
    planned: FakeHost, call: AgentCall, timers: Timers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    call.ended("stopped")
    planned.say(Acts(call.number, 2, [Done("transferred")]))
    assert planned.worker_end.calls == {}
    assert DONE_S not in timers.run_out()
    assert caplog.messages == ["agent bakery of call uuid-1 is done: transferred"]


def test_an_answer_that_comes_after_the_end_is_not_told(planned: FakeHost, call: AgentCall, desk: NotedDesk) -> None:
    planned.say(Acts(call.number, 1, [Execute(1, "api", "status")]))
    call.ended("caller")
    planned.told()
    desk.executing[0][1](Result(0, 0, 1, False))
    assert planned.told() == []


def test_an_agent_that_fails_ends_its_stream(call: AgentCall, host: FakeHost, desk: NotedDesk) -> None:
    host.hello("bakery")
    host.say(Acts(call.number, 1, [Fail("on_start raised", "sorry.wav")]))
    assert desk.did == [("fail", "on_start raised", "sorry.wav")]


def test_a_worker_that_comes_after_goes_on_with_plan_and_numbers(planned: FakeHost, call: AgentCall) -> None:
    call.tell(Connected)
    call.tell(Digit, "1")
    planned.say(Acts(call.number, 2, [], Kept({"a": 1})))
    kept = call.kept()
    timers = Timers()
    calls = AgentCalls(frozenset({"bakery"}), timers.later)
    after = calls.begin("bakery", kept.facts, NotedDesk(), kept)
    assert [timer.delay_s for timer in timers.running] == [RECONNECT_S]  # the plan is there
    assert FakeHost(calls).hello("bakery", name="other").told()[1:] == []  # the agent's instance is elsewhere
    _, begin = FakeHost(calls).hello("bakery").told()
    assert begin.kept == Kept({"a": 1})
    assert begin.n > 4  # the host may have been told more than was kept
    assert after.state == "talking"


def test_what_is_kept_is_bounded_the_oldest_turns_go(
    planned: FakeHost, call: AgentCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = {"text": "x" * (MAX_KEPT_BYTES // 4)}
    for index in range(9):
        planned.say(Acts(call.number, 1, [], Kept({}, {str(index): turn})))
    assert list(call.kept().host.turns) == ["6", "7", "8"]
    monkeypatch.setattr(agent_call, "MAX_KEPT_BYTES", 1000)
    planned.say(Acts(call.number, 1, [], Kept({"state": "y" * 2000}, {})))
    assert call.kept().host == Kept()


def test_where_that_host_does_not_come_back_another_gets_the_call(planned: FakeHost, call: AgentCall) -> None:
    kept, timers = call.kept(), Timers()
    calls = AgentCalls(frozenset({"bakery"}), timers.later)
    other = FakeHost(calls).hello("bakery", name="other")
    calls.begin("bakery", kept.facts, NotedDesk(), kept)
    assert other.told()[1:] == []
    assert timers.run_out() == [RECONNECT_S]
    assert isinstance(other.told()[0], Begin)
