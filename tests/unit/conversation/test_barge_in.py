"""What a server is asked for, so that it leaves its answers alone when the caller speaks."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mod_openai_realtime.conversation.barge_in import BargeIn, BargeInTerms
from mod_openai_realtime.conversation.conversation import Conversation
from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.conversation.successor import Successor
from mod_openai_realtime.dialect.dialect import Dialect
from mod_openai_realtime.dialect.profiles import OPENAI, OPENAI_BETA, PROFILES, VLLM, VOICE_LIVE, XAI

LEAVES = {"interrupt_response": False}


def nested(detection: Any) -> dict[str, Any]:
    return {"audio": {"input": {"turn_detection": detection}}}


def terms(dialect: Dialect = OPENAI, policy: BargeIn = BargeIn.CONFIRM) -> BargeInTerms:
    return BargeInTerms(policy, dialect, asks=True)


STATED = {"type": "semantic_vad", "eagerness": "low", "idle_timeout_ms": None}


@pytest.mark.parametrize(
    ("dialect", "stated", "asked"),
    [
        (
            OPENAI,
            nested(STATED),
            {"type": "realtime", **nested({"type": "semantic_vad", "eagerness": "low", **LEAVES})},
        ),
        (OPENAI, {}, {"type": "realtime", **nested({"type": "server_vad", **LEAVES})}),
        (OPENAI_BETA, {"turn_detection": STATED}, {"turn_detection": {**STATED, **LEAVES}}),
        (XAI, {"turn_detection": {"type": "server_vad"}}, {"turn_detection": {"type": "server_vad", **LEAVES}}),
        (
            VOICE_LIVE,
            {"turn_detection": {"type": "server_vad", "threshold": 0.5}},
            {"turn_detection": {"type": "azure_semantic_vad", **LEAVES}},
        ),
        (
            VOICE_LIVE,
            {"turn_detection": {"type": "azure_semantic_vad", "threshold": 0.5}},
            {"turn_detection": {"type": "azure_semantic_vad", "threshold": 0.5, **LEAVES}},
        ),
        (OPENAI, nested(None), {}),
        (OPENAI, nested({"type": "server_vad", **LEAVES}), {}),
        (VLLM, {}, {}),
    ],
)
@pytest.mark.parametrize("policy", [BargeIn.OFF, BargeIn.CONFIRM])
def test_a_new_session_is_asked_with_the_turn_detection_that_it_has(
    dialect: Dialect, stated: dict[str, Any], asked: dict[str, Any], policy: BargeIn
) -> None:
    found = terms(dialect, policy).first({}, stated)
    asked = _without_nulls(asked)
    assert found == asked


def _without_nulls(value: Any) -> Any:
    return {k: _without_nulls(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def test_it_is_asked_once_a_session() -> None:
    mine = terms()
    assert mine.first({}, nested(STATED)) and mine.first({}, nested(STATED)) == {}


def test_what_is_asked_anyway_has_it_too() -> None:
    wish = {"type": "realtime", "instructions": "Hi", **nested({"type": "semantic_vad"})}
    assert terms().first(wish, nested(STATED)) == {**wish, **nested({"type": "semantic_vad", **LEAVES})}


@pytest.mark.parametrize("shape", [nested, lambda detection: {"turn_detection": detection}])
def test_the_applications_own_update_has_it_and_stays_its_own_else(shape: Any) -> None:
    mine = terms()
    wish = {"instructions": "Hi", **shape({"type": "server_vad", "interrupt_response": True})}
    told = mine.of_application(wish)
    assert told == {"instructions": "Hi", **shape({"type": "server_vad", **LEAVES})}
    mine.application_sent(told)
    assert mine.first({}, nested(STATED)) == {}  # it has chosen


def test_an_update_that_could_not_be_sent_is_no_choice() -> None:
    mine = terms()
    mine.of_application(nested({"type": "server_vad"}))
    assert mine.first({}, nested(STATED)) != {}


@pytest.mark.parametrize("wish", [{"instructions": "Hi"}, nested(None), nested({"type": "x", **LEAVES}), None, 3])
def test_an_update_without_turn_detection_goes_as_it_is(wish: Any) -> None:
    assert terms().of_application(wish) is None


def test_where_the_server_interrupts_nothing_is_asked() -> None:
    mine = terms(policy=BargeIn.SERVER)
    assert mine.first({}, nested(STATED)) == {}
    assert mine.of_application(nested({"type": "server_vad"})) is None
    assert mine.told({"x": 1}) == {"x": 1} and mine.refused() is None and mine.complaint is None


def test_a_server_that_refuses_is_told_of_and_interrupts_by_itself() -> None:
    mine = terms()
    mine.first({}, nested(STATED))
    assert mine.answered(nested({"type": "server_vad"})) is None and mine.policy is BargeIn.CONFIRM
    complaint = mine.answered(nested({"type": "server_vad", "interrupt_response": True}))
    assert complaint is not None and "STREAM_BARGE_IN=confirm" in complaint and "interrupt_response" in complaint
    assert mine.policy is BargeIn.SERVER


def test_a_refusal_of_something_else_is_none() -> None:
    mine = terms()
    mine.first({}, nested({"type": "server_vad", **LEAVES}))
    assert mine.refused() is None and mine.policy is BargeIn.CONFIRM


def test_where_the_server_is_to_interrupt_nothing_is_told_of_that() -> None:
    mine = terms(policy=BargeIn.SERVER)
    assert mine.answered(nested({"type": "server_vad", "interrupt_response": True})) is None
    assert mine.policy is BargeIn.SERVER


def test_off_stays_off_whatever_the_server_does() -> None:
    mine = terms(policy=BargeIn.OFF)
    mine.first({}, nested(STATED))
    assert mine.refused() is not None and mine.policy is BargeIn.OFF


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_each_dialect_that_can_is_asked_and_no_other(name: str) -> None:
    dialect = PROFILES[name]
    mine = terms(dialect)
    asked = mine.first({}, {})
    assert bool(asked) is dialect.leaves_answers is (mine.complaint is None)
    # What was asked of another server is no reason for this one to refuse it all.
    wish = {"turn_detection": {"type": "server_vad", **LEAVES}}
    if not dialect.leaves_answers:
        assert mine.told(wish) == {"turn_detection": {"type": "server_vad"}}


def test_a_session_that_takes_over_is_asked_before_it_does_and_for_what_was_asked_meanwhile() -> None:
    conversation = Conversation(10)
    negotiation = Negotiation({}, Complaints(lambda text: None), session=True)
    session = Session(
        2,
        negotiation,
        Interruption(True),
        conversation,
        plays=True,
        raw=False,
        restored=True,
        barge_in=BargeIn.CONFIRM,
    )
    successor = Successor(session)
    (asked,) = successor.server_said(orjson.dumps({"type": "session.created", "session": nested(STATED)}))
    assert orjson.loads(asked)["session"]["audio"]["input"]["turn_detection"]["interrupt_response"] is False
    assert not successor.ready
    successor.server_said(orjson.dumps({"type": "session.updated", "session": nested({**STATED, **LEAVES})}))
    assert successor.ready
    conversation.application_sent({"type": "session.update", "session": nested({"type": "server_vad"})})
    again = successor.ask_again()
    assert again is not None
    assert orjson.loads(again)["session"] == nested({"type": "server_vad", **LEAVES})
