"""What a consultation comes to, in whatever order things happen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.agent.consultation import Consultation, Step
from mod_openai_realtime.agent.values import Consult

EVENTS = {
    "answered": Consultation.answered,
    "not_answered": lambda it: it.not_answered(Consult.no_answer, ""),
    "cannot_be_called": lambda it: it.not_answered(None, "CHAN_NOT_IMPLEMENTED"),
    "agreed": Consultation.agreed,
    "refused": Consultation.refused,
    "other_gone": Consultation.other_gone,
    "agent_gone": lambda it: it.agent_gone("no endpoint"),
    "connected": Consultation.connected,
    "not_connected": Consultation.not_connected,
    "given_up": Consultation.given_up,
    "caller_gone": Consultation.caller_gone,
}


def steps_of(it: Consultation, *events: str) -> list[Step]:
    steps = it.begin()
    for event in events:
        steps += EVENTS[event](it)
    return steps


@pytest.mark.parametrize(
    ("events", "steps", "outcome"),
    [
        (("answered", "agreed", "connected"), [Step.CONNECT, Step.LEAVE], Consult.connected),
        (("agreed", "answered", "connected"), [Step.CONNECT, Step.LEAVE], Consult.connected),
        (("answered", "refused"), [Step.LET_GO, Step.UNHOLD], Consult.declined),
        (("not_answered",), [Step.LET_GO, Step.UNHOLD], Consult.no_answer),
        (("answered", "other_gone"), [Step.LET_GO, Step.UNHOLD], Consult.hung_up),
        (("agreed", "not_connected"), [Step.CONNECT, Step.LET_GO, Step.UNHOLD], Consult.hung_up),
        (("answered", "agent_gone"), [Step.LET_GO, Step.UNHOLD], None),
        (("answered", "caller_gone"), [Step.EXCUSE], None),
        (("caller_gone",), [], None),
    ],
)
def test_what_follows(events: tuple[str, ...], steps: list[Step], outcome: Consult | None) -> None:
    it = Consultation()
    assert steps_of(it, *events) == [Step.CALL, *steps]
    assert it.over and it.outcome is outcome
    assert bool(it.failure) is (outcome is None)


@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=12))
def test_nobody_is_left_behind(events: list[str]) -> None:
    it = Consultation()
    steps, caller_there = it.begin(), True
    for event in events:
        was_over, before = it.over, (it.outcome, it.failure)
        follows = EVENTS[event](it)
        if was_over:
            assert follows == [] and (it.outcome, it.failure) == before
        elif event == "caller_gone":
            caller_there = False
        steps += follows
    assert len(set(steps)) == len(steps), "something is done twice"
    if not it.over:
        assert Step.LEAVE not in steps and Step.LET_GO not in steps
    elif it.outcome is Consult.connected:
        assert steps == [Step.CALL, Step.CONNECT, Step.LEAVE]
    elif caller_there:
        assert steps[-2:] == [Step.LET_GO, Step.UNHOLD]
    else:
        # Who had not answered is let go of by FreeSWITCH.
        assert Step.UNHOLD not in steps
        answered = Step.CONNECT in steps or "answered" in events[: events.index("caller_gone")]
        assert (steps[-1] is Step.EXCUSE) is answered
