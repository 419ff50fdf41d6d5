"""Section 9: what is played is dropped at the application's word, and what the server is told of that."""

from __future__ import annotations

from typing import Any

import pytest
from audio.g711 import Pcm16
from audio.tones import noise
from contract import FarEnd, Leg
from contract.saying import encoded, heard_of, said, send_json, told, until_forwarded
from contract.switch import RAW_API

from mod_openai_realtime.local.behaviour import Behaviour


@pytest.mark.rule("9.break")
def test_a_break_drops_what_is_played_and_queued(leg: Leg, far: FarEnd, answering: Pcm16) -> None:
    queued, late, new = (noise(500, 8000, seed=seed) for seed in (2, 3, 4))
    far.say("response.created", response={"id": "r2"})
    far.speak(queued, "r2")
    until_forwarded(leg, far, "marker")
    leg.ok("break")
    leg.event("openai_speech_stop")
    turn = leg.event("turn").json()
    assert turn["response_id"] == "r1" and turn["interrupted"] is True
    leg.until(lambda: told(far, "conversation.item.truncate"))
    (truncate,) = told(far, "conversation.item.truncate")
    assert truncate["item_id"] == "item_r1" and truncate["content_index"] == 0
    assert abs(truncate["audio_end_ms"] - turn["heard_ms"]) <= 1
    assert abs(truncate["audio_end_ms"] - heard_of(leg, answering)) <= 40
    assert told(far, "response.cancel") == [{"type": "response.cancel"}]
    for name in ("r1", "r2"):
        far.speak(late, name)
        far.finish(name)
        far.say("response.done", response={"id": name, "status": "cancelled"})
    far.say("response.created", response={"id": "r3"})
    far.speak(new, "r3")
    far.finish("r3")
    leg.event("openai_speech_start")
    leg.event("openai_speech_stop")
    assert new.tobytes() in leg.heard().tobytes()
    assert heard_of(leg, late) == heard_of(leg, queued) == 0
    assert len(told(far, "conversation.item.truncate")) == 1


@pytest.mark.rule("9.break")
@pytest.mark.stepped
def test_a_break_silences_within_one_frame(leg: Leg, far: FarEnd, answering: Pcm16) -> None:
    before = len(leg.heard())
    leg.ok("break")
    leg.run(400)
    assert leg.heard(before)[:40].any()
    assert not leg.heard(before + 40).any()


