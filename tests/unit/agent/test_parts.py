"""The smaller parts: digits, silence, what was heard, turns, usage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.keys import MAX_DIGITS, Keys
from mod_openai_realtime.agent.silence import Silence
from mod_openai_realtime.agent.speech import Speech
from mod_openai_realtime.agent.turns import MAX_TURNS, Turns
from mod_openai_realtime.agent.usage import add_usage
from mod_openai_realtime.agent.values import Heard, Turn

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def keyed(keys: Keys, digits: str, now: float = 0.0) -> list[tuple[str, str]]:
    return [found for digit in digits if (found := keys.key(digit, now)) is not None]


def test_a_group_is_whole_at_the_hash_or_after_two_seconds() -> None:
    keys = Keys()
    assert keyed(keys, "12#3") == [("group", "12")]
    assert keys.deadline == 2.0
    assert keys.tick(1.9) is None
    assert keys.tick(2.0) == ("group", "3")
    assert keys.tick(9.0) is None and keys.deadline is None


def test_a_hash_alone_is_a_group_too() -> None:
    assert keyed(Keys(), "#") == [("group", "#")]


def test_a_group_is_bounded() -> None:
    assert keyed(Keys(), "1" * (MAX_DIGITS + 1)) == [("group", "1" * MAX_DIGITS)]


def test_digits_are_collected_until_there_are_enough_or_the_terminator_or_none_come() -> None:
    keys = Keys()
    assert keys.collect(3, "#", 10, 0) is None
    assert keyed(keys, "1234") == [("collected", "123")]
    assert keys.tick(2) == ("group", "4")
    keys.collect(None, "*", 10, 10)
    assert keyed(keys, "1#*", 15) == [("collected", "1#")]
    keys.collect(None, None, 10, 20)
    assert keyed(keys, "7", 25) == []
    assert keys.tick(34.9) is None
    assert keys.tick(35) == ("collected", "7")
    keys.collect(None, "#", 1, 40)
    assert keys.tick(41) == ("collected", "")


def test_what_was_keyed_just_before_belongs_to_the_collection() -> None:
    keys = Keys()
    keyed(keys, "12")
    assert keys.collect(2, "#", 10, 1) == "12"
    assert not keys.collecting and keys.deadline is None


def test_silence_comes_again_and_counts_until_the_caller_is_there() -> None:
    silence = Silence(20)
    assert not silence.look(True, 0)
    assert silence.deadline == 20
    assert silence.look(True, 20) and silence.times == 1
    assert not silence.look(False, 25)
    assert not silence.look(True, 30)
    assert silence.look(True, 50) and silence.times == 2
    silence.caller_is_there()
    assert not silence.look(True, 60)
    assert silence.look(True, 80) and silence.times == 1
    silence.after_s = None
    assert not silence.look(True, 1000) and silence.deadline is None


def delta(response: str, text: str, item: str = "i") -> dict[str, Any]:
    return {"type": "response.output_audio_transcript.delta", "response_id": response, "item_id": item, "delta": text}


def done(response: str, status: str = "completed") -> dict[str, Any]:
    return {"type": "response.done", "response": {"id": response, "status": status}}


def turn(response: str, heard: int, received: int, interrupted: bool = False) -> m.TurnHeard:
    return m.TurnHeard(1, 1, response, heard, received, interrupted, ["i"])


def test_a_response_is_over_once_it_was_sent_and_heard() -> None:
    speech = Speech()
    speech.playback(False)
    speech.server_said(delta("r", "Good "), NOW)
    speech.server_said(delta("r", "morning."), NOW)
    assert speech.server_said(done("r"), NOW) == []
    (over,) = speech.turn(turn("r", 900, 900), NOW)
    assert over.heard() == Heard("Good morning.", 900, False)
    assert speech.playback(True) == []


def test_of_an_interrupted_one_whole_words_in_proportion_count() -> None:
    speech = Speech()
    speech.playback(False)
    speech.server_said(delta("r", "one two three four"), NOW)
    assert speech.turn(turn("r", 500, 1000, True), NOW) == []
    speech.server_said(delta("r", " and what came later"), NOW)
    (over,) = speech.server_said(done("r", "cancelled"), NOW)
    assert over.heard() == Heard("one two", 500, True)


def test_one_that_was_never_played_was_not_heard() -> None:
    speech = Speech()
    speech.server_said({"type": "response.created", "response": {"id": "r"}}, NOW)
    speech.server_said(delta("r", "one"), NOW)
    (over,) = speech.server_said(done("r", "cancelled"), NOW)
    assert over.heard() == Heard("", 0, True)


def test_one_without_audio_is_over_with_its_end() -> None:
    speech = Speech()
    speech.playback(False)
    speech.server_said({"type": "response.created", "response": {"id": "r"}}, NOW)
    assert len(speech.server_said(done("r"), NOW)) == 1


def test_what_had_come_of_a_lost_one_is_still_heard() -> None:
    speech = Speech()
    speech.playback(False)
    speech.server_said(delta("r", "one two"), NOW)
    assert speech.lost() == []
    (over,) = speech.turn(turn("r", 300, 300), NOW)
    assert over.heard() == Heard("one two", 300, False)


def test_turns_stand_in_the_order_in_which_they_began_and_another_host_takes_them_up() -> None:
    turns = Turns()
    turns.add(Turn("agent", "b", NOW + timedelta(seconds=2), 100, latency_ms={"x": 1}))
    turns.add(Turn("caller", "a", NOW + timedelta(seconds=1)))
    turns.add(Turn("tool", "{}", NOW + timedelta(seconds=3), name="t", arguments={"n": 1}, result={"k": [1]}))
    assert [each.text for each in turns.all] == ["a", "b", "{}"]
    kept = orjson.loads(orjson.dumps(turns.take_changed()))
    assert turns.take_changed() == {}
    other = Turns()
    other.take_up({**kept, "x": {}, "9": {"who": "caller"}})
    assert other.all == turns.all
    other.add(Turn("caller", "c", NOW))
    assert list(other.take_changed()) == ["4"]


def test_turns_are_bounded() -> None:
    turns = Turns()
    for index in range(MAX_TURNS + 1):
        turns.add(Turn("caller", str(index), NOW + timedelta(seconds=index)))
    assert len(turns.all) == MAX_TURNS and turns.all[0].text == "1"


def test_usage_is_summed_however_deep() -> None:
    total: dict[str, Any] = {}
    one = {"input_tokens": 5, "input_token_details": {"text_tokens": 2, "cached_tokens_details": {"text_tokens": 1}}}
    add_usage(total, one)
    add_usage(total, one | {"output_tokens": 3, "type": "tokens", "x": True, "y": -1, "z": 1e30, "seconds": 0.5})
    add_usage(total, None)
    assert total == {
        "input_tokens": 10,
        "input_token_details": {"text_tokens": 4, "cached_tokens_details": {"text_tokens": 2}},
        "output_tokens": 3,
        "seconds": 0.5,
    }
    add_usage(total, {f"k{index}": 1 for index in range(1000)})
    assert len(total) < 40
