"""Messages that are dropped, too large, too deep or malformed; and what is heard after them."""

from __future__ import annotations

import json

import pytest
from audio.segments import sounding
from audio.tones import dominant_frequency, noise, tone
from contract import FarEnd, Leg
from contract.far_end import delta, delta_text


def nested(depth: int) -> str:
    return '{"type":"x","a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.rule("9.dropped", "5.3")
@pytest.mark.parametrize(
    "lost",
    [
        json.dumps({"type": "x", "text": "A" * (8 * 1024 * 1024)}),
        delta_text("A" * (8 * 1024 * 1024)),
        delta_text("AAAAA"),
        delta_text("A*"),
        nested(129),
        '{"type":"x","text":"a\0b"}',
        b"binary",
    ],
    ids=["large", "large-delta", "short-base64", "no-base64", "deep", "nul", "binary"],
)
def test_what_follows_a_dropped_message_begins_with_a_whole_sample_each_time(
    leg: Leg, far: FarEnd, lost: str | bytes
) -> None:
    leg.start(f"{far.url} recv 8k")
    leg.ok("pause")
    speech = tone(700, 1500, 8000)
    for at in range(0, len(speech), 4000):
        # A byte too many, the other half of which never comes.
        far.send(delta(speech[at : at + 400].tobytes() + b"\x55"), lost)
        far.send(delta(speech[at + 400 : at + 4000].tobytes()))
    far.finish()
    far.say("marker")
    # All of it is here before any is played: a busy machine may take its time.
    while "marker" not in leg.event("json", still=True).body:
        pass
    leg.ok("resume")
    leg.event("openai_speech_stop")
    leg.run(100)
    [heard] = sounding(leg.heard(), 8000)
    assert len(heard) == pytest.approx(len(speech), abs=40)
    pieces = [heard.of(leg.heard())[at + 400 : at + 4000] for at in range(0, len(speech), 4000)]
    assert [round(dominant_frequency(piece, 8000)) for piece in pieces] == [700, 700, 700]
    assert len(leg.warnings()) == 1


@pytest.mark.rule("5.19")
@pytest.mark.parametrize("where", ["text", "delta"])
def test_messages_over_8_mib_are_dropped_with_one_warning(leg: Leg, far: FarEnd, where: str) -> None:
    leg.start(f"{far.url} recv 8k")
    huge = "A" * (8 * 1024 * 1024)
    for _ in range(3):
        far.send(json.dumps({"type": "x", "text": huge}) if where == "text" else delta_text(huge))
    speech = noise(200, 8000)
    far.speak(speech)
    far.say("marker")
    leg.until(lambda: speech.tobytes() in leg.heard().tobytes())
    assert [event.json()["type"] for event in leg.events("json")] == ["marker"]
    assert len(leg.warnings()) == 1
    assert len(far.connections) == 1


@pytest.mark.rule("5.19")
def test_a_message_of_just_8_mib_is_forwarded(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    empty = len(json.dumps({"type": "x", "text": ""}))
    text = json.dumps({"type": "x", "text": "A" * (8 * 1024 * 1024 - empty)})
    far.send(text)
    assert leg.event("json", limit_s=60).body.rstrip("\n") == text


@pytest.mark.rule("5.20")
def test_deeply_nested_json_is_dropped_with_one_warning(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    far.send(nested(129), nested(128), nested(5000), nested(129), nested(2))
    far.send('{"type":"y","brackets":"' + "[" * 1000 + '"}')
    bodies = [leg.event("json").body.rstrip("\n") for _ in range(3)]
    assert bodies == [nested(128), nested(2), '{"type":"y","brackets":"' + "[" * 1000 + '"}']
    leg.until(lambda: leg.warnings())
    assert len(leg.warnings()) == 1


@pytest.mark.rule("3.4")
def test_a_message_of_many_values_is_forwarded_as_it_is(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    text = json.dumps({"type": "x", "a": [[]] * 100_000})
    far.send(text, text)
    far.say("marker")
    assert [leg.event("json").body.rstrip("\n") for _ in range(2)] == [text, text]
    assert leg.event("json").json()["type"] == "marker"
    assert len(leg.warnings()) == 1
