"""Hold of the channel, whoever puts it there: what is on hold was not heard, nothing is lost, the turn ends."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.tones import noise
from contract import FarEnd, Leg, Switch
from contract.switch import HOLDS
from engine_process import EngineProcess

pytestmark = pytest.mark.rule("9.hold")

FRAME = 160  # samples of 20 ms at 8 kHz
SECOND = np.zeros(8000, dtype=np.int16)


def agent_audio(leg: Leg) -> Pcm16:
    """What was heard of the agent, without the frames in which it was not: noise is never silent that long."""
    heard = leg.heard()
    frames = [heard[at : at + FRAME] for at in range(0, len(heard), FRAME)]
    sounding = [frame for frame in frames if frame.any()]
    return np.trim_zeros(np.concatenate(sounding), "b") if sounding else np.zeros(0, dtype=np.int16)


def is_whole(leg: Leg, speech: Pcm16) -> bool:
    """Heard to the bit. Of a real call one frame may have been on its way to the network when the hold began."""
    heard, wanted = agent_audio(leg), np.trim_zeros(speech, "b")
    if heard.tobytes() == wanted.tobytes():
        return True
    if leg.stepped or len(heard) != len(wanted) - FRAME:
        return False
    first = int(np.argmax(heard != wanted[: len(heard)]))
    return heard[first:].tobytes() == wanted[first + FRAME :].tobytes()


def sent_silence(far: FarEnd, said: Pcm16) -> int:
    """How many samples of silence came behind the last of what was said, 0 if anything else did."""
    audio = far.audio().tobytes()
    at = audio.rfind(said[-80:].tobytes())
    rest = np.frombuffer(audio[at + 160 :], "<i2")
    return 0 if at < 0 or rest.any() else len(rest)


def told(leg: Leg, status: str, stream: str = "default") -> None:
    assert leg.event("hold", stream=stream).json() == {"status": status}


def truncations(far: FarEnd) -> list[dict[str, Any]]:
    messages = [json.loads(text) for text in far.texts()]
    return [message for message in messages if message["type"] == "conversation.item.truncate"]


def settle(leg: Leg, far: FarEnd) -> None:
    """The engine has taken what the far end has said."""
    far.say("marker")
    leg.until(lambda: any("marker" in event.body for event in leg.events("json")))


@pytest.mark.parametrize("how", HOLDS)
@pytest.mark.parametrize("mode", ["mono 8k 8k", "recv 8k"])
def test_an_answer_waits_for_the_caller_and_is_heard_whole(leg: Leg, far: FarEnd, how: str, mode: str) -> None:
    leg.start(f"{far.url} {mode}")
    speech = noise(6000, 8000)
    far.speak(speech)
    far.finish()
    leg.until(lambda: len(agent_audio(leg)) >= 8000)
    leg.hold(how)
    told(leg, "held")
    before = len(agent_audio(leg))
    leg.run(3000)
    assert len(agent_audio(leg)) == before
    leg.unhold()
    told(leg, "resumed")
    turn = leg.event("turn").json()
    assert turn["heard_ms"] == 6000 and turn["interrupted"] is False
    leg.until(lambda: is_whole(leg, speech))


@pytest.mark.parametrize("how", HOLDS)
def test_a_barge_in_right_after_a_hold_truncates_at_what_was_heard(leg: Leg, far: FarEnd, how: str) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(6000, 8000)
    far.speak(speech)
    leg.until(lambda: len(agent_audio(leg)) >= 8000)
    leg.hold(how)
    told(leg, "held")
    leg.run(3000)
    leg.unhold()
    told(leg, "resumed")
    far.say("input_audio_buffer.speech_started")
    turn = leg.event("turn").json()
    leg.until(lambda: truncations(far))
    leg.run(100)
    # The cut is faded out over 5 ms, which count as unheard.
    heard_ms = len(agent_audio(leg)) / 8
    [truncation] = truncations(far)
    assert truncation["audio_end_ms"] == turn["heard_ms"]
    assert heard_ms - 6 <= turn["heard_ms"] <= heard_ms + (0 if leg.stepped else 20)
    assert turn["heard_ms"] < 4000


@pytest.mark.parametrize("how", HOLDS)
@pytest.mark.parametrize("mode", ["mono 8k 8k", "mono 8k send"])
def test_the_callers_turn_ends_with_a_second_of_silence_once(leg: Leg, far: FarEnd, how: str, mode: str) -> None:
    leg.start(f"{far.url} {mode}")
    said, on_hold, later = (noise(600, 8000, seed=seed) for seed in (1, 2, 3))
    leg.tell(said)
    leg.until(lambda: said.tobytes() in far.audio().tobytes())
    for _ in range(2):
        leg.hold(how)
        told(leg, "held")
        leg.tell(on_hold)
        leg.run(1500)
        settle(leg, far)
        count = len(far.audio())
        assert not far.audio()[-len(SECOND) :].any()
        leg.run(500)
        assert len(far.audio()) == count
        leg.unhold()
        told(leg, "resumed")
        leg.run(100)
        leg.tell(later)
        leg.until(lambda: far.audio()[count:].tobytes().find(later.tobytes()) >= 0)  # noqa: B023
    # Nor is it caught up with, late, as what FreeSWITCH has not read lies in its socket.
    assert on_hold[-80:].tobytes() not in far.audio().tobytes()


@pytest.mark.stepped
def test_the_silence_is_a_second_to_the_sample(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    said = noise(600, 8000)
    leg.tell(said)
    leg.until(lambda: said.tobytes() in far.audio().tobytes(), still=True)
    leg.call.hold()  # type: ignore[attr-defined]
    leg.event("hold", still=True)
    settle(leg, far)
    assert sent_silence(far, said) == len(SECOND)


@pytest.mark.stepped
@pytest.mark.parametrize(
    "order",
    [
        "hold mute unhold unmute",
        "mute hold unmute unhold",
        "hold mute unmute unhold",
        "mute hold unhold unmute",
        "hold pause unhold resume",
        "pause hold resume unhold",
        "hold pause resume unhold",
        "pause hold unhold resume",
        "hold pause mute unhold unmute resume",
    ],
)
def test_hold_mute_and_pause_go_together_in_any_order(leg: Leg, far: FarEnd, order: str) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    said, between, later = (noise(600, 8000, seed=seed) for seed in (1, 2, 3))
    speech = noise(6000, 8000, seed=4)
    leg.tell(said)
    leg.until(lambda: said.tobytes() in far.audio().tobytes(), still=True)
    far.speak(speech)
    far.finish()
    reasons: set[str] = set()
    for word in order.split():
        if word in ("hold", "unhold"):
            getattr(leg, word)()
            leg.event("hold", still=True)
        else:
            leg.ok(f"{word} user" if "mute" in word else word)
        begun = {"unhold": "hold", "unmute": "mute", "resume": "pause"}.get(word)
        reasons = reasons - {begun} if begun else reasons | {word}
        before = len(agent_audio(leg))
        if reasons:
            leg.tell(between)
            assert (len(agent_audio(leg)) > before) is not bool(reasons & {"hold", "pause"}), word
    leg.tell(later)
    leg.until(lambda: later.tobytes() in far.audio().tobytes())
    audio = far.audio().tobytes()
    assert between[-80:].tobytes() not in audio and between[:80].tobytes() not in audio
    silence = audio[audio.rfind(said.tobytes()) + len(said) * 2 : audio.rfind(later.tobytes())]
    assert len(silence) == 2 * len(SECOND) and not any(silence)
    leg.event("openai_speech_stop")
    assert is_whole(leg, speech)


def test_all_streams_of_a_channel_are_held_and_told(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k stream=mouth")
    leg.start(f"{far.url} mono 8k send stream=ear")
    leg.start(f"{far.url} stereo 8k send stream=notes")
    said = noise(400, 8000)
    leg.tell(said)
    leg.until(lambda: said.tobytes() in far.audio(1).tobytes())
    leg.until(lambda: len(far.audio(2)))
    leg.hold()
    for stream in ("mouth", "ear", "notes"):
        told(leg, "held", stream)
    leg.run(300)
    leg.until(lambda: len(far.audio(1)) >= 8000 and not far.audio(1)[-8000:].any())
    leg.until(lambda: len(far.audio(2)) >= 16000 and not far.audio(2)[-16000:].any())
    leg.unhold()
    for stream in ("mouth", "ear", "notes"):
        told(leg, "resumed", stream)
    assert leg.events("hold") == []


@pytest.mark.parametrize("how", HOLDS)
def test_a_stream_can_start_on_hold(leg: Leg, far: FarEnd, how: str) -> None:
    leg.hold(how)
    leg.ok(f"start {far.url} mono 8k 8k")
    told(leg, "held")
    leg.event("connect")
    speech, said = noise(1500, 8000), noise(400, 8000, seed=2)
    far.speak(speech)
    far.finish()
    settle(leg, far)
    leg.tell(said)
    assert len(agent_audio(leg)) == 0
    assert not far.audio().any()
    leg.unhold()
    told(leg, "resumed")
    leg.event("openai_speech_start")
    leg.event("openai_speech_stop")
    leg.run(100)
    assert is_whole(leg, speech)
    leg.tell(said)
    leg.until(lambda: said.tobytes() in far.audio().tobytes())


@pytest.mark.parametrize("how", HOLDS)
@pytest.mark.parametrize("end", ["stop", "hangup", "barge-in"])
def test_playback_can_end_on_hold(leg: Leg, far: FarEnd, how: str, end: str) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(noise(3000, 8000))
    leg.until(lambda: len(agent_audio(leg)) >= 4000)
    leg.hold(how)
    told(leg, "held")
    if end == "stop":
        leg.ok("stop")
    elif end == "hangup":
        leg.hangup()
    else:
        far.say("input_audio_buffer.speech_started")
    leg.event("openai_speech_stop", still=end == "hangup")
    heard_ms = len(agent_audio(leg)) / 8
    assert heard_ms < 3000
    if end == "barge-in":
        assert heard_ms - 6 <= leg.event("turn").json()["heard_ms"] <= heard_ms + (0 if leg.stepped else 20)
        leg.unhold()
        told(leg, "resumed")
        leg.run(200)
        # What the barge-in dropped does not come with the resume, but for the ramp that ends it.
        assert len(agent_audio(leg)) / 8 <= heard_ms + 20
    else:
        far.until_closed()


@pytest.mark.parametrize("how", HOLDS)
def test_an_answer_that_comes_on_hold_waits_whole_behind_one_that_was_dropped(leg: Leg, far: FarEnd, how: str) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(noise(3000, 8000))
    leg.until(lambda: len(agent_audio(leg)) >= 4000)
    leg.hold(how)
    told(leg, "held")
    far.say("input_audio_buffer.speech_started")
    leg.event("openai_speech_stop")
    before = len(agent_audio(leg))
    answer = noise(4000, 8000, seed=2)  # four times what the ring holds
    far.speak(answer, "second")
    far.finish("second")
    settle(leg, far)
    leg.run(500)
    assert len(agent_audio(leg)) == before
    leg.unhold()
    turns = {turn["response_id"]: turn for turn in (leg.event("turn").json() for _ in range(2))}
    assert turns["second"]["heard_ms"] == 4000 and turns["second"]["interrupted"] is False
    wanted = answer.tobytes()
    leg.until(lambda: wanted[-FRAME:] in agent_audio(leg).tobytes())
    assert wanted in agent_audio(leg).tobytes()


def test_the_wait_for_a_held_caller_is_no_latency(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    leg.hold()
    told(leg, "held")
    far.say("input_audio_buffer.speech_stopped")
    far.speak(noise(300, 8000))
    far.finish()
    settle(leg, far)
    leg.run(400)
    leg.unhold()
    latency = leg.event("turn").json()["latency_ms"]
    assert latency["speech_end_to_first_delta"] is not None
    assert latency["first_delta_to_first_sample"] is None and latency["speech_end_to_first_sample"] is None


def test_without_reconnection_the_held_caller_still_hears_what_had_come(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_NO_RECONNECT": "true"})
    leg.start(f"{far.url} recv 8k")
    speech = noise(1500, 8000)
    far.speak(speech)
    far.finish()
    leg.until(lambda: len(agent_audio(leg)) >= 4000)
    leg.hold()
    told(leg, "held")
    far.close()
    leg.event("disconnect")
    leg.run(200)
    assert leg.bugs() == 1
    leg.unhold()
    leg.event("openai_speech_stop")
    leg.until(lambda: is_whole(leg, speech))
    leg.until(lambda: leg.bugs() == 0)


@pytest.mark.parametrize("how", HOLDS)
def test_a_hold_outlives_the_engine(leg: Leg, far: FarEnd, engine: EngineProcess, how: str) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    leg.hold(how)
    told(leg, "held")
    engine.kill()
    leg.event("disconnect")
    engine.start()
    leg.event("connect")
    speech, said = noise(600, 8000), noise(400, 8000, seed=2)
    far.speak(speech)
    far.finish()
    settle(leg, far)
    leg.tell(said)
    assert len(agent_audio(leg)) == 0 and not far.audio().any()
    assert leg.events("hold") == []  # it was told before
    leg.unhold()
    told(leg, "resumed")
    leg.event("openai_speech_stop")
    leg.until(lambda: is_whole(leg, speech))


def test_a_hold_that_began_or_ended_without_an_engine_is_told_by_the_next(
    leg: Leg, far: FarEnd, engine: EngineProcess
) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    for change, status in ((leg.hold, "held"), (leg.unhold, "resumed")):
        engine.kill()
        leg.event("disconnect")
        change()
        engine.start()
        leg.event("connect")
        told(leg, status)
    assert leg.events("hold") == []
