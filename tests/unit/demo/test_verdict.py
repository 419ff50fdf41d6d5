"""What the demo's checks let pass, and what not."""

from typing import Any

import numpy as np
import pytest

from mod_openai_realtime.demo.measures import agent_turns, barge_ins
from mod_openai_realtime.demo.record import ms
from mod_openai_realtime.demo.tape import RATE
from mod_openai_realtime.demo.verdict import verdict_of
from mod_openai_realtime.local.recording import ConnectionRecord

HELD = "conversation held"
BARGE_IN_S = 6.3


def failed(record: Any) -> list[str]:
    return [check.name for check in verdict_of(record).failed]


def without(call: Any, name: str, number: int = 0) -> None:
    call.entries.remove([entry for entry in call.entries if entry.is_event(name)][number])


def test_a_call_as_it_should_be_passes_every_check(call: Any) -> None:
    verdict = verdict_of(call.record())
    assert verdict.failed == []
    assert verdict.passed


def test_turns_are_measured_to_the_sample(call: Any) -> None:
    greeting, answer, last = agent_turns(call.record())
    assert greeting is not None and answer is not None and last is not None
    assert (greeting.begin, greeting.latency) == (RATE // 2, None)
    # The caller's line ends at 3.6 s and the server's notice comes at 4.1; the answer begins at 4.2.
    assert (answer.latency, answer.answer_time) == (RATE * 6 // 10, RATE // 10)
    assert last.likeness == pytest.approx(1.0)


def test_silence_after_the_interruption_is_measured_to_the_sample(call: Any) -> None:
    (barge_in,) = barge_ins(call.record())
    assert barge_in is not None
    assert ms(barge_in.silent_at - barge_in.event_at) == 15.0


def test_an_agent_that_talks_on_fails(call: Any) -> None:
    call.sounds(4.2, "a very long answer", until_s=BARGE_IN_S + 0.12)
    assert "agent silent after the interruption" in failed(call.record())


def test_one_faint_sample_long_after_the_interruption_fails(call: Any) -> None:
    call.agent[round((BARGE_IN_S + 0.5) * RATE)] = 1
    assert "agent silent after the interruption" in failed(call.record())


def test_late_audio_between_the_turns_fails(call: Any) -> None:
    call.agent[round(3.0 * RATE)] = 1
    assert "silence between the turns" in failed(call.record())


def test_a_turn_that_events_tell_of_but_nobody_hears_fails(call: Any) -> None:
    call.agent[round(7.6 * RATE) :] = 0
    assert failed(call.record()) == ["answer 2 heard whole"]


def test_a_gap_in_a_turn_fails(call: Any) -> None:
    call.agent[round(0.5 * RATE) + 3000 : round(0.5 * RATE) + 5000] = 0
    assert failed(call.record()) == ["greeting heard whole"]


def test_a_turn_without_its_end_fails(call: Any) -> None:
    call.agent[round(2.45 * RATE) : round(2.6 * RATE)] = 0
    assert failed(call.record()) == ["greeting heard whole"]


def test_the_wrong_words_fail(call: Any) -> None:
    call.sounds(7.6, "hello")
    assert failed(call.record()) == ["answer 2 heard whole"]


def test_a_lost_speech_event_fails(call: Any) -> None:
    without(call, "openai_speech_stop", 2)
    assert failed(call.record()) == ["speech events in pairs, one a turn"]


def test_an_untold_interruption_fails(call: Any) -> None:
    without(call, "conversation.item.truncated")
    assert failed(call.record()) == ["server told what was heard"]


def test_a_wrong_truncation_fails(call: Any) -> None:
    without(call, "conversation.item.truncated")
    call.server(6.4, "conversation.item.truncated", audio_end_ms=3000)
    assert failed(call.record()) == ["server told what was heard"]


def test_a_muted_caller_that_is_heard_fails(call: Any) -> None:
    call.server(1.2, "input_audio_buffer.speech_started")
    assert failed(call.record()) == ["muted caller not heard"]


def test_a_refused_command_fails(call: Any) -> None:
    call.command(9.65, "list", "-ERR Stream not found")
    assert failed(call.record()) == ["commands accepted"]


def test_an_error_event_fails(call: Any) -> None:
    call.event(0.005, "error", {"message": {"retries": 1}})
    assert failed(call.record()) == ["connected, session set up"]


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"failure": "no connect within 8 s"}, HELD),
        ({"log": ["something odd"]}, "nothing left over, no warnings"),
        ({"bugs_left": 1}, "nothing left over, no warnings"),
        ({"files_left": ["a.tmp.wav"]}, "nothing left over, no warnings"),
        ({"engine_exit": -9}, "nothing left over, no warnings"),
        ({"steps": 1}, "recording complete"),
        ({"skipped_steps": 1}, "recording complete"),
        ({"connections": []}, "final message sent last, closed with 1000"),
        ({"connections": [ConnectionRecord(0, "/", {}, close_code=1000)]}, "final message sent last, closed with 1000"),
    ],
)
def test_what_the_record_says_besides_sound_counts(call: Any, changes: dict[str, Any], check: str) -> None:
    assert failed(call.record(**changes)) == [check]


def test_a_call_that_never_began_fails_without_an_exception(call: Any) -> None:
    call.entries.clear()
    call.agent = np.zeros(0, np.int16)
    verdict = verdict_of(call.record(failure="-ERR Engine is not running", connections=[]))
    assert not verdict.passed
    assert {HELD, "greeting heard whole", "commands accepted"} <= {check.name for check in verdict.failed}
