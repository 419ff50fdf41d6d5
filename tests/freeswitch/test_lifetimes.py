"""Streams, calls and FreeSWITCH end in any order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engine_process import EngineProcess
from freeswitch import RealSwitch, StreamCommands
from sip import Call, Caller, MediaRoom

from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = pytest.mark.usefixtures("engine")
Streams = Callable[[Call], StreamCommands]


def test_hangup_ends_the_stream(
    streams: Streams, make_call: Callable[..., Call], endpoint: LocalEndpointThread
) -> None:
    call = make_call("park")
    streams(call).start(endpoint.url)
    call.hang_up()
    call.wait_end()
    endpoint.wait_for(lambda server: server.connections[0].closed, 20)


def test_stop_closes_the_connection_normally(
    streams: Streams, make_call: Callable[..., Call], endpoint: LocalEndpointThread
) -> None:
    stream = streams(make_call("park"))
    stream.start(endpoint.url)
    stream.ok("stop")
    endpoint.wait_for(lambda server: server.connections[0].closed, 20)
    assert endpoint.snapshot()[0].close_code == 1000
    assert stream.run("list") == "+OK []"


def test_ten_starts_and_stops_in_a_row_on_one_channel(
    streams: Streams, make_call: Callable[..., Call], endpoint: LocalEndpointThread
) -> None:
    stream = streams(make_call("park"))
    for _ in range(10):
        stream.start(endpoint.url)
        stream.ok("stop")
    endpoint.wait_for(lambda server: all(each.closed for each in server.connections), 20)
    assert len(endpoint.snapshot()) == 10


def test_a_stream_survives_a_transfer(
    switch: RealSwitch, streams: Streams, make_call: Callable[..., Call], endpoint: LocalEndpointThread
) -> None:
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url)
    assert switch.api(f"uuid_transfer {call.uuid} tone-500").startswith("+OK")
    switch.events.wait_for("PLAYBACK_START", call.uuid)
    received = endpoint.snapshot()[0].received_audio_bytes
    endpoint.wait_for(lambda server: server.connections[0].received_audio_bytes > received + 8000, 20)


def test_starts_and_stops_from_several_threads_leave_the_switch_well(
    switch: RealSwitch, make_calls: Callable[..., Caller], endpoint: LocalEndpointThread
) -> None:
    caller = make_calls("park", 4)
    caller.wait_media()

    def start_and_stop(call: Call) -> None:
        with switch.connect() as events:
            for _ in range(10):
                events.api(f"uuid_openai_audio_stream {call.uuid} start {endpoint.url} mono")
                events.api(f"uuid_openai_audio_stream {call.uuid} stop")

    # Two threads fight for each call: refusals are fine, anything else than a reply is not.
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(start_and_stop, call) for call in caller.calls * 2]:
            done.result(60)
    caller.hang_up()
    for call in caller.calls:
        call.wait_end()
    endpoint.wait_for(lambda server: all(each.closed for each in server.connections), 20)


def test_early_media_can_carry_a_stream(
    switch: RealSwitch, streams: Streams, make_calls: Callable[..., Caller], endpoint: LocalEndpointThread
) -> None:
    call = make_calls("early").calls[0].wait_media("CHANNEL_PROGRESS_MEDIA")
    streams(call).start(endpoint.url)
    endpoint.wait_for(lambda server: server.connections[0].received_audio_bytes > 8000, 20)
    switch.api(f"uuid_answer {call.uuid}")


def test_freeswitch_shuts_down_with_streams_up(
    prefix: Path, module_path: Path, engine: EngineProcess, room: MediaRoom, endpoint: LocalEndpointThread
) -> None:
    with tempfile.TemporaryDirectory(prefix="oart-") as folder:
        switch = RealSwitch(prefix, module_path, engine.socket, Path(folder))
        parties = [room.party() for _ in range(3)]
        switch.start()
        try:
            assert switch.load_module().startswith("+OK")
            with Caller(switch, "park", parties, Path(folder)) as caller:
                caller.wait_media()
                for call in caller.calls:
                    StreamCommands(switch.events, call.uuid).start(endpoint.url)
                switch.stop()
        finally:
            switch.kill()
            for party in parties:
                room.dismiss(party)
    endpoint.wait_for(lambda server: all(each.closed for each in server.connections), 20)
