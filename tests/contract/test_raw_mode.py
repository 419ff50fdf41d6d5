"""Section 6: binary audio both ways."""

from __future__ import annotations

from pathlib import Path

import pytest
from audio.segments import sounding
from audio.tones import dominant_frequency, noise, tone
from contract import FarEnd, Leg
from contract.saying import send_at_once
from contract.switch import RAW_API


@pytest.mark.rule("6.1", "2.1")
def test_caller_audio_is_binary_at_the_send_rate(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k", RAW_API)
    speech = noise(500, 8000)
    leg.tell(speech)
    leg.until(lambda: speech.tobytes() in far.audio().tobytes())
    assert {len(message.binary or b"") for message in far.messages()} == {320}
    leg.ok("stop")
    leg.start(f"{far.url} stereo 24k 8k", RAW_API)
    leg.until(lambda: far.messages())
    assert {len(message.binary or b"") for message in far.messages()} == {1920}


@pytest.mark.rule("6.2", "5.4")
def test_binary_messages_are_played_even_in_odd_pieces(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k", RAW_API)
    raw = noise(600, 8000).tobytes()
    send_at_once(leg, far, raw[:1], raw[1:1000], raw[1000:1003], raw[1003:], api=RAW_API)
    leg.until(lambda: raw in leg.heard().tobytes())


@pytest.mark.rule("6.2", "5.5")
def test_binary_audio_is_resampled(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv", RAW_API)
    far.send(tone(700, 1000, 24000).tobytes())
    far.say("response.output_audio.done")
    leg.event("openai_speech_stop")
    leg.run(100)
    [heard] = sounding(leg.heard(), 8000)
    assert len(heard) == pytest.approx(8000, abs=40)
    assert dominant_frequency(heard.of(leg.heard()), 8000) == pytest.approx(700, abs=2)


@pytest.mark.rule("6.3", "3.7", "3.8")
def test_texts_end_and_interrupt_speech_and_become_events(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k", RAW_API)
    for ending in ("input_audio_buffer.speech_started", "response.output_audio.done"):
        far.send(noise(600, 8000).tobytes())
        leg.event("openai_speech_start")
        far.say(ending)
        leg.event("openai_speech_stop")
        assert leg.event("json").json() == {"type": ending}
        far.say("response.created", response={"id": "next"})
        leg.event("json")
    far.send("not JSON")
    assert leg.event("json").body.rstrip("\n") == "not JSON"


@pytest.mark.rule("6.3", "3.4")
def test_an_audio_delta_in_raw_mode_is_a_text_like_others(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k", RAW_API)
    far.speak(noise(100, 8000))
    assert leg.event("json").json()["type"] == "response.output_audio.delta"
    leg.run(100)
    assert not leg.heard().any()


@pytest.mark.rule("3.6", "5.15", "6.2")
def test_a_play_event_in_raw_mode_is_just_the_file(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k", RAW_API)
    far.send(noise(100, 8000).tobytes())
    body = leg.event("play").json()
    assert list(body) == ["file"]
    assert Path(body["file"]).name == f"{leg.uuid}_0.tmp.wav"


@pytest.mark.rule("6.4")
def test_outside_raw_mode_binary_is_dropped_with_a_warning(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    binary = noise(200, 8000, seed=1)
    text = noise(200, 8000, seed=2)
    far.send(binary.tobytes(), binary.tobytes())
    far.speak(text)
    leg.until(lambda: text.tobytes() in leg.heard().tobytes())
    assert binary[:80].tobytes() not in leg.heard().tobytes()
    leg.until(lambda: [line for line in leg.warnings() if "binary" in line])
