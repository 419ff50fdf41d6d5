"""Loading and unloading the module while FreeSWITCH runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_process import EngineProcess
from freeswitch import RealSwitch, StreamCommands
from sip import Call

from mod_openai_realtime.local.thread import LocalEndpointThread

COMMANDS = ("uuid_openai_audio_stream", "uuid_raw_audio_stream")


def test_the_module_loads_unloads_and_loads_again(switch: RealSwitch) -> None:
    for _ in range(5):
        assert switch.unload_module().startswith("+OK")
        assert not switch.module_loaded()
        assert switch.load_module().startswith("+OK")
        assert switch.module_loaded()


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_print_their_usage_with_and_without_an_engine(
    switch: RealSwitch, engine_process: EngineProcess, command: str
) -> None:
    engine_process.stop()
    assert switch.unload_module().startswith("+OK") and switch.load_module().startswith("+OK")
    assert (
        switch.api(command)
        == f"USAGE {command} <uuid> <verb> [argument ...] (Engine is not running; it knows the verbs)"
    )
    engine_process.start()
    switch.wait_until(lambda: switch.api(command).startswith(f"USAGE {command} <uuid> start <ws-uri> "))


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_console_completes_verbs_after_a_uuid(
    switch: RealSwitch, make_call: Callable[..., Call], command: str
) -> None:
    call = make_call("park")
    switch.wait_listed(call.uuid)
    line = f"{command} {call.uuid} sta"
    switch.wait_until(lambda: "write=3:start" in switch.api(f"console_complete c={len(line)};{line}"))


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_gone_after_unloading(switch: RealSwitch, command: str) -> None:
    assert switch.unload_module().startswith("+OK")
    assert "not found" in switch.api(command).lower()


@pytest.mark.usefixtures("engine")
def test_unloading_with_a_stream_up_ends_it_and_leaves_the_call(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    endpoint: LocalEndpointThread,
) -> None:
    call = make_call("park")
    streams(call).start(endpoint.url)
    assert switch.unload_module().startswith("+OK")
    endpoint.wait_for(lambda server: server.connections[0].closed, 20)
    assert switch.api(f"uuid_exists {call.uuid}") == "true"
    call.party.wait_packets(10)
    assert switch.load_module().startswith("+OK")
    StreamCommands(switch.events, call.uuid).start(endpoint.url)


def test_without_an_engine_the_start_is_refused_and_the_call_goes_on(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    engine_process: EngineProcess,
) -> None:
    engine_process.stop()
    call = make_call("park")
    assert streams(call).run("start ws://127.0.0.1:9/ mono") == "-ERR Engine is not running"
    assert "openai_audio_stream default: start failed: Engine is not running" in switch.log_text()
    call.party.wait_packets(10)
    assert switch.api(f"uuid_exists {call.uuid}") == "true"
