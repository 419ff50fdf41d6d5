"""STREAM_BARGE_IN: whether the caller's voice stops the agent, who decides it, and what the server is asked for."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from audio.g711 import Pcm16
from audio.tones import noise
from contract import FarEnd, Leg

STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
DETECTION = {"type": "server_vad", "threshold": 0.4, "interrupt_response": True}
CREATED = {"type": "realtime", "audio": {"input": {"turn_detection": DETECTION}}}
LEFT_ALONE = {"type": "server_vad", "threshold": 0.4, "interrupt_response": False}


def told(far: FarEnd, kind: str = "", connection: int = -1) -> list[dict[str, Any]]:
    messages = [json.loads(text) for text in far.texts(connection)]
    return [each for each in messages if not kind or each["type"] == kind]


def detections(far: FarEnd, connection: int = -1) -> list[Any]:
    """Of each session.update."""
    updates = told(far, "session.update", connection)
    return [each["session"]["audio"]["input"]["turn_detection"] for each in updates]


def start(leg: Leg, far: FarEnd, policy: str) -> None:
    leg.set_variable("STREAM_BARGE_IN", policy)
    leg.start(f"{far.url} mono 8k 8k")
    far.say("session.created", session=CREATED)
    if policy != "server":
        leg.until(lambda: detections(far) == [LEFT_ALONE])
        far.say("session.updated", session={"audio": {"input": {"turn_detection": LEFT_ALONE}}})


def interrupts(leg: Leg, far: FarEnd, policy: str, answer_ms: int, *, whole: bool = False) -> Pcm16:
    """The server hears the caller once the agent's answer has been heard for 600 ms; `whole`: all of it has come."""
    start(leg, far, policy)
    answer = noise(answer_ms, 8000)
    far.say("response.created", response={"id": "r1"})
    far.speak(answer, "r1")
    if whole:
        far.finish("r1")
    leg.event("openai_speech_start")
    leg.run(600)
    far.say(STARTED)
    return answer


@pytest.mark.rule("9.interrupt")
def test_where_it_is_off_the_caller_stops_nothing_and_the_server_is_asked_for_that(leg: Leg, far: FarEnd) -> None:
    answer = interrupts(leg, far, "OFF", 2000)
    far.finish("r1")
    leg.event("openai_speech_stop")
    assert answer.tobytes() in leg.heard().tobytes()
    turn = leg.event("turn").json()
    assert turn["heard_ms"] == 2000 and turn["interrupted"] is False
    assert {each["type"] for each in told(far)} == {"session.update"}
    assert leg.warnings() == []


@pytest.mark.rule("9.interrupt")
def test_a_sound_that_comes_to_nothing_makes_the_agent_wait_and_no_sample_is_lost_or_doubled(
    leg: Leg, far: FarEnd
) -> None:
    answer = interrupts(leg, far, "confirm", 2000, whole=True)
    leg.until(lambda: any(STARTED in event.body for event in leg.events("json")))
    leg.run(200)
    far.say(STOPPED)
    leg.event("openai_speech_stop")
    turn = leg.event("turn").json()
    assert turn["heard_ms"] == 2000 and turn["interrupted"] is False
    assert {each["type"] for each in told(far)} == {"session.update"}
    if leg.stepped:
        heard = leg.heard().tobytes()
        # In two pieces, the first to the sample where the second begins.
        cut = next(at for at in range(320, len(answer), 160) if answer[: at + 160].tobytes() not in heard)
        assert answer[cut:].tobytes() in heard and 600 <= cut // 8 <= 1600


@pytest.mark.rule("9.interrupt")
def test_who_is_heard_for_a_second_interrupts_and_the_server_is_told_where_the_agent_had_begun_to_wait(
    leg: Leg, far: FarEnd
) -> None:
    answer = interrupts(leg, far, "confirm", 4000)
    leg.event("openai_speech_stop")
    turn = leg.event("turn").json()
    assert turn["interrupted"] is True and turn["heard_ms"] < 2500
    leg.until(lambda: told(far, "conversation.item.truncate"))
    assert told(far, "conversation.item.truncate")[0]["audio_end_ms"] == turn["heard_ms"]
    assert told(far, "response.cancel") == [{"type": "response.cancel"}]
    if leg.stepped:
        assert answer[: turn["heard_ms"] * 8].tobytes() in leg.heard().tobytes()


@pytest.mark.rule("9.interrupt")
@pytest.mark.parametrize("policy", ["off", "confirm"])
def test_the_applications_own_update_and_each_new_session_say_so_too(leg: Leg, far: FarEnd, policy: str) -> None:
    start(leg, far, policy)
    number = 12345678901234567890123
    wish = {"tools": [number], "audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}}
    update = json.dumps({"type": "session.update", "session": wish}).encode()
    leg.ok(f"send_json {base64.b64encode(update).decode()}")
    mine = {"type": "semantic_vad", "eagerness": "low", "interrupt_response": False}
    leg.until(lambda: detections(far)[-1] == mine)
    assert told(far, "session.update")[-1]["session"]["tools"] == [number]
    far.say("session.updated", session={"audio": {"input": {"turn_detection": mine}}})
    far.drop()
    leg.event("connect")
    far.say("session.created", session=CREATED)
    leg.until(lambda: detections(far) == [mine])


@pytest.mark.rule("9.interrupt")
def test_a_server_that_does_not_take_it_is_told_of_once_and_interrupts(leg: Leg, far: FarEnd) -> None:
    leg.set_variable("STREAM_BARGE_IN", "confirm")
    leg.start(f"{far.url} mono 8k 8k")
    far.say("session.created", session=CREATED)
    leg.until(lambda: detections(far) == [LEFT_ALONE])
    for _ in range(2):
        far.say("session.updated", session=CREATED)
    far.speak(noise(4000, 8000), "r1")
    leg.event("openai_speech_start")
    far.say(STARTED)
    leg.event("openai_speech_stop")
    (warning,) = leg.warnings()
    assert "STREAM_BARGE_IN=confirm" in warning and "interrupt_response" in warning


@pytest.mark.rule("4.6")
def test_a_bad_value_warns_and_means_the_servers_word(leg: Leg, far: FarEnd) -> None:
    leg.set_variable("STREAM_BARGE_IN", "sometimes")
    leg.start(f"{far.url} mono 8k 8k")
    far.say("session.created", session=CREATED)
    far.speak(noise(4000, 8000), "r1")
    leg.event("openai_speech_start")
    far.say(STARTED)
    leg.event("openai_speech_stop")
    (warning,) = leg.warnings()
    assert "STREAM_BARGE_IN is none of server, off and confirm; using the default (server)" in warning
    assert told(far, "session.update") == []
