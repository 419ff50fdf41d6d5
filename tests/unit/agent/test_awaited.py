"""Who waits for what is heard, and is told it once."""

from __future__ import annotations

from functools import partial

import pytest

from mod_openai_realtime.agent import actions as a
from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.awaited import MAX_RESULTS, NOTHING, Awaited
from mod_openai_realtime.agent.effects import Resolve
from mod_openai_realtime.agent.errors import CallError
from mod_openai_realtime.agent.values import Heard

SOME = Heard("Good", 300, True)


@pytest.mark.parametrize("late", [False, True], ids=["in time", "after it was heard"])
def test_what_was_heard_of_a_response_is_told_to_who_asked_for_it(late: bool) -> None:
    awaited = Awaited()
    awaited.request("say-1", 7)
    steps = [partial(awaited.over, a.Over("say-1", "r1", "completed")), partial(awaited.heard, "r1", SOME)]
    assert [step() for step in (reversed(steps) if late else steps)] == [[], [Resolve(7, SOME)]]
    assert awaited.end() == []


def test_of_long_ago_nothing_is_known() -> None:
    awaited = Awaited()
    for number in range(MAX_RESULTS + 1):
        awaited.heard(f"r{number}", SOME)
    for number in (0, 1):
        awaited.request(f"say-{number}", number)
    assert awaited.over(a.Over("say-0", "r0", "completed")) == []
    assert awaited.over(a.Over("say-1", "r1", "completed")) == [Resolve(1, SOME)]


def test_a_request_that_came_to_nothing_says_so() -> None:
    awaited = Awaited()
    awaited.request("say-1", 1)
    awaited.request("say-2", 2)
    (refused,) = awaited.over(a.Over("say-1", None, "refused", "no"))
    assert isinstance(refused, Resolve) and refused.waiter == 1
    assert isinstance(refused.value, CallError) and str(refused.value) == "no"
    assert awaited.over(a.Over("say-2", None, "lost")) == [Resolve(2, NOTHING)]
    assert awaited.over(a.Over("say-2", None, "lost")) == []


def test_a_sound_is_told_of_where_somebody_waits() -> None:
    awaited = Awaited()
    awaited.play(1, 7)
    awaited.play(-1, None)
    assert awaited.played(m.Played(1, 1, 1, heard_ms=300, interrupted=True)) == [Resolve(7, Heard("", 300, True))]
    assert awaited.plays
    assert awaited.played(m.Played(1, 2, -1)) == [] and not awaited.plays


def test_who_waits_for_quiet_is_told_once_how_it_ended() -> None:
    awaited = Awaited()
    for waiter, until in ((1, 10.0), (2, 20.0), (3, None), (4, 5.0)):
        awaited.until_quiet(waiter, until)
    awaited.forget(4)
    assert awaited.deadline == 10.0
    assert awaited.late(9.9) == []
    assert awaited.late(10.0) == [Resolve(1, "late")]
    assert awaited.deadline == 20.0
    assert awaited.end_wait_for_quiet("interrupted") == [Resolve(2, "interrupted"), Resolve(3, "interrupted")]
    assert not awaited.waits_for_quiet and awaited.end() == []


def test_at_the_end_all_are_told() -> None:
    awaited = Awaited()
    awaited.request("say-1", 1)
    awaited.request("say-2", 2)
    awaited.over(a.Over("say-2", "r2", "completed"))
    awaited.play(1, 3)
    awaited.until_quiet(4, None)
    assert awaited.end() == [Resolve(1, NOTHING), Resolve(2, NOTHING), Resolve(3, NOTHING), Resolve(4, "over")]
    assert awaited.end() == []