@pytest.mark.rule("9.break")
def test_a_break_without_playback_succeeds_and_does_nothing(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    leg.ok("break")
    speech = noise(400, 8000)
    far.say("response.created", response={"id": "r1"})
    until_forwarded(leg, far, "marker")
    leg.ok("BREAK stream=default")
    far.speak(speech, "r1")
    far.finish("r1")
    leg.event("openai_speech_stop")
    leg.ok("break")
    leg.run(100)
    assert speech.tobytes() in leg.heard().tobytes()
    assert said(far) == []


@pytest.mark.rule("9.break", "2.28")
def test_a_break_is_for_one_stream_and_takes_no_argument(leg: Leg, far: FarEnd) -> None:
    with FarEnd() as other:
        leg.start(f"{other.url} mono send stream=ear")
        leg.start(f"{far.url} recv 8k stream=mouth")
        far.say("response.created", response={"id": "r1"})
        far.speak(noise(3000, 8000), "r1")
        leg.event("openai_speech_start")
        assert leg.api("break") == "-ERR Stream not found"
        assert leg.api("break now stream=ear") == "-ERR Break accepts no arguments [stream=ear]"
        leg.ok("break stream=ear")
        clear = encoded(type="output_audio_buffer.clear")
        assert leg.api(f"send_json {clear}") == "-ERR Stream not found"
        leg.run(200)
        assert leg.events("openai_speech_stop") == []
        leg.ok("break stream=mouth")
        leg.event("openai_speech_stop")
        assert said(other) == []


@pytest.mark.rule("9.break")
def test_a_cancel_with_nothing_under_way_silences_nothing_that_comes(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    send_json(leg, type="response.cancel")
    far.say("error", error={"type": "invalid_request_error", "code": "response_cancel_not_active"})
    answer = noise(300, 8000)
    far.say("response.created", response={"id": "r1"})
    far.speak(answer, "r1")
    far.finish("r1")
    leg.event("openai_speech_stop")
    assert answer.tobytes() in leg.heard().tobytes()
    assert said(far) == [{"type": "response.cancel"}]


@pytest.mark.rule("9.break", "2.20")
def test_a_break_in_a_pause_counts_what_was_heard_before_it(leg: Leg, far: FarEnd, answering: Pcm16) -> None:
    leg.ok("pause")
    leg.run(200)
    leg.ok("break")
    leg.event("openai_speech_stop")
    turn = leg.event("turn").json()
    leg.until(lambda: told(far, "conversation.item.truncate"))
    (truncate,) = told(far, "conversation.item.truncate")
    assert abs(truncate["audio_end_ms"] - turn["heard_ms"]) <= 1
    assert abs(truncate["audio_end_ms"] - heard_of(leg, answering)) <= 40
    leg.ok("resume")
    leg.run(200)
    assert heard_of(leg, answering) <= truncate["audio_end_ms"] + 20
    new = noise(300, 8000, seed=5)
    far.speak(new, "r2")
    leg.until(lambda: new.tobytes() in leg.heard().tobytes())


@pytest.mark.rule("9.break", "9.hold")
@pytest.mark.parametrize("how", ["sendonly", "uuid_hold"])
def test_a_break_on_hold_counts_what_was_heard_before_it(leg: Leg, far: FarEnd, answering: Pcm16, how: str) -> None:
    leg.hold(how)
    leg.run(300)
    leg.ok("break")
    leg.event("openai_speech_stop")
    turn = leg.event("turn").json()
    assert turn["interrupted"] is True
    assert abs(turn["heard_ms"] - heard_of(leg, answering)) <= 60
    leg.unhold()
    leg.run(300)
    assert abs(turn["heard_ms"] - heard_of(leg, answering)) <= 60
    leg.until(lambda: told(far, "conversation.item.truncate"))
    (truncate,) = told(far, "conversation.item.truncate")
    assert abs(truncate["audio_end_ms"] - turn["heard_ms"]) <= 1


@pytest.mark.rule("9.break")
@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ({"type": "response.cancel"}, True),
        ({"type": "response.cancel", "response_id": "r1"}, True),
        ({"type": "conversation.item.truncate", "item_id": "item_r1", "content_index": 0, "audio_end_ms": 7}, True),
        ({"type": "output_audio_buffer.clear"}, False),
    ],
    ids=["cancel", "cancel-response", "truncate", "clear"],
)
def test_the_applications_own_messages_do_the_same(
    leg: Leg, far: FarEnd, answering: Pcm16, message: dict[str, Any], sent: bool
) -> None:
    late = noise(500, 8000, seed=3)
    send_json(leg, **message)
    leg.event("openai_speech_stop")
    turn = leg.event("turn").json()
    far.speak(late, "r1")
    until_forwarded(leg, far, "marker")
    leg.run(200)
    assert heard_of(leg, late) == 0
    assert abs(heard_of(leg, answering) - turn["heard_ms"]) <= 40 and turn["heard_ms"] < 3000
    leg.until(lambda: told(far, "conversation.item.truncate"))
    messages = said(far)
    if sent:
        assert messages.pop(0) == message
    else:
        assert messages.pop(0) == {"type": "response.cancel"}
    if message["type"] != "conversation.item.truncate":
        (truncate,) = messages
        assert truncate["type"] == "conversation.item.truncate" and truncate["item_id"] == "item_r1"
        assert abs(truncate["audio_end_ms"] - turn["heard_ms"]) <= 1
    else:
        assert messages == []


@pytest.mark.rule("9.break")
@pytest.mark.parametrize(
    "message",
    [
        {"type": "response.cancel", "response_id": "another"},
        {"type": "conversation.item.truncate", "item_id": "another", "content_index": 0, "audio_end_ms": 7},
        {"type": "conversation.item.create", "item": {"type": "message", "note": "response.cancel"}},
    ],
    ids=["response", "item", "mentioned"],
)
def test_a_message_about_something_else_silences_nothing(
    leg: Leg, far: FarEnd, answering: Pcm16, message: dict[str, Any]
) -> None:
    send_json(leg, **message)
    far.finish("r1")
    leg.event("openai_speech_stop")
    assert answering.tobytes() in leg.heard().tobytes()
    assert said(far) == [message]


