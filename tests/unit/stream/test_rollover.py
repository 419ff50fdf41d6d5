"""When another session is begun, and when it takes over, by a clock that the test moves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.conversation.successor import Successor
from mod_openai_realtime.later import Timer
from mod_openai_realtime.realtime.endpoint import EndpointListener
from mod_openai_realtime.stream.rollover import LATEST_S, PLAYING_ON_S, SETTLE_S, SETUP_S, Rollover, _Candidate

AGE_S = 3300.0


class Clock:
    """Seconds, and timers that run out in their order as they pass."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, _Timer]] = []

    def later(self, delay_s: float, function: Any) -> Timer:
        timer = _Timer(function)
        self._timers.append((self.now + delay_s, timer))
        return timer

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = [(at, timer) for at, timer in self._timers if at <= end and timer.function is not None]
            if not due:
                break
            at, timer = min(due, key=lambda each: each[0])
            self._timers.remove((at, timer))
            self.now = max(self.now, at)
            timer.run()
        self.now = end

    @property
    def running(self) -> int:
        return sum(timer.function is not None for _, timer in self._timers)


class _Timer:
    def __init__(self, function: Any) -> None:
        self.function = function

    def cancel(self) -> None:
        self.function = None

    def run(self) -> None:
        function, self.function = self.function, None
        function()


class Endpoint:
    def __init__(self, listener: EndpointListener) -> None:
        self.listener = listener
        self.server, self.peer = 0, "host:443"
        self.started = self.stopped = False
        self.failed: list[str] = []

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.stopped = True

    def send_text(self, payload: bytes) -> bool:
        return True

    def fail_connection(self, reason: str) -> float:
        self.failed.append(reason)
        self.listener.on_disconnected(1008, reason)
        return 100.0

    def opens(self) -> None:
        self.listener.on_connected()

    def greets(self) -> None:
        self.listener.on_text(b'{"type":"session.created","session":{}}')


class Host:
    def __init__(self) -> None:
        self.endpoints: list[Endpoint] = []
        self.speaking = self.playing = False
        self.taken: list[Any] = []
        self.adopted: list[Any] = []
        self.warnings: list[str] = []
        self.greeted = True

    def make_successor(self, listener: EndpointListener) -> Any:
        self.endpoints.append(Endpoint(listener))
        return self.endpoints[-1]

    def next_session(self, server: int) -> Session:
        negotiation = Negotiation({}, Complaints(lambda text: None), session=True)
        return Session(1, negotiation, Interruption(True), plays=True, raw=False)

    def is_quiet(self, *, playing_on: bool) -> bool:
        return not self.speaking and (playing_on or not self.playing)

    def adopt(self, endpoint: Any) -> None:
        self.adopted.append(endpoint)

    def take_over(self, endpoint: Any, successor: Successor) -> None:
        self.taken.append(endpoint)

    def sent(self, payload: bytes) -> None: ...

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class Bench:
    def __init__(self, age_s: float = AGE_S, *, late: bool = True) -> None:
        self.clock, self.host = Clock(), Host()
        self.rollover = Rollover(self.host, self.clock.later, lambda: age_s, late=late, clock=lambda: self.clock.now)
        assert self.rollover.connected() == ""

    @property
    def successor(self) -> Endpoint:
        return self.host.endpoints[-1]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(("stated_s", "left_s"), [(1200.0, 900.0), (400.0, 200.0), (3599.5, 3299.5)])
def test_a_session_that_the_server_ends_earlier_is_left_before_that(
    bench: Bench, stated_s: float, left_s: float
) -> None:
    bench.rollover.expires(stated_s)
    bench.clock.run(left_s - 0.01)
    assert bench.host.endpoints == []
    bench.clock.run(0.01)
    assert len(bench.host.endpoints) == 1


@pytest.mark.parametrize("stated_s", [7200.0, 59.0, 0.0, -3600.0])
def test_it_stays_where_the_server_gives_it_longer_or_one_of_the_clocks_is_wrong(bench: Bench, stated_s: float) -> None:
    bench.rollover.expires(stated_s)
    bench.clock.run(AGE_S - 0.01)
    assert bench.host.endpoints == []
    bench.clock.run(0.01)
    assert len(bench.host.endpoints) == 1


def test_one_that_is_never_to_be_left_is_not_for_its_end() -> None:
    bench = Bench(age_s=0)
    bench.rollover.expires(1200.0)
    assert bench.clock.running == 0


def test_another_one_that_is_on_its_way_stays_on_it_whatever_the_server_says(bench: Bench) -> None:
    bench.clock.run(AGE_S)
    bench.rollover.expires(1200.0)
    bench.successor.opens()
    bench.successor.greets()
    assert bench.host.taken == [bench.successor]


def test_at_its_age_a_quiet_session_is_followed_by_another(bench: Bench) -> None:
    bench.clock.run(AGE_S - 0.01)
    assert bench.host.endpoints == []
    bench.clock.run(0.01)
    assert bench.successor.started
    bench.successor.opens()
    assert bench.host.taken == []
    bench.successor.greets()
    assert bench.host.taken == [bench.successor]
    assert not bench.successor.stopped


def test_never_is_never() -> None:
    bench = Bench(0)
    bench.clock.run(1e6)
    assert bench.host.endpoints == []


def test_a_moment_of_quiet_is_waited_for_to_begin_and_to_take_over(bench: Bench) -> None:
    bench.host.speaking = True
    bench.clock.run(AGE_S + 30)
    assert bench.host.endpoints == []
    bench.host.speaking = False
    bench.clock.run(0.1)
    bench.successor.opens()
    bench.host.speaking = True
    bench.successor.greets()
    bench.clock.run(30)
    assert bench.host.taken == []
    bench.host.speaking = False
    bench.clock.run(0.1)
    assert bench.host.taken == [bench.successor]
    assert len(bench.host.endpoints) == 1


