"""What the engine has FreeSWITCH do with a channel, and the keys that the caller presses, over the link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract import Leg, Switch
from link.engine import AskingEngine

START = "start ws://127.0.0.1:9/ mono"
AT_ONCE = 32  # of one channel, as the module bounds them


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskingEngine]:
    """In place of the product's own, which asks for nothing that a test could choose."""
    engine = AskingEngine(tmp_path_factory.mktemp("engine") / "engine.sock")
    yield engine
    engine.close()


@pytest.fixture
def uuid(leg: Leg) -> str:
    """Of a channel with a stream."""
    leg.ok(START)
    return leg.uuid


def test_a_variable_is_set_read_and_unset(engine: AskingEngine, uuid: str) -> None:
    value = "two words, ${not_expanded}, und ein Ä"
    assert engine.execute(uuid, "get", "agents_note") == (True, None)
    assert engine.execute(uuid, "set", "agents_note", value) == (True, None)
    assert engine.execute(uuid, "get", "agents_note") == (True, value)
    assert engine.execute(uuid, "set", "agents_note") == (True, None)
    assert engine.execute(uuid, "get", "agents_note") == (True, None)


def test_an_api_command_answers_with_what_it_prints(engine: AskingEngine, uuid: str) -> None:
    assert engine.execute(uuid, "api", "uuid_exists", uuid) == (True, "true")
    assert engine.execute(uuid, "api", "echo", "x" * 100_000) == (True, "x" * 100_000)


def test_an_unknown_command_or_application_is_told_and_the_call_goes_on(
    engine: AskingEngine, uuid: str, leg: Leg
) -> None:
    ok, text = engine.execute(uuid, "api", "no_such_command")
    assert not ok and text is not None and "INVALID COMMAND" in text
    assert engine.execute(uuid, "application", "no_such_application", "x") == (False, "Unknown application")
    assert engine.execute(uuid, "api", "uuid_exists", uuid) == (True, "true")
    leg.ok("stop")


def test_an_application_is_run_by_the_channel_and_its_end_told(engine: AskingEngine, uuid: str) -> None:
    assert engine.execute(uuid, "application", "set", "agents_note=from an application") == (True, "")
    assert engine.execute(uuid, "get", "agents_note") == (True, "from an application")
    assert engine.execute(uuid, "application", "playback", "silence_stream://100") == (True, "FILE PLAYED")


def test_a_long_application_holds_up_nothing_else(engine: AskingEngine, uuid: str) -> None:
    playing = engine.ask(uuid, "application", "playback", "silence_stream://600000")
    assert engine.execute(uuid, "set", "agents_note", "meanwhile") == (True, None)
    assert engine.execute(uuid, "application", "set", "agents_note=within it") == (True, "")
    assert not engine.answered(uuid, playing)
    assert engine.execute(uuid, "api", "uuid_break", uuid)[0]
    ok, _ = engine.answer(uuid, playing)
    assert ok


def test_a_hangup_answers_what_is_waited_for(engine: AskingEngine, uuid: str, leg: Leg) -> None:
    numbers = [engine.ask(uuid, "application", "playback", "silence_stream://600000") for _ in range(2)]
    leg.hangup()
    for number in numbers:
        ok, text = engine.answer(uuid, number)
        # One that was being played has ended by itself, as FreeSWITCH tells it.
        assert (ok, text) == (False, "Channel has ended") or ok


def test_what_is_asked_of_a_channel_that_has_ended_fails(engine: AskingEngine, uuid: str, leg: Leg) -> None:
    waiting = engine.ask(uuid, "api", "msleep", "1500")
    leg.hangup()
    if engine.linked(uuid):
        asked = [engine.ask(uuid, "get", "agents_note"), engine.ask(uuid, "application", "set", "a=b")]
        for number in asked:
            assert engine.answer(uuid, number) == (False, "Channel has ended")
    assert engine.answer(uuid, waiting)[0]


