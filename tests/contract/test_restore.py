"""Section 10: what a new session is given of the one before it, in which order, and what is told of it."""

from __future__ import annotations

import base64

import pytest
from audio.g711 import Pcm16
from audio.segments import sounding
from audio.tones import noise
from contract import FarEnd, Leg, Switch
from contract.saying import said, send_json, until_said
from engine_process import EngineProcess

from mod_openai_realtime.local.behaviour import Behaviour

SESSION = {"instructions": "You answer the phone of a bakery.", "audio": {"output": {"voice": "marin"}}}
LATER = {"instructions": "The bakery is closed.", "tools": [{"type": "function", "name": "hours"}]}
MERGED = {**SESSION, **LATER}


def greet(leg: Leg, far: FarEnd) -> None:
    """The far end greets, and the engine has heard it."""
    far.say("session.created", session={})
    forwarded(leg, "session.created")


def forwarded(leg: Leg, kind: str) -> None:
    while leg.event("json", still=True).json()["type"] != kind:
        pass


def reconnect(leg: Leg, far: FarEnd) -> None:
    far.drop()
    leg.event("disconnect")
    leg.event("connect")


def add(far: FarEnd, name: str, role: str, text: str) -> None:
    kind = "input_text" if role == "user" else "output_text"
    item = {"id": name, "type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    far.say("conversation.item.added", item=item, previous_item_id=None)


def answer(far: FarEnd, samples: Pcm16, transcript: str, item: str = "a1") -> None:
    """A response that is spoken, and written down."""
    where = {"response_id": "r1", "item_id": item, "content_index": 0}
    far.say("response.created", response={"id": "r1"})
    far.say("conversation.item.added", item={"id": item, "type": "message", "role": "assistant", "content": []})
    far.say("response.output_audio_transcript.delta", **where, delta=transcript)
    audio = base64.b64encode(samples.astype("<i2").tobytes()).decode()
    far.say("response.output_audio.delta", **where, delta=audio)


def answered(leg: Leg, far: FarEnd, words: int) -> str:
    """A question, and an answer that is being heard, 100 ms a word: its words."""
    add(far, "u1", "user", "Are you open on Monday?")
    transcript = " ".join(f"word{number:02}" for number in range(words))
    answer(far, noise(100 * words, 8000), transcript)
    leg.event("openai_speech_start")
    return transcript


@pytest.mark.rule("10.session", "10.order", "10.once")
def test_a_new_session_is_asked_what_the_application_asked_before_any_audio(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    send_json(leg, type="session.update", session=LATER)
    leg.run(200)
    reconnect(leg, far)
    leg.forget_events()
    leg.run(400)
    assert far.messages(1) == []
    greet(leg, far)
    until_said(far, 1, 1)
    leg.run(400)
    [update] = said(far, 1)
    assert (update["type"], update["session"]) == ("session.update", MERGED)
    assert len(far.audio(1)) == 0
    far.say("session.updated", session=MERGED)
    restored = leg.event("restored").json()
    assert restored.pop("gap_ms") >= 0
    assert restored == {"status": "restored", "cause": "reconnect", "session": True, "items": 0, "left_out": 0}
    leg.until(lambda: len(far.audio(1)) > 0)
    far.say("marker")
    forwarded(leg, "marker")
    assert "session.updated" not in [event.json()["type"] for event in leg.events("json")]


@pytest.mark.rule("10.off")
def test_where_it_is_off_nothing_is_restored(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_RESTORE": "off"})
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    reconnect(leg, far)
    greet(leg, far)
    leg.until(lambda: len(far.audio(1)) > 0)
    assert said(far, 1) == []
    assert leg.events("restored") == []


@pytest.mark.rule("10.session")
def test_an_update_that_the_server_refused_is_not_asked_again(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", event_id="mine", session={"voice": "nobody"})
    far.say("error", error={"type": "invalid_request_error", "event_id": "mine"})
    forwarded(leg, "error")
    reconnect(leg, far)
    greet(leg, far)
    leg.until(lambda: len(far.audio(1)) > 0)
    assert said(far, 1) == []


@pytest.mark.rule("10.items", "10.once")
def test_the_conversation_is_created_anew_as_far_as_it_was_heard(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_RESTORE": "conversation"})
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    words = answered(leg, far, 40)
    leg.run(2000)
    far.say("input_audio_buffer.speech_started")
    leg.event("openai_speech_stop")
    truncated = leg.event("turn").json()["heard_ms"]
    call = {"id": "c1", "type": "function_call", "call_id": "k1", "name": "hours", "arguments": "{}"}
    far.say("conversation.item.added", item=call)
    far.say("conversation.item.added", item={**call, "id": "c2", "call_id": "k2"})
    far.say(
        "conversation.item.added", item={"id": "o1", "type": "function_call_output", "call_id": "k1", "output": "9"}
    )
    far.say("marker")
    forwarded(leg, "marker")
    reconnect(leg, far)
    leg.forget_events()
    greet(leg, far)
    update, *created = until_said(far, 1, 5)
    assert update["session"] == SESSION
    assert [each["item"]["id"] for each in created] == ["u1", "a1", "c1", "o1"]
    heard = created[1]["item"]["content"][0]["text"]
    assert words.startswith(heard)
    assert len(heard) == pytest.approx(len(words) * truncated / 4000, abs=8)
    far.say("session.updated", session={})
    for each in created[:3]:
        far.say("conversation.item.added", item=each["item"])
        far.say("conversation.item.done", item=each["item"])
    far.say("error", error={"type": "invalid_request_error", "event_id": created[3]["event_id"]})
    restored = leg.event("restored").json()
    # A call without its output, and an output that was refused.
    assert (restored["session"], restored["items"], restored["left_out"]) == (True, 3, 2)
    far.say("marker")
    kinds = []
    while "marker" not in kinds:
        kinds.append(leg.event("json", still=True).json()["type"])
    assert kinds == ["error", "marker"]


@pytest.mark.rule("10.items")
def test_what_plays_on_and_is_interrupted_is_put_right_in_the_new_session(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_RESTORE": "conversation"})
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    words = answered(leg, far, 40)
    leg.run(500)
    reconnect(leg, far)
    greet(leg, far)
    created = until_said(far, 1, 2)
    assert created[1]["item"]["content"][0]["text"] == words
    for each in created:
        far.say("conversation.item.added", item=each["item"])
    leg.event("restored")
    leg.run(500)
    far.say("input_audio_buffer.speech_started")
    leg.event("openai_speech_stop")
    heard_ms = leg.event("turn").json()["heard_ms"]
    deleted, again = until_said(far, 1, 4)[2:]
    assert (deleted["type"], deleted["item_id"]) == ("conversation.item.delete", "a1")
    assert again["previous_item_id"] == "u1"
    heard = again["item"]["content"][0]["text"]
    assert words.startswith(heard)
    assert len(heard) == pytest.approx(len(words) * heard_ms / 4000, abs=8)


@pytest.mark.rule("10.killed")
@pytest.mark.parametrize("ends", ["killed", "stopped"])
def test_another_engine_goes_on_from_what_was_heard(
    switch: Switch, far: FarEnd, engine: EngineProcess, ends: str
) -> None:
    if ends == "killed" and switch.stepped:
        pytest.skip("what has changed is kept a quarter of a second later, which no stepped clock tells")
    leg = switch.call(variables={"STREAM_RESTORE": "conversation"})
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    words = answered(leg, far, 100)
    leg.run(2000)
    far.say("marker")
    forwarded(leg, "marker")
    (engine.kill if ends == "killed" else engine.stop)()
    leg.event("openai_speech_stop")
    leg.run(500)
    spoken = len(sounding(leg.heard(), 8000)[0]) * 1000 // 8000
    engine.start()
    leg.event("connect")
    greet(leg, far)
    update, *created = until_said(far, 1, 3)
    assert update["session"] == SESSION
    assert [each["item"]["id"] for each in created] == ["u1", "a1"]
    heard = created[1]["item"]["content"][0]["text"]
    assert words.startswith(heard)
    assert len(heard) == pytest.approx(len(words) * spoken / 10000, abs=10)
    far.say("session.updated", session=SESSION)
    for each in created:
        far.say("conversation.item.added", item=each["item"])
    restored = leg.event("restored").json()
    assert (restored["cause"], restored["items"]) == ("reconnect", 2)
    assert restored["gap_ms"] > 0


@pytest.mark.rule("10.failover")
@pytest.mark.parametrize("refusal", [503, 401])
def test_after_two_failures_at_one_server_another_goes_on_with_the_conversation(
    switch: Switch, far: FarEnd, refusal: int
) -> None:
    with FarEnd() as other:
        variables = {"STREAM_RESTORE": "conversation", "STREAM_FAILOVER_URI": f"{other.url}?key=not-to-be-shown"}
        leg = switch.call(variables=variables)
        leg.start(f"{far.url} mono 8k 8k")
        greet(leg, far)
        send_json(leg, type="session.update", session=SESSION)
        add(far, "u1", "user", "Are you open on Monday?")
        far.say("marker")
        forwarded(leg, "marker")
        far.behave(Behaviour(refuse_status=refusal))
        far.drop()
        leg.event("connect", limit_s=30)
        assert len(far.handshakes) == 1 + 2
        greet(leg, other)
        update, created = until_said(other, 0, 2)
        assert (update["session"], created["item"]["id"]) == (SESSION, "u1")
        other.say("session.updated", session=SESSION)
        other.say("conversation.item.added", item=created["item"])
        assert leg.event("restored").json()["cause"] == "failover"
        assert "not-to-be-shown" not in "\n".join(line for line in leg.log() if "openai_audio_stream" in line)


@pytest.mark.rule("10.items")
def test_of_many_items_the_newest_are_created(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_RESTORE": "conversation", "STREAM_RESTORE_ITEMS": "2"})
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    for number in range(5):
        add(far, f"u{number}", "user", f"{number}")
    far.say("marker")
    forwarded(leg, "marker")
    reconnect(leg, far)
    greet(leg, far)
    created = until_said(far, 1, 2)
    assert [each["item"]["id"] for each in created] == ["u3", "u4"]
    for each in created:
        far.say("conversation.item.created", item=each["item"])
    assert leg.event("restored").json()["left_out"] == 3


@pytest.mark.rule("10.order")
def test_a_server_that_never_agrees_gets_audio_after_two_seconds(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    reconnect(leg, far)
    leg.run(1900)
    assert len(far.audio(1)) == 0
    leg.until(lambda: len(far.audio(1)) > 0)


@pytest.mark.rule("10.audio")
@pytest.mark.parametrize("speaking", [True, False])
def test_what_a_caller_says_in_between_is_kept_where_they_were_speaking(leg: Leg, far: FarEnd, speaking: bool) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    far.say("session.updated", session=SESSION)
    far.say("input_audio_buffer.speech_started")
    if not speaking:
        far.say("input_audio_buffer.speech_stopped")
    far.say("marker")
    forwarded(leg, "marker")
    far.drop()
    leg.event("disconnect", still=True)
    speech, later = noise(500, 8000), noise(500, 8000, seed=2)
    leg.tell(speech)
    leg.event("connect", still=True)
    leg.tell(later)
    greet(leg, far)
    far.say("session.updated", session=SESSION)
    leg.event("restored")
    leg.until(lambda: len(far.audio(1)) > 0)
    leg.run(100)
    sent = far.audio(1).tobytes()
    assert (speech[800:].tobytes() in sent) is speaking
    assert (later[:2400].tobytes() in sent) is speaking