def test_after_a_while_what_was_received_may_play_on(bench: Bench) -> None:
    bench.host.playing = True
    bench.clock.run(AGE_S + PLAYING_ON_S - 0.2)
    assert bench.host.endpoints == []
    bench.clock.run(0.3)
    assert bench.successor.started


def test_at_the_latest_it_takes_over_whatever_is_being_said(bench: Bench) -> None:
    bench.host.speaking = True
    bench.clock.run(AGE_S + LATEST_S - SETUP_S + 0.1)
    bench.successor.opens()
    bench.successor.greets()
    assert bench.host.taken == []
    bench.clock.run(SETUP_S - 0.2)
    assert bench.host.taken == []
    bench.clock.run(0.2)
    assert bench.host.taken == [bench.successor]


def test_the_servers_word_is_not_waited_over(bench: Bench) -> None:
    bench.host.speaking = True
    bench.rollover.expired()
    bench.successor.opens()
    bench.successor.greets()
    assert bench.host.taken == [bench.successor]


def test_a_server_that_says_so_of_every_session_is_asked_ever_more_rarely(bench: Bench) -> None:
    for _ in range(60):
        begun = len(bench.host.endpoints)
        bench.rollover.expired()
        bench.clock.run(1)
        if len(bench.host.endpoints) > begun:
            bench.successor.opens()
            bench.successor.greets()
            bench.rollover.connected()
    assert 6 <= len(bench.host.endpoints) <= 16
    # One that has lasted is followed by another at once again.
    bench.clock.run(20)
    if bench.host.taken[-1] is not bench.successor:
        bench.successor.opens()
        bench.successor.greets()
        bench.rollover.connected()
    bench.clock.run(20)
    begun = len(bench.host.endpoints)
    bench.rollover.expired()
    assert len(bench.host.endpoints) == begun + 1


def test_where_the_old_connection_is_lost_meanwhile_the_new_one_takes_over_as_it_is(bench: Bench) -> None:
    bench.clock.run(AGE_S)
    bench.successor.opens()
    assert bench.rollover.takes_over(1006, "")
    assert bench.host.taken == [bench.successor]


def test_a_new_connection_that_is_not_there_yet_is_given_up_for_the_streams_own_attempt(bench: Bench) -> None:
    bench.clock.run(AGE_S)
    assert not bench.rollover.takes_over(1006, "")
    assert not bench.rollover.lost(1006, "")
    assert bench.successor.stopped and bench.clock.running == 0
    assert bench.rollover.connected() == ""


def test_after_the_servers_word_it_is_the_streams_attempt(bench: Bench) -> None:
    bench.rollover.expired()
    assert bench.rollover.lost(1001, "bye")
    assert bench.host.adopted == [bench.successor] and not bench.successor.stopped
    assert bench.rollover.connected() == "rollover"


def test_but_not_where_it_has_failed_already(bench: Bench) -> None:
    bench.rollover.expired()
    bench.successor.listener.on_connect_failed(1, "refused", 100, 0, "")
    assert bench.rollover.lost(1001, "bye")
    assert bench.host.adopted == [] and bench.successor.stopped


def test_a_late_rollover_that_fails_is_told_of_once(bench: Bench) -> None:
    assert bench.rollover.lost(1001, "maximum duration")
    assert bench.rollover.failed() == (1001, "maximum duration")
    assert bench.rollover.failed() is None
    assert bench.rollover.connected() == ""


def test_where_nothing_is_restored_nothing_comes_late() -> None:
    bench = Bench(late=False)
    bench.rollover.expired()
    assert bench.host.endpoints == []
    assert not bench.rollover.lost(1001, "maximum duration")


def test_a_server_that_does_not_greet_is_refused_and_another_connection_tried(bench: Bench) -> None:
    bench.clock.run(AGE_S)
    bench.successor.opens()
    bench.clock.run(SETTLE_S)
    assert bench.successor.failed == ["no session.created within 5 s"]
    assert bench.host.taken == [] and not bench.successor.stopped
    bench.successor.opens()
    bench.successor.greets()
    assert bench.host.taken == [bench.successor]


def test_one_that_has_never_greeted_does_not_have_to(bench: Bench) -> None:
    bench.host.greeted = False
    bench.clock.run(AGE_S)
    bench.successor.opens()
    bench.clock.run(SETTLE_S)
    assert bench.host.taken == [bench.successor]


def test_the_end_of_the_stream_ends_the_new_connection(bench: Bench) -> None:
    bench.clock.run(AGE_S)
    bench.successor.opens()
    bench.rollover.finish()
    assert bench.successor.stopped
    assert bench.clock.running == 0


def test_a_session_that_is_asked_again_has_its_whole_time_again(bench: Bench) -> None:
    class Asked:
        session = SimpleNamespace(greeted=True)
        given_up = 0

        def ask_again(self) -> bytes:
            return b"{}"

        def give_up(self) -> None:
            self.given_up += 1

    asked: Any = Asked()
    candidate = _Candidate(bench.rollover, bench.host, bench.clock.later)
    candidate.successor = asked
    for _ in range(2):
        assert candidate.ask_again() == b"{}"
        bench.clock.run(SETTLE_S - 1)
        assert asked.given_up == 0
    bench.clock.run(1)
    assert asked.given_up == 1
