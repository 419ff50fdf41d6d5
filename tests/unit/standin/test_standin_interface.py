"""What the module offers is what an engine has told: verbs, usage, events, and what is said in its place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from link.engine import LIMIT_S, AskingEngine

from mod_openai_realtime.standin import StandIn
from mod_openai_realtime.switch.events import EVENTS
from mod_openai_realtime.switch.interface import FIELDS, KEY_VERBS, PAYLOAD_VERBS
from mod_openai_realtime.switch.verbs import APIS
from mod_openai_realtime.switch.wire import MessageType, encode

API = "uuid_openai_audio_stream"
NOT_RUNNING = "-ERR Engine is not running\n"


@pytest.fixture
def switch(library_path: Path, module_path: Path, tmp_path: Path) -> Iterator[StandIn]:
    with StandIn(module_path, engine_socket=tmp_path / "engine.sock", library_path=library_path) as switch:
        yield switch


@pytest.fixture
def engine(tmp_path: Path, switch: StandIn) -> Iterator[AskingEngine]:
    """Started after the module."""
    engine = AskingEngine(tmp_path / "engine.sock")
    yield engine
    engine.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def verbs(switch: StandIn, api: str = API) -> list[str]:
    call = switch.call()
    offered = switch.complete(f"{api} {call.uuid} ")
    call.hangup()
    return offered


def test_before_the_first_engine_nothing_but_channels_is_offered(switch: StandIn) -> None:
    call = switch.call()
    assert (
        switch.api(API, "") == f"USAGE {API} <uuid> <verb> [argument ...] (Engine is not running; it knows the verbs)\n"
    )
    assert switch.complete(f"{API} ") == [call.uuid]
    assert switch.complete(f"{API} {call.uuid} st") == []


def test_the_engine_tells_its_verbs_and_usage_without_being_asked(switch: StandIn, engine: AskingEngine) -> None:
    until(lambda: verbs(switch))
    for api in APIS:
        assert sorted(verbs(switch, api.name)) == sorted(api.verbs)
        assert switch.api(api.name, "") == f"USAGE {api.usage}\n"


def test_they_are_kept_while_no_engine_runs(switch: StandIn, engine: AskingEngine) -> None:
    until(lambda: verbs(switch))
    engine.close()
    assert switch.api(API, "").startswith(f"USAGE {API} ")
    assert "start" in verbs(switch)
    assert switch.api(API, f"{switch.call().uuid} list") == NOT_RUNNING


def test_a_new_verb_and_a_new_event_need_no_new_module(switch: StandIn, engine: AskingEngine) -> None:
    until(lambda: verbs(switch))
    engine.interface |= {"interface": "newer", "verbs_openai": "start dance", "events": "danced"}
    call = switch.call()
    switch.api(API, f"{call.uuid} start ws://h/ mono")
    assert sorted(verbs(switch)) == ["dance", "start"]
    fields = {"subclass": "danced", "name": "default", "body": '{"steps":3}'}
    engine.send(call.uuid, encode(MessageType.EVENT, stream=1, fields=fields))
    assert switch.wait_event("mod_openai_audio_stream::danced", call.uuid).body == '{"steps":3}'


def test_it_is_told_once_and_known_by_its_name(switch: StandIn, engine: AskingEngine) -> None:
    until(lambda: verbs(switch))
    call = switch.call()
    switch.api(API, f"{call.uuid} start ws://h/ mono")
    assert [fields["interface"] for fields in engine.greeted if fields["uuid"]] == [FIELDS["interface"]]


def test_what_is_said_in_a_dead_engines_place_is_the_engines_own(switch: StandIn, engine: AskingEngine) -> None:
    engine.interface |= {"interface": "polite", "lost_unconnected": 'error {"sorry":true}'}
    call = switch.call()
    switch.api(API, f"{call.uuid} start ws://h/ mono")
    engine.drop_links()
    assert switch.wait_event("mod_openai_audio_stream::error", call.uuid).body == '{"sorry":true}'


@pytest.mark.parametrize(
    "wrong",
    [
        {"verbs_openai": "start; rm"},
        {"verbs_openai": " ".join(f"verb{n}" for n in range(40))},
        {"verbs_openai": "v" * 60},
        {"events": "a::b"},
        {"lost_speaking": ""},
        {"lost_connected": "x" * 9000},
        {"interface": ""},
    ],
)
def test_an_interface_that_makes_no_sense_changes_nothing(
    switch: StandIn, engine: AskingEngine, wrong: dict[str, str]
) -> None:
    until(lambda: verbs(switch))
    engine.interface |= {"interface": "other"} | wrong
    call = switch.call()
    assert switch.api(API, f"{call.uuid} start ws://h/ mono") == "+OK Success\n"
    assert "start" in verbs(switch) and len(verbs(switch)) == len(APIS[0].verbs)
    assert any("interface that makes no sense" in line.text for line in switch.log())


def test_the_table_names_what_there_is() -> None:
    assert {verb for api in APIS for verb in api.verbs} >= {*PAYLOAD_VERBS, *KEY_VERBS}
    assert {FIELDS[loss].split(" ")[0] for loss in FIELDS if loss.startswith("lost_")} <= set(EVENTS)
