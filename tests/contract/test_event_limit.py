"""A server that sends more than a switch can tell of."""

from __future__ import annotations

import json

import pytest
from audio.tones import noise
from contract import FarEnd, Leg

FLOOD = 20_000


@pytest.mark.rule("3.4")
def test_a_flood_is_cut_to_what_can_be_told_and_the_call_goes_on(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    far.send(*(json.dumps({"type": "x.delta", "number": number}) for number in range(FLOOD)))
    speech = noise(200, 8000)
    far.speak(speech)
    far.say("response.done", response={"id": "r1"})
    leg.until(lambda: speech.tobytes() in leg.heard().tobytes())
    leg.event("openai_speech_stop")
    leg.ok("stop")
    summary = leg.event("summary").json()
    kinds = [event.json()["type"] for event in leg.events("json")]
    assert kinds.count("response.done") == 1, "deltas left no room"
    told = kinds.count("x.delta")
    assert 500 < told < FLOOD // 2
    assert summary["events_left_out"] == FLOOD - told
    assert len(leg.warnings()) >= 1
    assert len(far.connections) == 1
