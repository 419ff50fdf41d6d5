"""What the page is told, from the events of a stream."""

from __future__ import annotations

import json
from typing import Any

from mod_openai_realtime.talk.view import MAX_ENTRIES, MAX_TEXT, View


def server(view: View, kind: str, at_ms: int = 0, **fields: Any) -> list[dict[str, Any]]:
    return view.event("json", json.dumps({"type": kind, **fields}), at_ms * 1_000_000)


def says(view: View, text: str, response: str = "r1") -> list[dict[str, Any]]:
    return server(view, "response.output_audio_transcript.delta", response_id=response, item_id="i", delta=text)


def heard(view: View, ms: int, of_ms: int, *, interrupted: bool, latency: int | None = None) -> dict[str, Any]:
    turn = {"response_id": "r1", "heard_ms": ms, "received_ms": of_ms, "interrupted": interrupted}
    (entry,) = view.event("turn", json.dumps({**turn, "latency_ms": {"speech_end_to_first_sample": latency}}), 0)
    return entry


def test_the_callers_turn_from_its_begin_to_its_words() -> None:
    view = View()
    (began,) = server(view, "input_audio_buffer.speech_started", item_id="c1", audio_start_ms=100)
    assert (began["who"], began["state"], began["text"]) == ("caller", "speaking", "")
    (stopped,) = server(view, "input_audio_buffer.speech_stopped", item_id="c1", audio_end_ms=2000)
    assert (stopped["state"], stopped["spoke_ms"]) == ("waiting", 1900)
    server(view, "input_audio_buffer.committed", item_id="c1")
    kind = "conversation.item.input_audio_transcription"
    server(view, f"{kind}.delta", item_id="c1", delta="Good ")
    (partly,) = server(view, f"{kind}.delta", item_id="c1", delta="mor")
    assert partly["text"] == "Good mor"
    (done,) = server(view, f"{kind}.completed", item_id="c1", transcript="Good morning.")
    assert (done["id"], done["state"], done["text"], done["spoke_ms"]) == ("c1", "done", "Good morning.", 1900)


def test_words_that_nobody_finds_out() -> None:
    view = View()
    server(view, "input_audio_buffer.committed", item_id="c1")
    failed = "conversation.item.input_audio_transcription.failed"
    (entry,) = server(view, failed, item_id="c1", error={"message": "no transcriber"})
    assert (entry["state"], entry["error"]) == ("unknown", "no transcriber")
    assert view.warned("transcription failed: no transcriber") == []
    (notice,) = view.warned("connecting to a.example:443 failed")
    assert (notice["who"], notice["text"]) == ("notice", "connecting to a.example:443 failed")


def test_an_answer_that_was_heard() -> None:
    view = View()
    says(view, "From seven")
    (entry,) = says(view, " to six.")
    assert (entry["who"], entry["state"], entry["text"], entry["unheard"]) == (
        "agent",
        "speaking",
        "From seven to six.",
        "",
    )
    done = heard(view, 1000, 1000, interrupted=False, latency=335)
    assert (done["state"], done["text"], done["latency_ms"]) == ("done", "From seven to six.", 335)


def test_an_answer_is_cut_at_what_was_heard() -> None:
    view = View()
    says(view, "one two three four five six")
    cut = heard(view, 1000, 2000, interrupted=True)
    assert (cut["state"], cut["text"], cut["unheard"]) == ("interrupted", "one two three", "four five six")
    (later,) = server(
        view, "response.output_audio_transcript.done", response_id="r1", transcript="one two three four five six seven"
    )
    assert (later["state"], later["text"], later["unheard"]) == ("interrupted", "one two three", "four five six seven")


def test_older_names_mean_the_same() -> None:
    view = View()
    server(view, "response.audio_transcript.delta", response_id="r1", delta="Hel")
    (entry,) = server(view, "response.audio_transcript.done", response_id="r1", transcript="Hello.")
    assert entry["text"] == "Hello."


