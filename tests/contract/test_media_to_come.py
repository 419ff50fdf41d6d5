"""`start` on a channel whose media is to come: answered or in early media, its codec not set (`api_on_media`)."""

from __future__ import annotations

import json

import pytest
from contract import FarEnd
from contract.clocked import ClockedCall
from engine_process import EngineProcess

from mod_openai_realtime.standin import ChannelState, StandIn


def place(standin: StandIn, state: str = "early") -> ClockedCall:
    return ClockedCall(standin, standin.call(8000, state=state, outbound=True, negotiated=False))


@pytest.mark.parametrize("state", ["early", "answered"])
def test_it_succeeds_and_streams_once_the_codec_is_set(standin: StandIn, far: FarEnd, state: str) -> None:
    leg = place(standin, state)
    assert leg.command(f"start {far.url} mono") == "+OK Success"
    assert leg.call.bug_count == 0
    leg.call.negotiate()
    leg.wait_for("connect")
    assert '"connected":true' in leg.command("list")


def test_the_name_is_taken_meanwhile(standin: StandIn, far: FarEnd) -> None:
    leg = place(standin)
    leg.command(f"start {far.url} mono")
    assert leg.command(f"start {far.url} mono") == "-ERR Stream already exists"
    assert (
        leg.command(f"start {far.url} recv stream=b")
        == "-ERR Playback is already enabled by stream 'default' [stream=b]"
    )


def test_other_commands_find_no_connection(standin: StandIn, far: FarEnd) -> None:
    leg = place(standin)
    leg.command(f"start {far.url} mono")
    assert leg.command("send_json e30") == "-ERR WebSocket is not connected"


def test_it_can_be_stopped_before(standin: StandIn, far: FarEnd) -> None:
    leg = place(standin)
    leg.command(f"start {far.url} mono stream=a")
    assert leg.command("stop stream=a") == "+OK Success"
    leg.call.negotiate()
    leg.command(f"start {far.url} mono stream=b")
    leg.wait_for("connect")
    assert [stream["name"] for stream in json.loads(leg.command("list").removeprefix("+OK "))] == ["b"]
    leg.until(lambda: leg.call.bug_count == 1)


def test_without_a_codec_in_time_the_start_has_failed(standin: StandIn, far: FarEnd) -> None:
    leg = place(standin)
    leg.command(f"start {far.url} mono")
    event = standin.wait_event("error", leg.call.uuid, timeout=60)
    assert json.loads(event.body)["message"]["error"] == "Channel has no media"
    assert any("start failed: Channel has no media" in line.text for line in standin.log())
    assert leg.command("list") == "+OK []"


def test_a_hangup_meanwhile(standin: StandIn, far: FarEnd) -> None:
    leg = place(standin)
    leg.command(f"start {far.url} mono")
    leg.call.hangup()
    event = standin.wait_event("error", leg.call.uuid, timeout=60)
    assert json.loads(event.body)["message"]["error"] == "Channel not found"


def test_an_engine_that_dies_meanwhile_finds_the_stream(standin: StandIn, far: FarEnd, engine: EngineProcess) -> None:
    leg = place(standin)
    leg.command(f"start {far.url} mono")
    engine.kill()
    leg.call.negotiate()
    engine.start()
    leg.wait_for("connect")


def test_unloading_meanwhile(standin: StandIn, far: FarEnd) -> None:
    leg = place(standin)
    leg.command(f"start {far.url} mono")
    # Leaving the fixture unloads the module.
    assert leg.call.bug_count == 0


def test_a_call_that_rings_at_the_other_side_is_refused_and_stays_as_it_is(standin: StandIn, far: FarEnd) -> None:
    leg = ClockedCall(standin, standin.call(8000, state="ringing", outbound=True))
    assert leg.command(f"start {far.url} mono") == "-ERR Channel can't reach early media"
    assert leg.call.state is ChannelState.RINGING
