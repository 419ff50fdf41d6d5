"""Section 9: what a stream's end, its server's complaints and its silence leave behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from audio.tones import noise
from contract import FarEnd, Leg, Switch
from contract.switch import ADDED, SUBCLASSES
from engine_process import EngineProcess

from mod_openai_realtime.local.behaviour import Behaviour

NOWHERE = "ws://127.0.0.1:9/"


def converse(leg: Leg, far: FarEnd, said_ms: int = 600) -> None:
    """A turn of the caller's, and 400 ms of answer that are heard."""
    leg.tell(noise(said_ms, 8000))
    far.say("input_audio_buffer.speech_stopped")
    far.say("response.created", response={"id": "r1"})
    far.speak(noise(400, 8000, seed=2))
    far.finish()
    details = {"text_tokens": 10, "audio_tokens": 20, "cached_tokens": 5, "cached_tokens_details": {"audio_tokens": 5}}
    usage = {"input_tokens": 30, "input_token_details": details, "output_tokens": 7}
    far.say("response.done", response={"id": "r1", "status": "completed", "usage": usage})
    far.say("conversation.item.input_audio_transcription.completed", usage={"type": "duration", "seconds": 1.5})
    leg.event("openai_speech_stop")


@pytest.mark.rule("9.summary", "9.usage")
def test_a_summary_is_the_last_event_and_its_figures_are_what_was_sent_and_heard(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    converse(leg, far)
    leg.ok("stop")
    summary = leg.event("summary").json()
    record = far.until_closed()
    sent_ms = len(record.received_audio()) / 16
    assert sent_ms >= 600 and summary["sent_ms"] == int(sent_ms)
    assert summary["heard_ms"] == 400
    assert 0 < summary["duration_ms"] < 3_600_000
    latency = summary["latency_ms"]
    assert isinstance(latency["median"], int) and latency["median"] == latency["p95"]
    expected = {"reason": "stopped", "connections": 1, "turns": 1, "interruptions": 0, "underruns": 0, "error": None}
    assert summary.items() >= expected.items()
    usage = {name: count for name, count in summary["usage"].items() if count}
    assert usage == {
        "input_tokens": 30,
        "input_text_tokens": 10,
        "input_audio_tokens": 20,
        "cached_tokens": 5,
        "cached_audio_tokens": 5,
        "output_tokens": 7,
        "transcription_seconds": 1.5,
    }
    told = [event.name for event in leg.events(*SUBCLASSES, *ADDED)]
    assert "disconnect" in told and "summary" not in told
    leg.until(lambda: any("summary {" in line for line in leg.log()))
    [line] = [line for line in leg.log() if "summary {" in line]
    assert line.startswith("INFO openai_audio_stream default: summary ")
    assert json.loads(line.partition("summary ")[2]) == summary


@pytest.mark.rule("9.summary")
def test_the_summary_of_a_hangup_carries_the_channel_that_is_gone(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"contract_variable": "seen"})
    leg.start(f"{far.url} mono 8k 8k stream=agent")
    far.say("response.created", response={"id": "r1"})
    far.speak(noise(3000, 8000))
    leg.event("openai_speech_start")
    leg.run(300)
    leg.hangup()
    leg.event("disconnect")
    summary = leg.event("summary")
    events = [event.name for event in leg.events(*SUBCLASSES, *ADDED)]
    assert "disconnect" not in events and events[-1:] == ["turn"], "the turn comes before it"
    assert summary.stream == "agent" and summary.headers.get("variable_contract_variable") == "seen"
    figures = summary.json()
    assert figures["reason"] == "hangup" and figures["turns"] == 1 and figures["interruptions"] == 0
    assert 300 <= figures["heard_ms"] < 3000


@pytest.mark.rule("9.summary")
def test_the_summary_of_an_unload(switch: Switch, far: FarEnd) -> None:
    leg = switch.call()
    leg.start(f"{far.url} mono 8k 8k")
    switch.unload()
    try:
        assert leg.event("summary").json()["reason"] == "unload"
    finally:
        switch.load()


