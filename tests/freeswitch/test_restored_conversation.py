"""A conversation with a strict endpoint goes on over a lost connection and a killed engine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_process import EngineProcess
from freeswitch import RealSwitch, StreamCommands
from sip import Call

from mod_openai_realtime.local.thread import LocalEndpointThread

ANSWER = "We are open from seven to six."
QUESTION = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "When are you open on Monday?"}],
}


@pytest.mark.parametrize("lost", ["connection", "engine"])
def test_the_endpoint_takes_the_session_and_every_item_as_they_were(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    engine: EngineProcess,
    make_endpoint: Callable[..., LocalEndpointThread],
    lost: str,
) -> None:
    endpoint = make_endpoint(agent={"greeting": "Good morning.", "turns": [ANSWER]})
    call = make_call("park")
    switch.api(f"uuid_setvar {call.uuid} STREAM_RESTORE conversation")
    stream = streams(call)
    stream.start(endpoint.url)
    for message in (
        {"type": "session.update", "session": {"type": "realtime", "instructions": "A bakery."}},
        {"type": "conversation.item.create", "item": QUESTION},
        {"type": "response.create"},
    ):
        stream.ok(f"send_json {base64.b64encode(json.dumps(message).encode()).decode()}")
    stream.wait_for("openai_speech_stop")
    said = _texts(endpoint.snapshot()[0].sent_events("conversation.item.done"))
    assert len(said) == 2
    if lost == "connection":
        endpoint.call(lambda server: server.live(0).drop())
    else:
        call.party.wait_packets(50)
        engine.kill()
        stream.wait_for("disconnect")
        engine.start()
    restored = json.loads(stream.wait_for("restored").body)
    assert (restored["session"], restored["items"], restored["left_out"]) == (True, 2, 0)
    record = endpoint.snapshot()[1]
    [update] = record.received_events("session.update")
    assert update["session"]["instructions"] == "A bakery."
    assert _texts(record.received_events("conversation.item.create")) == said
    assert record.sent_events("error") == []


def _texts(events: list[Any]) -> list[tuple[str, str]]:
    contents = [(event["item"]["role"], event["item"]["content"][0]) for event in events]
    return [(role, part.get("text") or part.get("transcript")) for role, part in contents]
