"""How long the caller waited, and how much was heard."""

from typing import Any

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.playback import Playback
from mod_openai_realtime.conversation.turn import MAX_RESPONSES, Played, TurnClock, TurnFigures

MS = 1_000_000


def body(turns: TurnFigures, played: Played) -> dict[str, Any]:
    told = turns.played(played)
    assert told is not None
    return told


def test_each_step_of_the_wait_is_told() -> None:
    turns, clock = TurnFigures(), TurnClock()
    clock.speech_started()
    clock.speech_stopped(1000 * MS)
    clock.committed(1005 * MS)
    turns.delta(0, clock, "r1", "i1", 1300 * MS)
    turns.delta(0, clock, "r1", "i1", 1310 * MS)
    turns.delta(0, clock, "r1", "i2", 1320 * MS)
    assert body(turns, Played("r1", 1335 * MS, 4880, False, received_ms=4900)) == {
        "response_id": "r1",
        "item_ids": ["i1", "i2"],
        "latency_ms": {
            "speech_end_to_first_delta": 300,
            "first_delta_to_first_sample": 35,
            "speech_end_to_first_sample": 335,
        },
        "heard_ms": 4880,
        "received_ms": 4900,
        "interrupted": False,
    }
    assert turns.played(Played("r1", 0, 0, False)) is None, "once"


def test_a_greeting_answers_no_speech() -> None:
    turns = TurnFigures()
    turns.delta(0, TurnClock(), "r1", None, 50 * MS)
    told = body(turns, Played("r1", 70 * MS, 100, False))
    assert told["latency_ms"]["speech_end_to_first_sample"] is None
    assert told["latency_ms"]["first_delta_to_first_sample"] == 20


def test_an_answer_that_was_not_heard_has_no_first_sample() -> None:
    turns, clock = TurnFigures(), TurnClock()
    clock.speech_stopped(0)
    turns.delta(0, clock, "r1", None, 5 * MS)
    told = body(turns, Played("r1", 0, 0, True))
    assert told["latency_ms"]["first_delta_to_first_sample"] is None and told["interrupted"] is True


def test_only_the_first_answer_to_a_turn_was_waited_for() -> None:
    turns, clock = TurnFigures(), TurnClock()
    clock.speech_stopped(0)
    turns.delta(0, clock, "r1", None, 100 * MS)
    turns.delta(0, clock, "r2", None, 900 * MS)
    body(turns, Played("r1", 120 * MS, 10, False))
    assert body(turns, Played("r2", 920 * MS, 10, False))["latency_ms"]["speech_end_to_first_delta"] is None


def test_an_answer_that_waited_for_its_first_sample_has_no_latency_to_it() -> None:
    turns, clock = TurnFigures(), TurnClock()
    clock.speech_stopped(0)
    turns.delta(0, clock, "early", None, 100 * MS)
    turns.playback_waits(True, 200 * MS)
    turns.playback_waits(True, 300 * MS)  # for another reason, too
    turns.delta(0, clock, "late", None, 400 * MS)
    turns.playback_waits(False, 30_000 * MS)
    turns.delta(0, clock, "after", None, 30_100 * MS)
    early = body(turns, Played("early", 30_020 * MS, 10, False))["latency_ms"]
    assert early["speech_end_to_first_delta"] == 100
    assert early["first_delta_to_first_sample"] is None and early["speech_end_to_first_sample"] is None
    late = body(turns, Played("late", 30_040 * MS, 10, False))["latency_ms"]
    assert late["first_delta_to_first_sample"] is None
    assert body(turns, Played("after", 30_120 * MS, 10, False))["latency_ms"]["first_delta_to_first_sample"] == 20


def test_an_answer_that_was_being_heard_when_playback_had_to_wait_keeps_its_latency() -> None:
    turns, clock = TurnFigures(), TurnClock()
    clock.speech_stopped(0)
    turns.delta(0, clock, "r1", None, 100 * MS)
    turns.playback_waits(True, 200 * MS)
    turns.playback_waits(False, 9000 * MS)
    assert body(turns, Played("r1", 140 * MS, 10, False))["latency_ms"]["speech_end_to_first_sample"] == 140


def test_responses_that_never_end_are_forgotten() -> None:
    turns, clock = TurnFigures(), TurnClock()
    for number in range(MAX_RESPONSES + 1):
        turns.delta(0, clock, f"r{number}", None, 0)
    assert turns.played(Played("r0", 0, 0, False)) is None
    assert turns.played(Played("r1", 0, 0, False)) is not None


def test_an_answer_of_another_session_is_another_answer() -> None:
    turns = TurnFigures()
    turns.delta(0, TurnClock(), "r1", "old", 0)
    turns.delta(1, TurnClock(), "r1", "new", 10 * MS)
    assert body(turns, Played("r1", 0, 0, False, session=0))["item_ids"] == ["old"]
    assert body(turns, Played("r1", 0, 0, False, session=1))["item_ids"] == ["new"]


def test_a_commit_without_speech_starts_no_clock() -> None:
    clock = TurnClock()
    clock.committed(10)
    assert clock.take() is None
    clock.speech_started()
    clock.speech_stopped(20)
    assert clock.take() == 20
    clock.committed(30)
    assert clock.take() is None, "its speech was answered"


def test_a_server_may_tell_the_end_of_speech_by_the_commit_alone() -> None:
    clock = TurnClock()
    clock.speech_started()
    clock.committed(10)
    assert clock.take() == 10


def test_the_newest_commit_of_the_application_ends_the_turn_unless_it_is_refused() -> None:
    clock = TurnClock()
    clock.application_commits(10)
    clock.application_commits(20)
    clock.committed(25)
    assert clock.take() == 20
    clock.application_commits(30)
    clock.commit_refused()
    assert clock.take() is None
    clock.speech_stopped(40)
    clock.commit_refused()
    assert clock.take() == 40


def test_speech_that_begins_again_has_no_end_yet() -> None:
    clock = TurnClock()
    clock.speech_stopped(10)
    clock.speech_started()
    assert clock.take() is None


def playing() -> tuple[SwitchSide, Playback]:
    switch = SwitchSide()
    return switch, Playback(StreamMemory(switch.fd), playback_rate=24000, write_rate=8000)


def test_playback_tells_when_a_response_was_heard_to_its_end() -> None:
    switch, playback = playing()
    playback.feed(bytes(2 * 2400), "r1")
    playback.finish()
    for frame in range(8):
        playback.tick()
        switch.playback(160, 8000, 500 * MS + frame * 20 * MS)
    playback.tick()
    assert playback.played() == [Played("r1", 500 * MS, 100, False, received_ms=100)]
    assert playback.played() == []


def test_playback_tells_how_much_of_an_interrupted_response_was_heard() -> None:
    switch, playback = playing()
    playback.feed(bytes(2 * 24000), "r1")
    playback.feed(bytes(2 * 24000), "r2")
    for frame in range(10):
        playback.tick()
        switch.playback(160, 8000, 500 * MS + frame * 20 * MS)
    playback.barge_in()
    assert playback.played() == []
    switch.playback(160, 8000)
    playback.interrupted()
    assert playback.played() == [
        Played("r1", 500 * MS, 200, True, received_ms=1000),
        Played("r2", 0, 0, True, received_ms=1000),
    ]
