"""The summary of a call, against what its packets and its far end hold."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from audio.tones import tone
from contract import FarEnd
from freeswitch import RealSwitch, StreamCommands
from sip import L16_16K, PCMU, Call, Caller, MediaFormat

from mod_openai_realtime.local.thread import LocalEndpointThread

pytestmark = pytest.mark.usefixtures("engine")
RATE = 24000


@pytest.mark.parametrize("media_format", [PCMU, L16_16K], ids=lambda each: f"{each.name}-{each.rate}")
def test_the_summary_of_a_call_is_what_went_over_the_wire(
    streams: Callable[[Call], StreamCommands], make_calls: Callable[..., Caller], media_format: MediaFormat
) -> None:
    with FarEnd() as far:
        # A channel that sends nothing by itself: each packet is agent audio.
        call = make_calls("silent-park", 1, media_format).calls[0].wait_media()
        stream = streams(call)
        stream.start(far.url, f"mono {RATE} {RATE}")
        far.say("input_audio_buffer.speech_stopped")
        far.say("response.created", response={"id": "r1"})
        far.speak(tone(440, 1000, RATE), "r1", piece_ms=100, rate=RATE)
        far.finish("r1")
        turn = json.loads(stream.wait_for("turn").body)
        assert turn["heard_ms"] == 1000
        far.say("response.created", response={"id": "r2"})
        far.speak(tone(440, 5000, RATE), "r2", piece_ms=100, rate=RATE)
        stream.wait_for("openai_speech_start")
        call.party.wait_packets(40)
        far.say("input_audio_buffer.speech_started")
        turn = json.loads(stream.wait_for("turn").body)
        assert turn["interrupted"] is True
        call.hang_up()
        event = stream.wait_for("summary")
        far.until_closed()
        summary = json.loads(event.body)
        assert event.uuid == call.uuid and summary["reason"] == "hangup"
        assert (summary["turns"], summary["interruptions"], summary["connections"]) == (2, 1, 1)
        assert summary["sent_ms"] == len(far.connections[0].received_audio()) // (2 * RATE // 1000)
        # The last packet of each answer need not be full, and one holds the ramp of the interruption.
        wire_ms = 20 * len(call.party.received)
        assert wire_ms - 60 <= summary["heard_ms"] <= wire_ms
        assert summary["heard_ms"] == pytest.approx(1000 + turn["heard_ms"], abs=1)
        latency = summary["latency_ms"]["median"]
        assert latency is not None and 0 <= latency < 1000


def test_a_call_that_hangs_up_while_the_agent_speaks_is_summed_up(
    switch: RealSwitch,
    streams: Callable[[Call], StreamCommands],
    make_call: Callable[..., Call],
    endpoint: LocalEndpointThread,
) -> None:
    call = make_call("park")
    stream = streams(call)
    stream.start(endpoint.url)
    stream.wait_for("openai_speech_start")
    call.hang_up()
    summary = json.loads(stream.wait_for("summary").body)
    assert summary["reason"] == "hangup" and 0 < summary["heard_ms"] <= 1000
    assert "openai_audio_stream default: summary {" in switch.log_text()
