import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mod_openai_realtime.local.agent import Context, FunctionCall, Turn
from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.sounds import Tone

MakeBench = Callable[..., Any]
LOUD = 8000
ONE_PIECE = Behaviour(pacing=Pacing(speed=None))


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def error_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    (event,) = events
    assert event["type"] == "error"
    error: dict[str, Any] = event["error"]
    return error


async def test_the_session_announces_itself_first(make_bench: MakeBench) -> None:
    bench = make_bench()
    assert types(bench.events) == ["session.created"]
    assert bench.events[0]["session"]["model"] == "gpt-realtime-2.1"


async def test_an_update_changes_only_what_it_names(make_bench: MakeBench) -> None:
    bench = make_bench()
    before = bench.events[0]["session"]
    (updated,) = await bench.update(
        audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}, "format": {"type": "audio/pcmu"}}}
    )
    expected = before
    expected["audio"]["input"]["turn_detection"]["threshold"] = 0.7
    expected["audio"]["input"]["format"] = {"type": "audio/pcmu"}
    assert updated["session"] == expected


async def test_another_kind_of_turn_detection_begins_with_its_defaults(make_bench: MakeBench) -> None:
    bench = make_bench()
    (updated,) = await bench.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    assert updated["session"]["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


async def test_an_error_names_the_event_and_changes_nothing(make_bench: MakeBench) -> None:
    bench = make_bench()
    error = error_of(await bench.send("session.update", event_id="mine", session={"type": "realtime", "x": 1}))
    assert (error["code"], error["param"], error["event_id"]) == ("unknown_parameter", "session.x", "mine")
    (updated,) = await bench.update()
    assert updated["session"] == bench.events[0]["session"]


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("nonsense", {}, "invalid_value"),
        ("output_audio_buffer.clear", {}, "invalid_value"),
        ("input_audio_buffer.commit", {}, "input_audio_buffer_commit_empty"),
        ("input_audio_buffer.append", {"audio": "%%%%"}, "invalid_value"),
        ("response.cancel", {}, "response_cancel_not_active"),
        ("conversation.item.retrieve", {"item_id": "none"}, "item_retrieve_invalid_item_id"),
        ("conversation.item.delete", {"item_id": "none"}, "item_delete_invalid_item_id"),
        (
            "conversation.item.truncate",
            {"item_id": "none", "content_index": 0, "audio_end_ms": 0},
            "item_truncate_invalid_item_id",
        ),
    ],
)
async def test_what_can_not_be_done_is_an_error_and_the_session_goes_on(
    make_bench: MakeBench, kind: str, fields: dict[str, Any], code: str
) -> None:
    bench = make_bench()
    assert error_of(await bench.send(kind, **fields))["code"] == code
    assert types(await bench.update()) == ["session.updated"]


async def test_a_spoken_response_has_all_its_events_in_order(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one two three four"], behaviour=ONE_PIECE)
    events = await bench.send("response.create")
    assert types(events) == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    done = bench.only("response.done")["response"]
    assert done["status"] == "completed"
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "one two three four"}]
    assert done["usage"]["output_token_details"]["audio_tokens"] == 400 // 50
    deltas = bench.of("response.output_audio_transcript.delta")
    assert "".join(event["delta"] for event in deltas) == "one two three four"


@pytest.mark.parametrize(
    ("name", "length_bytes"), [("audio/pcm", 400 * 48), ("audio/pcmu", 400 * 8), ("audio/pcma", 400 * 8)]
)
async def test_audio_comes_in_the_output_format(make_bench: MakeBench, name: str, length_bytes: int) -> None:
    bench = make_bench(agent=["one two three four"], behaviour=ONE_PIECE)
    await bench.update(audio={"output": {"format": {"type": name}}})
    await bench.send("response.create")
    audio = [base64.b64decode(event["delta"]) for event in bench.of("response.output_audio.delta")]
    assert sum(map(len, audio)) == length_bytes