def test_hanging_up_by_command(engine: AskingEngine, uuid: str, leg: Leg) -> None:
    number = engine.ask(uuid, "api", "uuid_kill", uuid)
    leg.until(lambda: leg.bugs() == 0)
    assert engine.answer(uuid, number)[0]


def test_what_makes_no_sense_is_refused(engine: AskingEngine, uuid: str) -> None:
    assert engine.execute(uuid, "nonsense", "set", "a=b") == (False, "Unknown kind")
    for name in ("", "two words", "playback::x", "x" * 129, "naïve"):
        assert engine.execute(uuid, "application", name, "x") == (False, "Invalid name")
    assert engine.execute(uuid, "set", "a", b"x\0y") == (False, "Arguments contain a NUL byte")
    assert engine.execute(uuid, "api", "echo", "x" * (256 * 1024 + 1)) == (False, "Arguments are too long")


def test_a_flood_is_bounded_and_keeps_nobody_waiting(engine: AskingEngine, uuid: str, switch: Switch) -> None:
    flood = [engine.ask(uuid, "api", "msleep", "1000") for _ in range(4 * AT_ONCE)]
    other = switch.call()
    other.ok(START)
    assert engine.execute(other.uuid, "set", "agents_note", "x") == (True, None)
    assert not engine.answered(uuid, flood[AT_ONCE - 1])
    refused = [number for number in flood if engine.answer(uuid, number) == (False, "Too many commands at once")]
    assert len(refused) == 3 * AT_ONCE
    assert engine.execute(uuid, "set", "agents_note", "x") == (True, None)


def test_a_link_lives_for_what_is_waited_for_after_the_stream(engine: AskingEngine, uuid: str, leg: Leg) -> None:
    playing = engine.ask(uuid, "application", "playback", "silence_stream://600000")
    leg.ok("stop")
    assert engine.execute(uuid, "application", "set", "agents_note=within it") == (True, "")
    assert engine.execute(uuid, "api", "uuid_break", uuid)[0]
    assert engine.answer(uuid, playing)[0]


def test_an_answer_is_for_the_engine_that_asked(engine: AskingEngine, uuid: str, leg: Leg) -> None:
    before = engine.ask(uuid, "api", "msleep", "1000")
    engine.drop_links()
    leg.until(lambda: engine.linked(uuid) and not engine.answered(uuid, before))
    assert engine.execute(uuid, "api", "msleep", "1500")[0]
    assert not engine.answered(uuid, before)


def test_keys_arrive_in_order_and_stay_the_channels(engine: AskingEngine, uuid: str, leg: Leg) -> None:
    leg.key("12#")
    leg.key("*0A")
    told = engine.digits(uuid, 6)
    assert [fields["digit"] for fields in told] == list("12#*0A")
    assert all(fields["duration_ms"].isdigit() for fields in told)
    assert {fields["source"] for fields in told} <= {"rtp", "application"}


def test_keys_are_not_told_where_they_are_sensitive_or_there_is_no_stream(
    engine: AskingEngine, uuid: str, leg: Leg
) -> None:
    leg.set_variable("sensitive_dtmf", "true")
    leg.key("1")
    leg.ok("stop")
    leg.set_variable("sensitive_dtmf", "false")
    leg.key("2")
    leg.ok(START)
    leg.key("3")
    assert [fields["digit"] for fields in engine.digits(uuid, 1)] == ["3"]


def test_keys_wait_for_an_engine_that_is_away(engine: AskingEngine, uuid: str, leg: Leg) -> None:
    engine.drop_links()
    leg.key("7")
    assert [fields["digit"] for fields in engine.digits(uuid, 1)] == ["7"]


def test_unloading_meanwhile(engine: AskingEngine, uuid: str, switch: Switch) -> None:
    playing = engine.ask(uuid, "application", "playback", "silence_stream://2000")
    commands = [engine.ask(uuid, "api", "msleep", "300") for _ in range(AT_ONCE // 2)]
    switch.unload()
    answers = [engine.answer(uuid, number) for number in (playing, *commands)]
    assert (False, "Module is unloading") in answers
    assert all(answer == (False, "Module is unloading") or answer[0] for answer in answers)
    switch.load()
