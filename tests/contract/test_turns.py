"""Beyond the contract: what the server and the application are told of a turn, by what was really heard."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from audio.g711 import Pcm16
from audio.tones import tone
from contract import FarEnd, Leg


def answer(far: FarEnd, samples: Pcm16, response: str, item: str, content_index: int = 0) -> None:
    delta = base64.b64encode(samples.astype("<i2").tobytes()).decode()
    fields: dict[str, Any] = {"response_id": response, "item_id": item, "content_index": content_index}
    far.send(json.dumps({"type": "response.output_audio.delta", **fields, "delta": delta}))


def truncations(far: FarEnd) -> list[dict[str, Any]]:
    messages = [json.loads(text) for text in far.texts()]
    return [message for message in messages if message["type"] == "conversation.item.truncate"]


def test_a_turn_that_is_heard_to_its_end(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say("input_audio_buffer.speech_stopped")
    far.say("response.created", response={"id": "r1"})
    answer(far, tone(500, 400, 8000), "r1", "item_1")
    answer(far, tone(500, 400, 8000), "r1", "item_2")
    far.finish("r1")
    turn = leg.event("turn").json()
    assert turn["response_id"] == "r1" and turn["item_ids"] == ["item_1", "item_2"]
    assert turn["heard_ms"] == 800 and turn["interrupted"] is False
    steps = turn["latency_ms"]
    assert all(isinstance(step, int) and step >= 0 for step in steps.values())
    whole = steps["speech_end_to_first_delta"] + steps["first_delta_to_first_sample"]
    assert abs(steps["speech_end_to_first_sample"] - whole) <= 1
    assert truncations(far) == []


def latency(leg: Leg, far: FarEnd, response: str) -> int | None:
    """Of this response, from the end of the caller's speech."""
    far.say("response.created", response={"id": response})
    answer(far, tone(500, 200, 8000), response, f"item_{response}")
    far.finish(response)
    turn = leg.event("turn").json()
    assert turn["response_id"] == response
    step: int | None = turn["latency_ms"]["speech_end_to_first_delta"]
    return step


@pytest.mark.rule("9.turns")
def test_only_speech_starts_the_clock_of_a_turn(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say("input_audio_buffer.committed")
    assert latency(leg, far, "idle") is None
    far.say("input_audio_buffer.speech_started")
    far.say("input_audio_buffer.speech_stopped")
    far.say("input_audio_buffer.committed")
    assert latency(leg, far, "spoken") is not None
    far.say("input_audio_buffer.committed")
    assert latency(leg, far, "idle-again") is None


@pytest.mark.rule("9.turns")
@pytest.mark.parametrize("quiet", ["", "mute user", "pause"])
def test_a_commit_of_the_application_starts_the_clock_while_the_caller_is_heard(
    leg: Leg, far: FarEnd, quiet: str
) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    if quiet:
        leg.ok(quiet)
    commit = base64.b64encode(b'{"type":"input_audio_buffer.commit"}').decode()
    leg.ok(f"send_json {commit}")
    if quiet == "pause":
        leg.ok("resume")
    far.say("input_audio_buffer.committed")
    assert (latency(leg, far, "r1") is None) is bool(quiet)
    leg.ok("unmute")
    leg.ok(f"send_json {commit}")
    far.say("error", error={"type": "invalid_request_error", "code": "input_audio_buffer_commit_empty"})
    assert latency(leg, far, "r2") is None


def test_a_barge_in_tells_the_server_what_was_heard_of_each_part(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say("response.created", response={"id": "r1"})
    answer(far, tone(500, 300, 8000), "r1", "item_1")
    answer(far, tone(500, 5000, 8000), "r1", "item_1", content_index=1)
    answer(far, tone(500, 5000, 8000), "r1", "item_2")
    leg.event("openai_speech_start")
    leg.run(800)
    far.say("input_audio_buffer.speech_started")
    turn = leg.event("turn").json()
    leg.until(lambda: truncations(far))
    (message,) = truncations(far)
    assert message["item_id"] == "item_1" and message["content_index"] == 1
    # One is rounded for each part, the other for all of the response.
    assert abs(message["audio_end_ms"] + 300 - turn["heard_ms"]) <= 1
    assert 700 <= turn["heard_ms"] < 5300 and turn["interrupted"] is True


@pytest.mark.parametrize("variable", ["STREAM_NO_TRUNCATE"])
def test_the_truncation_can_be_left_to_the_application(leg: Leg, far: FarEnd, variable: str) -> None:
    leg.set_variable(variable, "true")
    leg.start(f"{far.url} mono 8k 8k")
    answer(far, tone(500, 5000, 8000), "r1", "item_1")
    leg.event("openai_speech_start")
    far.say("input_audio_buffer.speech_started")
    leg.event("turn")
    leg.ok("stop")
    far.until_closed()
    assert truncations(far) == []
