"""Section 9: a new session has nothing of the one before it, and is told nothing of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audio.g711 import Pcm16
from audio.tones import noise
from contract import FarEnd, Leg
from contract.saying import SPEECH_STARTED, said, send_json, told, until_forwarded

STAYS = {"type": "server_vad", "interrupt_response": False}
GA = {"type": "realtime", "audio": {"input": {"turn_detection": STAYS}}}


@pytest.mark.rule("9.session")
@pytest.mark.parametrize(
    "interrupt",
    [
        lambda leg, far: far.say(SPEECH_STARTED),
        lambda leg, far: leg.ok("break"),
        lambda leg, far: send_json(leg, type="response.cancel"),
    ],
    ids=["caller", "break", "cancel"],
)
def test_a_new_session_is_told_nothing_of_the_old_one(
    leg: Leg, far: FarEnd, answering: Pcm16, interrupt: Callable[[Leg, FarEnd], object]
) -> None:
    far.drop()
    leg.event("disconnect")
    leg.event("connect")
    far.say("session.created", session={"audio": {"input": {"turn_detection": None}}})
    until_forwarded(leg, far, "marker")
    interrupt(leg, far)
    leg.event("openai_speech_stop")
    turn = leg.event("turn").json()
    assert turn["response_id"] == "r1" and turn["interrupted"] is True and turn["heard_ms"] < 4000
    leg.run(200)
    assert [message["type"] for message in said(far)] in ([], ["response.cancel"])
    assert told(far, "conversation.item.truncate") == []


@pytest.mark.rule("9.session")
def test_an_interruption_just_before_the_loss_is_not_told_to_the_new_session(
    leg: Leg, far: FarEnd, answering: Pcm16
) -> None:
    leg.ok("pause")  # what was heard is certain only some ticks later
    far.say(SPEECH_STARTED)
    leg.event("openai_speech_stop", still=True)
    far.drop()
    leg.event("connect", still=True)
    leg.event("turn")
    leg.run(200)
    assert said(far) == []


@pytest.mark.rule("9.session")
def test_a_new_session_begins_with_nothing_of_the_old_one(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say("session.created", session=GA)
    send_json(leg, type="response.create", response={"metadata": {"interruptible": "false"}})
    far.say("input_audio_buffer.speech_stopped")
    far.say("response.created", response={"id": "r1"})
    until_forwarded(leg, far, "marker")
    far.drop()
    leg.event("disconnect")
    leg.event("connect")
    # The same ids again, of a server that never says what its session is.
    far.say("response.created", response={"id": "r1"})
    answer = noise(3000, 8000)
    far.speak(answer, "r1")
    leg.event("openai_speech_start")
    far.say(SPEECH_STARTED)
    leg.event("openai_speech_stop")
    turn = leg.event("turn").json()
    assert turn["interrupted"] is True and turn["latency_ms"]["speech_end_to_first_delta"] is None
    leg.until(lambda: said(far))
    assert [message["type"] for message in said(far)] == ["conversation.item.truncate"]


@pytest.mark.rule("9.session")
def test_two_sessions_may_use_one_id_and_each_answer_is_told_of(leg: Leg, far: FarEnd, answering: Pcm16) -> None:
    far.finish("r1")
    far.drop()
    leg.event("disconnect")
    leg.event("connect")
    far.say("response.created", response={"id": "r1"})
    far.speak(noise(500, 8000, seed=2), "r1")
    far.finish("r1")
    heard = [leg.event("turn").json()["heard_ms"] for _ in range(2)]
    assert heard == [4000, 500]
    assert len(leg.events("openai_speech_stop")) == 2