async def test_a_response_of_text_has_no_audio(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one two"])
    await bench.update(output_modalities=["text"])
    events = await bench.send("response.create")
    assert [kind for kind in types(events) if "audio" in kind] == []
    assert bench.only("response.output_text.done")["text"] == "one two"
    assert bench.only("response.done")["response"]["output"][0]["content"] == [
        {"type": "output_text", "text": "one two"}
    ]


async def test_a_function_call_can_be_answered(make_bench: MakeBench) -> None:
    bench = make_bench(agent=lambda context: Turn(calls=(FunctionCall("look_up", '{"id": 1}'),)))
    await bench.update(tools=[{"type": "function", "name": "look_up"}])
    await bench.send("response.create")
    call = bench.only("response.function_call_arguments.done")
    assert (call["name"], call["arguments"]) == ("look_up", '{"id": 1}')
    output = {"type": "function_call_output", "output": "{}"}
    wrong = await bench.send("conversation.item.create", item={**output, "call_id": "other"})
    assert error_of(wrong)["code"] == "invalid_tool_call_id"
    right = await bench.send("conversation.item.create", item={**output, "call_id": call["call_id"]})
    assert types(right) == ["conversation.item.added", "conversation.item.done"]
    assert right[0]["previous_item_id"] == call["item_id"]


async def test_audio_is_paced_by_the_clock(make_bench: MakeBench) -> None:
    bench = make_bench(agent=[{"tone_hz": 400, "ms": 2000}], behaviour=Behaviour(pacing=Pacing(100, 2.0, 300)))
    await bench.send("response.create")
    assert len(bench.of("response.output_audio.delta")) == 4  # 300 ms ahead, and the one due now
    await bench.clock.move(0.5)
    assert len(bench.of("response.output_audio.delta")) == 14
    await bench.clock.move(0.5)
    assert bench.only("response.done")["response"]["status"] == "completed"


async def test_a_tone_is_one_sine_over_all_its_deltas(make_bench: MakeBench) -> None:
    bench = make_bench(agent=[{"tone_hz": 440, "ms": 450}], behaviour=Behaviour(pacing=Pacing(70, None)))
    await bench.send("response.create")
    audio = b"".join(base64.b64decode(event["delta"]) for event in bench.of("response.output_audio.delta"))
    expected = np.round(np.sin(2 * np.pi * 440 * np.arange(450 * 24) / 24000) * 0.5 * 32767)
    assert np.abs(np.frombuffer(audio, "<i2") - expected).max() <= 1


async def test_only_one_response_at_a_time(make_bench: MakeBench, ten_words: Any) -> None:
    bench = make_bench(agent=ten_words)
    await bench.send("response.create")
    assert error_of(await bench.send("response.create"))["code"] == "conversation_already_has_active_response"


async def test_a_response_outside_the_conversation_leaves_it_alone(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"])
    events = await bench.send("response.create", response={"conversation": "none", "metadata": {"a": "b"}})
    assert "conversation.item.added" not in types(events)
    assert bench.only("response.done")["response"]["metadata"] == {"a": "b"}
    assert await bench.send(
        "conversation.item.retrieve", item_id=bench.of("response.output_item.done")[0]["item"]["id"]
    )
    assert bench.events[-1]["type"] == "error"


async def test_the_token_limit_cuts_a_response(make_bench: MakeBench, ten_words: Any) -> None:
    bench = make_bench(agent=ten_words, behaviour=ONE_PIECE)
    await bench.send("response.create", response={"max_output_tokens": 10})
    done = bench.only("response.done")["response"]
    assert (done["status"], done["status_details"]["reason"]) == ("incomplete", "max_output_tokens")


async def test_an_agent_that_raises_fails_the_response_and_not_the_session(make_bench: MakeBench) -> None:
    def broken(context: Context) -> Turn:
        raise LookupError("no idea")

    bench = make_bench(agent=broken)
    await bench.send("response.create")
    assert bench.only("response.done")["response"]["status"] == "failed"
    assert types(await bench.update()) == ["session.updated"]


async def test_a_cancelled_response_sends_nothing_more(make_bench: MakeBench, ten_words: Any) -> None:
    bench = make_bench(agent=ten_words)
    await bench.send("response.create")
    events = await bench.send("response.cancel")
    assert types(events)[-1] == "response.done"
    done = bench.only("response.done")["response"]
    assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    assert done["output"][0]["status"] == "incomplete"
    sent = len(bench.events)
    await bench.clock.move(60)
    assert len(bench.events) == sent


async def test_late_deltas_come_after_the_response_is_done(make_bench: MakeBench, ten_words: Any) -> None:
    bench = make_bench(agent=ten_words, behaviour=Behaviour(late_deltas=2, pacing=Pacing(100)))
    await bench.send("response.create")
    events = types(await bench.send("response.cancel"))
    assert events[events.index("response.done") :].count("response.output_audio.delta") == 2


async def test_a_turn_of_the_user_is_found_committed_and_answered(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"], behaviour=ONE_PIECE)
    await bench.hear(1000)
    assert types(await bench.hear(1000, LOUD)) == ["input_audio_buffer.speech_started"]
    events = await bench.hear(1000)
    assert types(events)[:5] == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    started = bench.only("input_audio_buffer.speech_started")
    assert 640 <= started["audio_start_ms"] <= 700  # 1000 less the padding, on the grid of the detector
    assert 2500 <= bench.only("input_audio_buffer.speech_stopped")["audio_end_ms"] <= 2560
    item_ids = {event["item_id"] for event in (started, events[0], events[1])}
    assert item_ids == {events[2]["item"]["id"]}


async def test_the_user_s_audio_can_be_retrieved_from_where_it_started(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"])
    await bench.hear(1000)
    await bench.hear(1000, LOUD)
    await bench.hear(1000)
    item_id = bench.only("input_audio_buffer.committed")["item_id"]
    (retrieved,) = await bench.send("conversation.item.retrieve", item_id=item_id)
    audio = base64.b64decode(retrieved["item"]["content"][0]["audio"])
    start_ms = bench.only("input_audio_buffer.speech_started")["audio_start_ms"]
    # Up to the end of the append in which the turn was found to have ended.
    assert len(audio) == (3000 - start_ms) * 48


async def test_the_agent_hears_the_turn(make_bench: MakeBench) -> None:
    heard: list[Context] = []

    def listen(context: Context) -> str:
        heard.append(context)
        return "one"

    bench = make_bench(agent=listen)
    await bench.hear(600, LOUD)
    await bench.hear(600)
    (context,) = heard
    assert context.heard is not None and context.heard_rate == 24000
    assert np.abs(context.heard).max() == LOUD


async def test_speech_interrupts_the_response(make_bench: MakeBench, ten_words: Any) -> None:
    bench = make_bench(agent=ten_words)
    await bench.send("response.create")
    events = types(await bench.hear(200, LOUD))
    assert events[0] == "input_audio_buffer.speech_started"
    assert "response.done" in events
    done = bench.only("response.done")["response"]
    assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "turn_detected")


async def test_speech_does_not_interrupt_where_it_is_told_not_to(make_bench: MakeBench, ten_words: Any) -> None:
    bench = make_bench(agent=ten_words)
    vad = {"type": "server_vad", "interrupt_response": False, "create_response": False}
    await bench.update(audio={"input": {"turn_detection": vad}})
    await bench.send("response.create")
    assert types(await bench.hear(200, LOUD)) == ["input_audio_buffer.speech_started"]
    assert types(await bench.hear(1000))[-1] == "conversation.item.done"
    await bench.clock.move(10)
    assert bench.only("response.done")["response"]["status"] == "completed"


async def test_without_turn_detection_the_client_commits(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"])
    await bench.update(audio={"input": {"turn_detection": None}})
    assert await bench.hear(1000, LOUD) == []
    assert types(await bench.send("input_audio_buffer.commit")) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]


async def test_clear_forgets_speech_that_has_begun(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"])
    await bench.hear(300, LOUD)
    assert types(await bench.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert await bench.hear(2000) == []


async def test_eagerness_sets_the_silence_that_ends_a_turn(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"])
    await bench.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}})
    await bench.hear(500, LOUD)
    assert await bench.hear(1000) == []
    assert types(await bench.hear(400))[0] == "input_audio_buffer.speech_stopped"


async def test_a_long_silence_asks_the_agent_to_go_on(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one two"], behaviour=ONE_PIECE)
    await bench.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
    await bench.send("response.create")
    await bench.hear(6000)
    await bench.clock.move(5.1)  # the answer of 200 ms is still being played
    assert bench.of("input_audio_buffer.timeout_triggered") == []
    await bench.clock.move(0.2)
    event = bench.only("input_audio_buffer.timeout_triggered")
    assert (event["audio_start_ms"], event["audio_end_ms"]) == (1000, 6000)
    assert len(bench.of("response.created")) == 2


async def test_truncation_drops_the_words_that_were_not_heard(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one two three four"], behaviour=ONE_PIECE)
    await bench.send("response.create")
    item_id = bench.of("response.output_item.done")[0]["item"]["id"]
    place = {"item_id": item_id, "content_index": 0}
    beyond = await bench.send("conversation.item.truncate", **place, audio_end_ms=401)
    assert (error_of(beyond)["code"], error_of(beyond)["param"]) == ("invalid_value", "audio_end_ms")
    (truncated,) = await bench.send("conversation.item.truncate", **place, audio_end_ms=200)
    assert truncated["type"] == "conversation.item.truncated"
    (retrieved,) = await bench.send("conversation.item.retrieve", item_id=item_id)
    content = retrieved["item"]["content"][0]
    assert content["transcript"] == "one two"
    assert len(base64.b64decode(content["audio"])) == 200 * 48


async def test_an_item_without_audio_can_not_be_truncated(make_bench: MakeBench) -> None:
    bench = make_bench()
    content = [{"type": "output_text", "text": "Hi"}]
    item = {"id": "i", "type": "message", "role": "assistant", "content": content}
    await bench.send("conversation.item.create", item=item)
    failed = await bench.send("conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=0)
    assert error_of(failed)["param"] == "content_index"


async def test_items_take_the_place_that_is_asked_for(make_bench: MakeBench) -> None:
    bench = make_bench()

    async def create(item_id: str, **place: Any) -> dict[str, Any]:
        content = [{"type": "input_text", "text": item_id}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        events = await bench.send("conversation.item.create", item=item, **place)
        first: dict[str, Any] = events[0]
        return first

    assert (await create("a"))["previous_item_id"] is None
    assert (await create("c"))["previous_item_id"] == "a"
    assert (await create("b", previous_item_id="a"))["previous_item_id"] == "a"
    assert (await create("0", previous_item_id="root"))["previous_item_id"] is None
    assert (await create("d", previous_item_id="none"))["type"] == "error"
    assert (await create("a"))["error"]["code"] == "item_create_duplicate_item_id"
    assert types(await bench.send("conversation.item.delete", item_id="b")) == ["conversation.item.deleted"]
    assert [item["id"] for item in bench.session._conversation.shown()] == ["0", "a", "c"]


async def test_the_voice_is_fixed_after_the_first_audio(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"])
    assert types(await bench.update(audio={"output": {"voice": "cedar"}})) == ["session.updated"]
    await bench.send("response.create")
    assert error_of(await bench.update(audio={"output": {"voice": "ash"}}))["code"] == "cannot_update_voice"


async def test_a_transcriber_s_text_is_reported(make_bench: MakeBench) -> None:
    async def transcriber(samples: Any, rate: int) -> str:
        return f"{len(samples) * 1000 // rate} ms"

    bench = make_bench(transcriber=transcriber)
    await bench.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
    await bench.hear(500)
    await bench.send("input_audio_buffer.commit")
    name = "conversation.item.input_audio_transcription"
    assert bench.only(f"{name}.completed")["transcript"] == "500 ms"
    assert bench.only(f"{name}.delta")["delta"] == "500 ms"


async def test_transcription_without_a_transcriber_is_reported_as_failed(make_bench: MakeBench) -> None:
    bench = make_bench()
    await bench.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
    await bench.hear(500)
    await bench.send("input_audio_buffer.commit")
    assert bench.only("conversation.item.input_audio_transcription.failed")["error"]["code"] == "transcription_failed"


async def test_a_streamed_tone_needs_no_request_and_keeps_to_real_time(make_bench: MakeBench) -> None:
    bench = make_bench(behaviour=Behaviour(stream_tone=Tone(400, None), pacing=Pacing(200, 8.0, 400)))
    await bench.clock.move(10)
    ms = 200 * len(bench.of("response.output_audio.delta"))
    assert 10_400 <= ms <= 10_600
    await bench.session.close()


async def test_echo_gives_the_audio_back_as_deltas(make_bench: MakeBench) -> None:
    bench = make_bench(behaviour=Behaviour(echo=True))
    await bench.send("input_audio_buffer.append", audio="AQID")
    await bench.send("input_audio_buffer.append", audio="BAUG")
    assert [event["delta"] for event in bench.of("response.output_audio.delta")] == ["AQID", "BAUG"]
    assert len(bench.of("response.created")) == 1


async def test_reused_ids_are_the_same_in_every_response(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"], behaviour=Behaviour(reuse_response_ids=True))
    await bench.send("response.create")
    await bench.send("response.create")
    assert len(bench.of("response.done")) == 2
    assert len({event["response"]["id"] for event in bench.of("response.done")}) == 1
    assert len({event["item_id"] for event in bench.of("response.output_audio.done")}) == 1
