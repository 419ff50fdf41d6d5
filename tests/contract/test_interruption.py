"""Section 9: whose word ends what the caller hears, and what is heard all the same."""

from __future__ import annotations

from typing import Any

import pytest
from audio.g711 import Pcm16
from audio.tones import noise
from contract import FarEnd, Leg
from contract.saying import SPEECH_STARTED, heard_of, said, send_json, told, until_forwarded

STAYS = {"type": "server_vad", "interrupt_response": False}
GA = {"type": "realtime", "audio": {"input": {"turn_detection": STAYS}}}
OLDER = {"turn_detection": STAYS}
HALF_NEW = {"turn_detection": STAYS, "audio": {"input": {"format": {"type": "audio/pcm"}}}}


@pytest.mark.rule("9.interrupt")
@pytest.mark.parametrize("session", [GA, OLDER, HALF_NEW], ids=["ga", "older", "half-new"])
@pytest.mark.parametrize("kind", ["session.created", "session.updated"])
def test_the_caller_does_not_interrupt_where_the_session_says_so(
    leg: Leg, far: FarEnd, kind: str, session: dict[str, Any]
) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say(kind, session=session)
    answer = noise(4000, 8000)
    far.say("response.created", response={"id": "r1"})
    far.speak(answer[:16000], "r1")
    leg.event("openai_speech_start")
    leg.run(600)
    far.say(SPEECH_STARTED)
    far.speak(answer[16000:], "r1")
    far.finish("r1")
    leg.event("openai_speech_stop")
    assert answer.tobytes() in leg.heard().tobytes()
    turn = leg.event("turn").json()
    assert turn["heard_ms"] == 4000 and turn["interrupted"] is False
    assert said(far) == []


@pytest.mark.rule("9.interrupt")
def test_what_the_session_says_last_counts_and_what_it_leaves_out_stays(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say("session.created", session=GA)
    far.say("session.updated", session={"audio": {"output": {}}})
    far.speak(noise(4000, 8000), "r1")
    leg.event("openai_speech_start")
    far.say(SPEECH_STARTED)
    until_forwarded(leg, far, "marker")
    leg.run(200)
    assert leg.events("openai_speech_stop") == []
    far.say("session.updated", session={"audio": {"input": {"turn_detection": {"type": "server_vad"}}}})
    far.say(SPEECH_STARTED)
    leg.event("openai_speech_stop")


@pytest.mark.rule("9.interrupt")
@pytest.mark.parametrize("echoes", [True, False], ids=["metadata", "order"])
def test_an_uninterruptible_response_is_heard_to_its_end(leg: Leg, far: FarEnd, echoes: bool) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.say("session.created", session={"audio": {"input": {"turn_detection": None}}})
    metadata = {"interruptible": "false"}
    send_json(leg, type="response.create")
    send_json(leg, type="response.create", response={"metadata": metadata})
    for name, own in (("r1", {}), ("r2", {"metadata": metadata} if echoes else {}), ("r3", {})):
        answer = noise(1000, 8000, seed=ord(name[1]))
        far.say("response.created", response={"id": name, **own})
        far.speak(answer, name)
        leg.event("openai_speech_start")
        leg.run(200)
        far.say(SPEECH_STARTED)
        far.finish(name)
        far.say("response.done", response={"id": name})
        leg.event("openai_speech_stop")
        turn = leg.event("turn").json()
        assert turn["response_id"] == name and turn["interrupted"] is (name != "r2")
        assert (heard_of(leg, answer) == 1000) is (name == "r2")
    leg.until(lambda: len(said(far)) >= 6)
    assert [message["type"] for message in said(far)[2:]] == ["response.cancel", "conversation.item.truncate"] * 2


@pytest.mark.rule("9.interrupt")
def test_of_what_is_queued_the_caller_interrupts_what_may_be(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    parts = {name: noise(1000, 8000, seed=seed) for seed, name in enumerate(("r1", "r2", "r3", "r4"))}
    for name, part in parts.items():
        metadata = {"interruptible": "false"} if name in ("r2", "r4") else None
        far.say("response.created", response={"id": name, "metadata": metadata})
        far.speak(part, name)
        far.finish(name)
        far.say("response.done", response={"id": name})
    leg.event("openai_speech_start")
    leg.run(300)
    far.say(SPEECH_STARTED)
    for name in ("r1", "r2", "r4"):
        leg.event("openai_speech_stop")
        if name != "r4":
            leg.event("openai_speech_start")
    leg.run(200)
    assert heard_of(leg, parts["r1"]) < 900
    # A frame or two of what is dropped may begin before it is.
    assert heard_of(leg, parts["r3"]) <= 60
    assert parts["r4"][1000:].tobytes() in leg.heard().tobytes()
    assert heard_of(leg, parts["r2"][800:]) >= 840
    turns = {turn["response_id"]: turn for turn in (leg.event("turn").json() for _ in parts)}
    assert [turns[name]["interrupted"] for name in sorted(turns)] == [True, False, True, False]
    assert [turns[name]["heard_ms"] for name in ("r2", "r4")] == [1000, 1000]
    leg.until(lambda: told(far, "conversation.item.truncate"))
    truncates = told(far, "conversation.item.truncate")
    assert truncates[0]["item_id"] == "item_r1"
    assert abs(truncates[0]["audio_end_ms"] - turns["r1"]["heard_ms"]) <= 1
    assert all(message["audio_end_ms"] <= 60 for message in truncates[1:])


@pytest.mark.rule("9.interrupt")
@pytest.mark.parametrize("detection", [None, {"type": "semantic_vad", "eagerness": "low"}], ids=["none", "semantic"])
def test_another_turn_detection_interrupts_again(leg: Leg, far: FarEnd, answering: Pcm16, detection: object) -> None:
    far.say("session.updated", session=GA)
    far.say(SPEECH_STARTED)
    far.send('{"type":"session.updated","session":{"turn_detection":null}')  # no JSON: nothing is known of it
    far.say(SPEECH_STARTED)
    until_forwarded(leg, far, "marker")
    leg.run(100)
    assert leg.events("openai_speech_stop") == []
    far.say("session.updated", session={"audio": {"input": {"turn_detection": detection}}})
    far.say(SPEECH_STARTED)
    leg.event("openai_speech_stop")
    leg.until(lambda: told(far, "conversation.item.truncate"))
    assert len(told(far, "response.cancel")) == (detection is None)
