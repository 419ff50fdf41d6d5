"""Streams that begin with their call: of one that FreeSWITCH places, and of one whose endpoint can't be reached."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

import pytest
from freeswitch import RealSwitch
from sip import Call

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = pytest.mark.usefixtures("engine")


@pytest.mark.parametrize(
    ("hook", "answers"),
    [
        ("api_on_media", "early"),  # before the codec is set
        ("api_on_pre_answer", "early"),
        ("api_on_media", "silence"),
        ("api_on_answer", "silence"),
    ],
)
def test_a_placed_call_starts_its_stream_from_its_own_hooks(
    switch: RealSwitch, endpoint: LocalEndpointThread, hook: str, answers: str
) -> None:
    call = str(uuid.uuid4())
    host, port = switch.sip_address
    start = f"{hook}='uuid_openai_audio_stream {call} start {endpoint.url} mono 8k 8k'"
    placed = switch.api(f"originate {{origination_uuid={call},{start}}}sofia/test/{answers}@{host}:{port} &park", 30)
    assert placed.startswith("+OK")
    try:
        switch.events.wait_for("connect", call)
        switch.events.wait_for("openai_speech_start", call)
        switch.events.wait_for("openai_speech_stop", call)
    finally:
        switch.api(f"uuid_kill {call}")


def test_a_call_that_rings_at_the_other_side_is_refused_and_goes_on_ringing(
    switch: RealSwitch, endpoint: LocalEndpointThread
) -> None:
    call = str(uuid.uuid4())
    host, port = switch.sip_address
    switch.api(f"bgapi originate {{origination_uuid={call}}}sofia/test/ringing@{host}:{port} &park")
    switch.events.wait_for("CHANNEL_PROGRESS", call)
    try:
        reply = switch.api(f"uuid_openai_audio_stream {call} start {endpoint.url} mono")
        assert reply == "-ERR Channel can't reach early media"
        assert "early" not in switch.api(f"uuid_dump {call}").partition("Answer-State: ")[2].splitlines()[0]
    finally:
        switch.api(f"uuid_kill {call}")


@pytest.mark.parametrize(
    ("behaviour", "seconds", "reason"),
    [
        (Behaviour(refuse_status=401), "300", "No connection: HTTP 401 Unauthorized"),
        (Behaviour(refuse_status=503), "1", "No connection within 1 s: HTTP 503 Service Unavailable"),
        (Behaviour(hang_handshake=True), "1", "No connection within 1 s"),
    ],
)
def test_the_dialplan_goes_on_and_knows_why_where_there_is_no_connection(
    switch: RealSwitch,
    make_call: Callable[..., Call],
    make_endpoint: Callable[..., LocalEndpointThread],
    behaviour: Behaviour,
    seconds: str,
    reason: str,
) -> None:
    endpoint = make_endpoint(behaviour=behaviour)
    variables = f"STREAM_CONNECT_TIMEOUT_S={seconds}"
    call = make_call("application", headers={"X-Stream-Start": f"{endpoint.url} mono", "X-Variables": variables})
    switch.events.wait_for("CHANNEL_PARK", call.uuid)
    assert switch.api(f"uuid_getvar {call.uuid} openai_audio_stream_result") == "failed"
    assert switch.api(f"uuid_getvar {call.uuid} openai_audio_stream_reason") == reason
    assert json.loads(switch.api(f"uuid_openai_audio_stream {call.uuid} list").removeprefix("+OK ")) == []
