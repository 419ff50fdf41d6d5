"""Sessions, commands, events and the life of the module on the stand-in."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mod_openai_realtime.standin import (
    CallGoneError,
    ChannelState,
    LogLevel,
    ModuleLoadError,
    StandIn,
    StandInError,
)


def names(switch: StandIn) -> list[str]:
    return [event.subclass.removeprefix("probe::") for event in switch.events()]


def test_there_is_one_switch_at_a_time(switch: StandIn, probe_path: Path, library_path: Path) -> None:
    with pytest.raises(StandInError, match="open in this process"):
        StandIn(probe_path, library_path=library_path)


def test_a_closed_switch_makes_room_for_another(probe_path: Path, library_path: Path) -> None:
    for _ in range(2):
        with StandIn(probe_path, library_path=library_path) as switch:
            call = switch.call(uuid="the-same")
            assert switch.api("probe", "the-same add read") == "+OK\n"
        assert call.state is ChannelState.HANGUP


def test_a_missing_module_does_not_load(tmp_path: Path, library_path: Path) -> None:
    with pytest.raises(ModuleLoadError, match="missing"):
        StandIn(tmp_path / "mod_missing.so", library_path=library_path)


def test_a_missing_library_is_named(tmp_path: Path, probe_path: Path) -> None:
    with pytest.raises(StandInError, match="nowhere"):
        StandIn(probe_path, library_path=tmp_path / "nowhere")


def test_unloading_shuts_the_module_down_and_loading_brings_it_back(switch: StandIn) -> None:
    switch.unload()
    assert names(switch) == ["shutdown"]
    assert switch.completions() == []
    assert switch.api("probe", "- go") == "INVALID COMMAND!\n"
    with pytest.raises(ModuleLoadError, match="No module"):
        switch.unload()
    switch.load()
    assert names(switch) == ["load"]
    with pytest.raises(ModuleLoadError, match="loaded already"):
        switch.load()


def test_a_module_that_shuts_down_may_still_ask_the_switch_but_is_not_offered_itself(switch: StandIn) -> None:
    switch.unload()
    assert bytes.fromhex(switch.wait_event("probe::shutdown").body) == b"the others"


def test_a_module_that_refuses_to_load_is_not_loaded(switch: StandIn) -> None:
    switch.unload()
    switch.set_config("fail", "yes")
    with pytest.raises(ModuleLoadError, match="load function failed"):
        switch.load()
    switch.set_config("fail", None)
    switch.load()


def test_a_module_is_not_unloaded_while_a_command_runs(switch: StandIn) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(switch.api, "probe", "- wait")
        switch.wait_event("probe::waiting")
        with pytest.raises(ModuleLoadError, match="in use"):
            switch.unload()
        switch.api("probe", "- go")
        running.result()
    switch.unload()


def test_completion_offers_what_was_registered(switch: StandIn) -> None:
    call = switch.call()
    assert switch.complete("pro") == ["probe"]
    assert switch.complete("probe ") == [call.uuid]
    assert switch.complete(f"probe {call.uuid} ") == ["add", "facts", "remove"]
    assert switch.complete("other ") == []


def test_a_failed_command_is_told_as_the_console_does(switch: StandIn) -> None:
    with ThreadPoolExecutor(1) as pool:
        failed = pool.submit(switch.api, "probe", "- fail")
        switch.wait_event("probe::waiting")
        switch.api("probe", "- go")
        assert failed.result() == "COMMAND RETURNED ERROR!\n"


def test_a_channel_shows_its_facts_and_variables(switch: StandIn) -> None:
    call = switch.call(16000, 8000, state="early", variables={"STREAM_X": "1", "other": "two words"})
    assert switch.api("probe", f"{call.uuid} facts") == (
        "read=16000 write=8000 ptime=20000 bytes=640 channels=1 answered=0 early=1 ready=1 STREAM_X=1 other=two words"
    )
    call.set_variable("STREAM_X", None)
    call.answer()
    assert switch.api("probe", f"{call.uuid} facts").endswith("answered=1 early=1 ready=1 other=two words")


def test_a_bug_brings_a_ringing_channel_to_early_media(switch: StandIn) -> None:
    call = switch.call(state="ringing")
    assert call.step(bytes(320)) is None, "no media yet"
    assert switch.api("probe", f"{call.uuid} add read") == "+OK\n"
    assert call.state is ChannelState.EARLY
    assert call.step(bytes(320)) == bytes(320)


def test_a_channel_that_cannot_reach_early_media_is_hung_up(switch: StandIn) -> None:
    call = switch.call(state="ringing", media=False)
    assert switch.api("probe", f"{call.uuid} add read") == "-ERR not added\n"
    assert call.state is ChannelState.HANGUP
    assert switch.api("probe", f"{call.uuid} facts") == "-ERR no such channel\n"
    assert names(switch) == []


def test_a_hangup_closes_the_bugs_and_the_session_is_not_found_any_more(switch: StandIn) -> None:
    call = switch.call()
    for _ in range(2):
        switch.api("probe", f"{call.uuid} add read")
    switch.events()
    call.hangup()
    assert names(switch) == ["close", "close"]
    assert switch.api("probe", f"{call.uuid} facts") == "-ERR no such channel\n"
    assert call.bug_count == 0
    with pytest.raises(CallGoneError):
        call.step(bytes(320))
    with pytest.raises(CallGoneError):
        call.set_variable("a", "b")
    call.hangup()


def test_a_hangup_closes_the_bugs_at_once_and_waits_for_who_holds_the_session(switch: StandIn) -> None:
    call = switch.call()
    switch.api("probe", f"{call.uuid} add read")
    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(switch.api, "probe", f"{call.uuid} hold")
        switch.wait_event("probe::waiting")
        hangup = pool.submit(call.hangup)
        switch.wait_event("probe::close", call.uuid)
        assert switch.api("probe", f"{call.uuid} facts") == "-ERR no such channel\n"
        assert not hangup.done()
        switch.api("probe", "- go")
        holding.result()
        hangup.result()


def test_a_uuid_is_taken_once(switch: StandIn) -> None:
    call = switch.call(uuid="one")
    with pytest.raises(StandInError, match="one"):
        switch.call(uuid="one")
    call.hangup()
    assert switch.call(uuid="one").state is ChannelState.ANSWERED


def test_an_application_runs_as_the_session(switch: StandIn) -> None:
    call = switch.call()
    switch.execute_app(call, "probe", "some data")
    assert bytes.fromhex(switch.wait_event("probe::application").body) == b"some data"
    with pytest.raises(StandInError, match="absent"):
        switch.execute_app(call, "absent")


def test_an_event_carries_the_channels_data_and_a_log_line_its_uuid(switch: StandIn) -> None:
    call = switch.call(read_rate=16000, variables={"colour": "blue"})
    switch.log()
    switch.api("probe", f"{call.uuid} event")
    event = switch.wait_event("probe::data", call.uuid)
    assert event.headers["Event-Name"] == "CUSTOM"
    assert event.headers["Event-Subclass"] == "probe::data"
    assert event.headers["variable_colour"] == "blue"
    assert event.headers["Channel-Read-Codec-Rate"] == "16000"
    assert event.headers["Answer-State"] == "answered"
    (line,) = switch.log()
    assert (line.level, line.uuid, line.text) == (LogLevel.WARNING, call.uuid, "line 1")


def test_waiting_for_an_event_leaves_the_others(switch: StandIn) -> None:
    first, second = switch.call(), switch.call()
    for call in (first, second):
        switch.api("probe", f"{call.uuid} event")
    assert switch.wait_event("probe::data", second.uuid).uuid == second.uuid
    with pytest.raises(TimeoutError):
        switch.wait_event("probe::data", second.uuid, timeout=0)
    assert [event.uuid for event in switch.events()] == [first.uuid]


def test_an_event_wakes_who_waits_for_it(switch: StandIn) -> None:
    call = switch.call()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(switch.wait_event, "probe::data", call.uuid, 30.0)
        switch.api("probe", f"{call.uuid} event")
        assert waiting.result().uuid == call.uuid


def test_text_with_a_nul_is_refused(switch: StandIn) -> None:
    with pytest.raises(ValueError, match="NUL"):
        switch.api("probe", "a\0b")
