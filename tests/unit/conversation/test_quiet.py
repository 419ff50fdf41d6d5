"""Whether a session may be left: neither side speaks, and nothing is owed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mod_openai_realtime.conversation.quiet import ANSWER_WITHIN_NS, Quiet
from mod_openai_realtime.conversation.turn import TurnClock
from mod_openai_realtime.dialect.messages import classify

TRANSCRIBED = "conversation.item.input_audio_transcription"


class Session:
    def __init__(self, *, transcripts: bool = True) -> None:
        self.clock = TurnClock()
        self.quiet = Quiet(self.clock, transcripts=transcripts)

    def hears(self, kind: str, now_ns: int = 0, **fields: Any) -> None:
        self.quiet.server_said(classify(orjson.dumps({"type": kind, **fields})), now_ns)


def test_a_session_in_which_nothing_happens_is_quiet() -> None:
    assert Session().quiet.at(0)


def test_a_caller_who_speaks_is_not_unless_nobody_hears_them() -> None:
    session = Session()
    session.clock.speech_started()
    assert not session.quiet.at(0)
    assert session.quiet.at(0, caller_is_heard=False)


@pytest.mark.parametrize("kind", ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"])
def test_after_a_turn_the_answer_is_waited_for(kind: str) -> None:
    session = Session()
    session.hears(kind, 1000)
    assert not session.quiet.at(1000 + ANSWER_WITHIN_NS - 1)
    assert session.quiet.at(1000 + ANSWER_WITHIN_NS)
    session.hears("response.created", 2000)
    assert session.quiet.at(2000)  # whether it is under way others know


def test_an_answer_that_was_asked_for_is_waited_for() -> None:
    session = Session()
    session.quiet.asked(0)
    assert not session.quiet.at(1)
    session.hears("response.created")
    assert session.quiet.at(1)


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_the_transcript_of_a_turn_is_waited_for_where_it_counts(outcome: str) -> None:
    for counts in (True, False):
        session = Session(transcripts=counts)
        session.hears("input_audio_buffer.committed", item_id="u1")
        session.hears("response.created")
        assert session.quiet.at(1) is not counts
        session.hears(f"{TRANSCRIBED}.{outcome}", item_id="u1")
        assert session.quiet.at(1)


def test_a_transcript_that_does_not_come_is_not_waited_for_without_end() -> None:
    session = Session()
    session.hears("input_audio_buffer.committed", item_id="u1")
    session.hears("response.created")
    assert session.quiet.at(ANSWER_WITHIN_NS)


def test_a_call_waits_for_its_output_and_that_for_its_answer() -> None:
    session = Session()
    session.hears("response.function_call_arguments.done", call_id="k1")
    session.hears("response.function_call_arguments.done", call_id="k2")
    assert not session.quiet.at(10 * ANSWER_WITHIN_NS)
    session.hears("conversation.item.added", item={"type": "function_call_output", "call_id": "k1"})
    assert not session.quiet.at(10 * ANSWER_WITHIN_NS)
    session.hears("conversation.item.created", 5, item={"type": "function_call_output", "call_id": "k2"})
    assert not session.quiet.at(5)
    session.hears("response.created", 6)
    assert session.quiet.at(6)


def test_what_a_server_never_ends_is_bounded() -> None:
    session = Session()
    for number in range(1000):
        session.hears("response.function_call_arguments.done", call_id=f"k{number}")
        session.hears("input_audio_buffer.committed", item_id=f"u{number}")
    assert len(session.quiet._calls) == len(session.quiet._transcripts_until_ns) == 16


def test_what_makes_no_sense_is_passed_over() -> None:
    session = Session()
    session.hears("response.function_call_arguments.done", call_id=7)
    session.hears("conversation.item.added", item="?")
    session.hears("conversation.item.added", item={"type": "function_call_output"}, now_ns=-ANSWER_WITHIN_NS)
    assert session.quiet.at(0)