@pytest.mark.rule("9.break")
def test_one_response_of_several_can_be_silenced(leg: Leg, far: FarEnd, answering: Pcm16) -> None:
    other = noise(600, 8000, seed=2)
    far.say("response.created", response={"id": "r2"})
    far.speak(other, "r2")
    far.finish("r2")
    until_forwarded(leg, far, "marker")
    send_json(leg, type="response.cancel", response_id="r1")
    leg.event("openai_speech_stop")
    leg.event("openai_speech_start")
    leg.event("openai_speech_stop")
    assert heard_of(leg, answering) < 3000
    assert other[800:].tobytes() in leg.heard().tobytes()


@pytest.mark.rule("9.break")
def test_an_own_cancel_that_a_new_response_crosses_silences_that_too(leg: Leg, far: FarEnd, answering: Pcm16) -> None:
    send_json(leg, type="response.cancel")
    leg.event("openai_speech_stop")
    crossing = noise(3000, 8000, seed=6)
    far.say("response.done", response={"id": "r1", "status": "completed"})
    far.say("response.created", response={"id": "r2"})
    far.speak(crossing, "r2")
    leg.event("openai_speech_start")
    far.say(
        "response.done",
        response={"id": "r2", "status": "cancelled", "status_details": {"reason": "client_cancelled"}},
    )
    leg.event("openai_speech_stop")
    assert heard_of(leg, crossing) < 2000


@pytest.mark.rule("9.break")
def test_an_own_truncate_that_follows_a_cancel_is_not_doubled(leg: Leg, far: FarEnd, answering: Pcm16) -> None:
    own = {"type": "conversation.item.truncate", "item_id": "item_r1", "content_index": 0, "audio_end_ms": 300}
    leg.ok("pause")  # what was heard is certain only some ticks later
    send_json(leg, type="response.cancel")
    send_json(leg, **own)
    leg.event("openai_speech_stop")
    leg.event("turn")
    leg.until(lambda: len(said(far)) >= 2)
    leg.run(200)
    assert said(far) == [{"type": "response.cancel"}, own]


@pytest.mark.rule("9.break")
def test_without_a_connection_a_break_silences_and_a_message_is_refused(
    leg: Leg, far: FarEnd, answering: Pcm16
) -> None:
    far.behave(Behaviour(raw=True, refuse_status=503))
    far.finish("r1")
    far.drop()
    leg.event("error")
    cancel = encoded(type="response.cancel")
    assert leg.api(f"send_json {cancel}") == "-ERR WebSocket is not connected"
    leg.run(100)
    assert leg.events("openai_speech_stop") == []
    leg.ok("break")
    leg.event("openai_speech_stop")
    assert heard_of(leg, answering) < 4000


@pytest.mark.rule("9.break")
def test_a_clear_as_final_json_is_not_sent(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    leg.ok(f"stop {encoded(type='output_audio_buffer.clear')}")
    far.until_closed()
    assert said(far) == []


@pytest.mark.rule("9.break", "6.2")
@pytest.mark.parametrize("announced", [True, False])
def test_a_break_in_raw_mode_blocks_what_goes_on_coming_of_an_announced_response(
    leg: Leg, far: FarEnd, announced: bool
) -> None:
    leg.start(f"{far.url} mono 8k 8k", RAW_API)
    if announced:
        far.say("response.created", response={"id": "r1"})
    old, late, new = noise(3000, 8000, seed=1), noise(300, 8000, seed=2), noise(300, 8000, seed=3)
    far.send(old.tobytes())
    leg.event("openai_speech_start")
    leg.ok("break")
    leg.event("openai_speech_stop")
    far.send(late.tobytes())
    if announced:
        far.say("response.done", response={"id": "r1"})
    far.send(new.tobytes())
    leg.until(lambda: new.tobytes() in leg.heard().tobytes())
    assert heard_of(leg, old) < 2500
    assert (heard_of(leg, late) == 0) is announced
    assert said(far) == []