def tool_call(view: View) -> dict[str, Any]:
    item = {"type": "function_call", "id": "i", "call_id": "t1", "name": "price", "arguments": '{"of":"rolls"}'}
    (entry,) = server(view, "response.output_item.done", at_ms=1000, item=item)
    return entry


def answer(view: View, output: str) -> list[dict[str, Any]]:
    item = {"type": "function_call_output", "id": "o", "call_id": "t1", "output": output}
    return server(view, "conversation.item.added", at_ms=1250, item=item)


def test_a_tool_with_its_result_and_time() -> None:
    view = View()
    called = tool_call(view)
    assert (called["who"], called["name"], called["arguments"]) == ("tool", "price", '{"of":"rolls"}')
    assert called["state"] == "running"
    (done,) = answer(view, '{"price": 3}')
    assert (done["id"], done["state"], done["result"], done["took_ms"]) == ("t1", "done", '{"price":3}', 250)


def test_a_tool_that_failed() -> None:
    view = View()
    tool_call(view)
    (failed,) = answer(view, '{"error": "we have none"}')
    assert (failed["state"], failed["error"]) == ("failed", "we have none") and "result" not in failed


def test_what_a_new_session_is_told_again_is_there_already() -> None:
    view = View()
    tool_call(view)
    answer(view, '"three"')
    assert answer(view, '"three"') == []
    item = {"type": "function_call", "call_id": "t1", "name": "price", "arguments": "{}"}
    assert server(view, "response.output_item.done", item=item) == []


def test_what_is_put_into_the_conversation_is_shown() -> None:
    view = View()
    content = [{"type": "input_text", "text": "The caller pressed 12."}]
    item = {"type": "message", "role": "user", "id": "m1", "content": content}
    (entry,) = server(view, "conversation.item.added", item=item)
    assert (entry["who"], entry["text"]) == ("told", "The caller pressed 12.")


def test_at_the_end_nothing_is_left_open() -> None:
    view = View()
    tool_call(view)
    server(view, "input_audio_buffer.speech_started", item_id="c1", audio_start_ms=0)
    usage = {"input_tokens": 10, "output_tokens": 5}
    summary = {"duration_ms": 900, "turns": 1, "usage": usage, "latency_ms": {"median": 300, "p95": 400}}
    *entries, told = view.event("summary", json.dumps(summary), 0)
    assert {(each["who"], each["state"]) for each in entries} == {("tool", "over"), ("caller", "unknown")}
    assert told["figures"]["input_tokens"] == 10 and told["figures"]["latency_ms"]["median"] == 300


def test_a_connection_that_is_lost_is_told_and_one_that_ends_is_not() -> None:
    view = View()
    assert view.event("disconnect", '{"message":{"code":1000,"reason":""}}', 0) == []
    state, notice = view.event("disconnect", '{"message":{"code":1006,"reason":""}}', 0)
    assert state["state"] == "calling" and "1006" in notice["text"]


def test_what_a_server_sends_may_be_anything() -> None:
    view = View()
    odd: tuple[Any, ...] = (None, 1, "x", [], {}, [None], {"content": 3, "type": None})
    kinds = ("conversation.item.added", "response.output_item.done", "input_audio_buffer.speech_stopped")
    for kind in (*kinds, "conversation.item.input_audio_transcription.failed", "response.audio_transcript.delta"):
        for value in odd:
            fields = dict.fromkeys(("item", "item_id", "response_id", "delta", "error", "audio_end_ms"), value)
            server(view, kind, **fields)
    for body in ("", "[]", "nonsense", '{"type":[]}'):
        assert view.event("json", body, 0) == []


def test_of_a_long_call_not_all_is_kept() -> None:
    view = View()
    for number in range(MAX_ENTRIES + 50):
        says(view, "x" * 100, f"r{number}")
    assert len(view._entries) == len(view._parts) == MAX_ENTRIES
    (entry,) = says(view, "y" * (MAX_TEXT + 5), "long")
    assert len(entry["text"]) == MAX_TEXT