@pytest.mark.rule("9.summary")
def test_each_engine_sums_up_what_it_knows(switch: Switch, far: FarEnd, engine: EngineProcess) -> None:
    leg = switch.call()
    leg.start(f"{far.url} mono 8k 8k")
    converse(leg, far)
    engine.stop()
    first = leg.event("summary").json()
    assert (first["reason"], first["turns"], first["heard_ms"]) == ("engine_exit", 1, 400)
    engine.start()
    leg.event("connect")
    leg.ok("stop")
    second = leg.event("summary").json()
    assert (second["reason"], second["turns"], second["heard_ms"]) == ("stopped", 0, 0)
    assert second["usage"]["input_tokens"] == 0


@pytest.mark.rule("9.summary")
def test_of_a_killed_engine_there_is_no_summary_and_the_next_one_tells_its_own_part(
    switch: Switch, far: FarEnd, engine: EngineProcess
) -> None:
    leg = switch.call()
    leg.start(f"{far.url} mono 8k 8k")
    converse(leg, far)
    engine.kill()
    leg.event("disconnect")
    engine.start()
    leg.event("connect")
    leg.ok("stop")
    [summary] = [leg.event("summary").json(), *(event.json() for event in leg.events("summary"))]
    assert (summary["reason"], summary["connections"], summary["heard_ms"]) == ("stopped", 1, 0)


@pytest.mark.rule("9.summary")
def test_the_summary_of_a_stream_that_never_connected_tells_why(leg: Leg) -> None:
    leg.ok(f"start {NOWHERE} mono 8k 8k")
    leg.event("error")
    leg.ok("stop")
    summary = leg.event("summary").json()
    assert summary["connections"] == summary["sent_ms"] == summary["heard_ms"] == 0
    assert summary["error"] == "Connection refused"


# -- the log


@pytest.mark.rule("9.log-line")
def test_a_failed_connection_is_logged_with_host_wait_and_body_but_no_secret(switch: Switch, far: FarEnd) -> None:
    far.behave(Behaviour(raw=True, refuse_status=503))
    leg = switch.call(variables={"STREAM_OPENAI_API_KEY": "sk-secret-key"})
    leg.ok(f"start {far.url}?token=hushhush mono")
    error = leg.event("error").json()["message"]
    leg.until(lambda: leg.warnings())
    [line] = leg.warnings()[:1]
    wait = f"again in {error['wait_time'] / 1000:.1f} s"
    start = f"WARNING openai_audio_stream default: connecting to 127.0.0.1:{far.port} failed: {error['error']}"
    assert line.startswith(f"{start} (try 1, {wait})")
    assert len(line.partition("): ")[2]) <= 200
    assert "hushhush" not in line and "sk-secret-key" not in line
    leg.ok("stop")


@pytest.mark.rule("9.log-error")
@pytest.mark.parametrize("suppressed", [False, True])
def test_a_servers_error_is_logged(switch: Switch, far: FarEnd, suppressed: bool) -> None:
    leg = switch.call(variables={"STREAM_SUPPRESS_LOG": str(suppressed).lower()})
    leg.start(f"{far.url} mono stream=agent")
    error: dict[str, Any] = {"type": "invalid_request_error", "code": "bad_thing", "message": "Not\nso."}
    far.say("error", error=error)
    told = "type invalid_request_error, code bad_thing" + ("" if suppressed else ": Not so.")
    expected = f"WARNING openai_audio_stream agent: server error: {told}"
    leg.until(lambda: expected in leg.warnings())
    leg.ok("stop stream=agent")
    assert leg.event("summary").json()["error"] == "bad_thing"


@pytest.mark.rule("9.greeting")
def test_a_session_that_is_not_announced_is_told_of_after_five_seconds(switch: Switch, far: FarEnd) -> None:
    silent, raw = switch.call(), switch.call()
    silent.start(f"{far.url} mono 8k 8k")
    raw.start(f"{far.url} mono 8k 8k", api="uuid_raw_audio_stream")
    expected = "WARNING openai_audio_stream default: no session.created within 5 s of the connection"

    def told(leg: Leg) -> list[str]:
        return [line for line in leg.log() if line.startswith(expected)]

    silent.until(lambda: told(silent))
    assert len(told(silent)) == 1 and told(raw) == []
