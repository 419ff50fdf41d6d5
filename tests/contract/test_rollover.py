"""Section 10: a session takes over from the one before it, beside it, and nobody hears of it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.tones import noise
from contract import FarEnd, Leg, Switch
from contract.saying import said, send_json, until_said

from mod_openai_realtime.local.behaviour import Behaviour

SESSION = {"instructions": "You answer the phone of a bakery."}


def roll(switch: Switch, seconds: float = 1, **variables: str) -> Leg:
    return switch.call(variables={"STREAM_MAX_SESSION_S": str(seconds), **variables})


def forwarded(leg: Leg, kind: str) -> None:
    while leg.event("json", still=True).json()["type"] != kind:
        pass


def greet(leg: Leg, far: FarEnd, connection: int = 0) -> None:
    far.say("session.created", connection, session={})
    if connection == 0:
        forwarded(leg, "session.created")


def until_opened(far: FarEnd, count: int) -> None:
    far.until(lambda records: len(records) >= count)


def restore(far: FarEnd, connection: int = 1) -> list[dict[str, Any]]:
    """The far end agrees to all that it was given."""
    until_opened(far, connection + 1)
    far.say("session.created", connection, session={})
    given = until_said(far, connection, 1)
    far.say("session.updated", connection, session=given[0]["session"])
    return given


def assert_each_sample_went_once(leg: Leg, far: FarEnd, said: Pcm16) -> None:
    """Over both connections, from the first sample that came."""
    first, second = far.audio(0), far.audio(1)
    # A busy FreeSWITCH may lose a frame of its own, but not just where they meet.
    assert np.concatenate([first[-200:], second[:200]]).tobytes() in said.tobytes()
    if leg.stepped:
        sent = np.concatenate([first, second])
        start = sent.tobytes().find(said[:400].tobytes()) // 2
        assert start >= 0
        assert np.array_equal(sent[start : start + len(said)], said[: len(sent) - start])


@pytest.mark.rule("10.rollover")
def test_another_session_takes_over_without_a_sample_lost_or_sent_twice(switch: Switch, far: FarEnd) -> None:
    leg = roll(switch)
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    far.say("session.updated", session=SESSION)
    forwarded(leg, "session.updated")
    speech = noise(20_000, 8000)
    leg.say(speech)
    until_opened(far, 2)
    leg.run(200)
    assert len(far.audio(1)) == 0
    assert leg.events("connect", "disconnect") == []
    restore(far)
    connected = leg.event("connect").json()
    assert connected == {"status": "connected", "cause": "rollover"}
    restored = leg.event("restored").json()
    assert restored == {
        "status": "restored",
        "cause": "rollover",
        "session": True,
        "items": 0,
        "left_out": 0,
        "gap_ms": 0,
    }
    leg.until(lambda: len(far.audio(1)) > 4000)
    assert far.until_closed(0).close_code == 1000
    assert_each_sample_went_once(leg, far, speech)
    assert [each["type"] for each in said(far, 1)] == ["session.update"]
    assert leg.events("disconnect", "error") == []
    assert [each.json()["type"] for each in leg.events("json")] == ["session.created"]


def settled(leg: Leg, far: FarEnd) -> None:
    """All that the far end has said so far has been understood."""
    far.say("marker", 0)
    forwarded(leg, "marker")


def old_enough(leg: Leg) -> None:
    """A session of a second is."""
    time.sleep(1.2)  # by the engine's clock: no condition tells that nothing has happened
    leg.run(100)


@pytest.mark.rule("10.rollover")
def test_a_moment_is_waited_for_in_which_neither_side_speaks(switch: Switch, far: FarEnd) -> None:
    leg = roll(switch)
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    far.say("input_audio_buffer.speech_started")
    settled(leg, far)
    old_enough(leg)
    far.say("response.created", response={"id": "r1"})
    far.say("input_audio_buffer.speech_stopped")
    settled(leg, far)
    old_enough(leg)
    far.speak(noise(2000, 8000))
    far.finish()
    far.say("response.done", response={"id": "r1", "status": "completed"})
    leg.event("openai_speech_start")
    if switch.stepped:
        old_enough(leg)
    assert len(far.handshakes) == 1
    leg.event("openai_speech_stop")
    until_opened(far, 2)


@pytest.mark.rule("10.rollover", "10.items")
def test_the_new_session_gets_what_was_said_also_while_it_was_made_ready(switch: Switch, far: FarEnd) -> None:
    leg = roll(switch, STREAM_RESTORE="conversation")
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    far.say("session.updated", session=SESSION)
    far.say("conversation.item.added", item=message("u1", "user", "Are you open?"))
    call = {"id": "c1", "type": "function_call", "call_id": "k1", "name": "hours", "arguments": "{}"}
    far.say("conversation.item.added", item=call)
    until_opened(far, 2)
    far.say("session.created", 1, session={})
    update, created = until_said(far, 1, 2)
    assert (update["session"], created["item"]["id"]) == (SESSION, "u1")
    # The call is answered, and more is asked of the session, before the new one has agreed to anything.
    output = {"id": "o1", "type": "function_call_output", "call_id": "k1", "output": "9 to 5"}
    far.say("conversation.item.added", 0, item=output)
    settled(leg, far)
    later = {"tools": [{"type": "function", "name": "prices"}]}
    send_json(leg, type="session.update", session=later)
    far.say("session.updated", 1, session=SESSION)
    far.say("conversation.item.added", 1, item=created["item"])
    again = until_said(far, 1, 3)[2]
    assert again["session"] == {**SESSION, **later}
    far.say("session.updated", 1, session=again["session"])
    assert leg.event("connect").json()["cause"] == "rollover"
    caught_up = until_said(far, 1, 5)[3:]
    assert [each["item"]["id"] for each in caught_up] == ["c1", "o1"]
    for each in caught_up:
        far.say("conversation.item.added", 1, item=each["item"])
    restored = leg.event("restored").json()
    assert (restored["cause"], restored["items"], restored["left_out"]) == ("rollover", 3, 0)
    assert [each.json()["type"] for each in leg.events("json")].count("conversation.item.added") == 0


def message(name: str, role: str, text: str) -> dict[str, Any]:
    kind = "input_text" if role == "user" else "output_text"
    return {"id": name, "type": "message", "role": role, "content": [{"type": kind, "text": text}]}


@pytest.mark.rule("10.rollover")
def test_a_call_that_is_not_answered_yet_is_waited_for(switch: Switch, far: FarEnd) -> None:
    leg = roll(switch)
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    far.say("response.function_call_arguments.done", call_id="k1", name="hours", arguments="{}")
    settled(leg, far)
    old_enough(leg)
    assert len(far.handshakes) == 1
    output = {"id": "o1", "type": "function_call_output", "call_id": "k1", "output": "9 to 5"}
    far.say("conversation.item.added", item=output)
    far.say("response.created", response={"id": "r1"})
    settled(leg, far)
    old_enough(leg)
    assert len(far.handshakes) == 1
    far.say("response.done", response={"id": "r1", "status": "completed"})
    until_opened(far, 2)


@pytest.mark.rule("10.rollover")
def test_where_the_new_connection_does_not_come_up_the_old_one_goes_on(switch: Switch, far: FarEnd) -> None:
    leg = roll(switch)
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    far.behave(lambda index: Behaviour(raw=True, refuse_status=503 if index < 4 else None))
    far.until_handshakes(4)
    leg.run(200)
    sent = len(far.audio(0))
    leg.until(lambda: len(far.audio(0)) > sent)
    assert leg.events("error", "disconnect", "connect") == []
    assert any("rollover" in line and "503" in line for line in leg.warnings())
    until_opened(far, 2)
    far.say("session.created", 1, session={})
    assert leg.event("connect").json()["cause"] == "rollover"


@pytest.mark.rule("10.rollover")
def test_a_new_connection_that_is_lost_before_it_is_ready_is_replaced(switch: Switch, far: FarEnd) -> None:
    leg = roll(switch)
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    until_opened(far, 2)
    far.drop(1)
    until_opened(far, 3)
    far.say("session.created", 2, session={})
    leg.event("connect")
    leg.until(lambda: len(far.audio(2)) > 0)
    assert leg.events("disconnect", "error") == []
    assert len(far.audio(1)) == 0


@pytest.mark.rule("10.rollover")
@pytest.mark.parametrize("word", ["error", "close"])
def test_a_session_that_the_server_ends_for_its_age_is_a_rollover_that_comes_late(
    leg: Leg, far: FarEnd, word: str
) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    far.say("session.updated", session=SESSION)
    settled(leg, far)
    speech = noise(3000, 8000)
    leg.say(speech)
    frames = [speech[at : at + 160].tobytes() for at in range(480, 4000, 160)]  # a busy FreeSWITCH may lose one
    leg.until(lambda: any(frame in far.audio(0).tobytes() for frame in frames))
    if word == "error":
        far.say("error", 0, error={"type": "invalid_request_error", "code": "session_expired", "message": "too old"})
    far.close(1001, "maximum duration", 0)
    until_opened(far, 2)
    leg.run(200)
    restore(far)
    assert leg.event("connect").json() == {"status": "connected", "cause": "rollover"}
    restored = leg.event("restored").json()
    assert (restored["cause"], restored["session"]) == ("rollover", True)
    leg.until(lambda: len(far.audio(1)) > 4000)
    assert_each_sample_went_once(leg, far, speech)
    assert leg.events("disconnect", "error") == []


@pytest.mark.rule("10.rollover")
def test_a_late_rollover_that_fails_is_a_loss_like_any_other(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    settled(leg, far)
    far.behave(lambda index: Behaviour(raw=True, refuse_status=503 if index == 1 else None))
    far.close(1001, "maximum duration", 0)
    lost = leg.event("disconnect").json()
    assert lost["message"] == {"code": 1001, "reason": "maximum duration"}
    assert leg.event("error").json()["message"]["http_status"] == 503
    assert leg.event("connect").json() == {"status": "connected"}


@pytest.mark.rule("10.rollover")
def test_a_stop_ends_both_connections(switch: Switch, far: FarEnd) -> None:
    leg = roll(switch)
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    send_json(leg, type="session.update", session=SESSION)
    until_opened(far, 2)
    far.say("session.created", 1, session={})
    until_said(far, 1, 1)  # so it is open on the other side, too
    leg.ok("stop")
    assert [far.until_closed(each).close_code for each in (0, 1)] == [1000, 1000]
    assert leg.event("disconnect").json()["message"]["code"] == 1000
    assert leg.event("summary").json()["connections"] == 1
    assert leg.events("connect", "error", "disconnect") == []


@pytest.mark.rule("10.rollover")
@pytest.mark.parametrize("how", ["mute user", "pause"])
def test_what_holds_of_the_caller_holds_of_the_next_session(switch: Switch, far: FarEnd, how: str) -> None:
    leg = roll(switch)
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    leg.ok(how)
    until_opened(far, 2)
    far.say("session.created", 1, session={})
    leg.event("connect")
    leg.run(300)
    assert len(far.audio(1)) == 0
    leg.ok("unmute user" if how == "mute user" else "resume")
    leg.until(lambda: len(far.audio(1)) > 0)


@pytest.mark.rule("10.rollover")
@pytest.mark.parametrize(
    "variables", [{"STREAM_MAX_SESSION_S": "0"}, {"STREAM_MAX_SESSION_S": "1", "STREAM_NO_RECONNECT": "true"}]
)
def test_where_it_is_not_wanted_there_is_none(switch: Switch, far: FarEnd, variables: dict[str, str]) -> None:
    leg = switch.call(variables=variables)
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    old_enough(leg)
    assert len(far.handshakes) == 1
    far.close(1001, "maximum duration", 0)
    if "STREAM_NO_RECONNECT" in variables:
        leg.event("disconnect")
    else:
        assert leg.event("connect").json()["cause"] == "rollover"


@pytest.mark.rule("10.rollover", "10.off")
def test_where_nothing_is_restored_an_expired_session_is_a_loss_that_the_application_hears_of(
    switch: Switch, far: FarEnd
) -> None:
    leg = switch.call(variables={"STREAM_RESTORE": "off"})
    leg.start(f"{far.url} mono 8k 8k")
    greet(leg, far)
    far.close(1001, "maximum duration", 0)
    assert leg.event("disconnect").json()["message"]["code"] == 1001
    assert leg.event("connect").json() == {"status": "connected"}
