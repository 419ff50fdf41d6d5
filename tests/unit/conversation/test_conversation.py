"""What has been said, and what of it a new session is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mod_openai_realtime.conversation.conversation import MAX_BYTES, Conversation
from mod_openai_realtime.conversation.items import MAX_PARTS
from mod_openai_realtime.dialect.messages import classify


def says(conversation: Conversation, kind: str, /, **fields: Any) -> None:
    conversation.server_said(classify(orjson.dumps({"type": kind, **fields})))


def adds(conversation: Conversation, item: dict[str, Any], kind: str = "conversation.item.added", **more: Any) -> None:
    says(conversation, kind, item=item, **more)


def caller(name: str, transcript: str | None) -> dict[str, Any]:
    return {
        "id": name,
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": transcript}],
    }


def agent(name: str, transcript: str | None = None) -> dict[str, Any]:
    content = [{"type": "output_audio", "transcript": transcript}] if transcript is not None else []
    return {"id": name, "type": "message", "role": "assistant", "content": content}


def speaks(conversation: Conversation, name: str, text: str, kind: str = "delta") -> None:
    """Some of the agent's transcript, or all of it (`transcript`)."""
    event = f"response.output_audio_transcript.{'delta' if kind == 'delta' else 'done'}"
    says(conversation, event, item_id=name, content_index=0, **{kind: text})


def texts(conversation: Conversation) -> list[tuple[str, str]]:
    items, _ = conversation.begin_session()
    return [(each["role"], each["content"][0]["text"]) for each in items if each["type"] == "message"]


def test_both_sides_are_text_in_a_new_session() -> None:
    conversation = Conversation(100)
    adds(conversation, caller("u1", None))
    says(
        conversation,
        "conversation.item.input_audio_transcription.completed",
        item_id="u1",
        content_index=0,
        transcript="Are you open?",
    )
    adds(conversation, agent("a1"))
    for delta in ("Yes,", " until", " six."):
        speaks(conversation, "a1", delta)
    conversation.plays("a1", 0)
    assert conversation.begin_session() == (
        [
            {
                "id": "u1",
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Are you open?"}],
            },
            {
                "id": "a1",
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Yes, until six."}],
            },
        ],
        0,
    )


@pytest.mark.parametrize(
    ("heard", "expected"),
    [(1000, "one two three four"), (700, "one two"), (740, "one two three"), (1, None), (0, None)],
)
def test_of_the_agent_as_much_as_was_heard_in_whole_words(heard: int, expected: str | None) -> None:
    conversation = Conversation(100)
    adds(conversation, agent("a1"))
    speaks(conversation, "a1", "one two three four")
    conversation.plays("a1", 0)
    conversation.cut("a1", 0, heard, 1000)
    # What comes of it later was not heard either.
    speaks(conversation, "a1", "one two three four five", "transcript")
    assert texts(conversation) == ([("assistant", expected)] if expected is not None else [])


def test_a_transcript_that_comes_after_the_cut_is_cut_too() -> None:
    conversation = Conversation(100)
    adds(conversation, agent("a1"))
    conversation.plays("a1", 0)
    conversation.cut("a1", 0, 1, 2)
    speaks(conversation, "a1", "good day to you", "transcript")
    assert texts(conversation) == [("assistant", "good")]


def test_audio_of_the_agent_that_was_never_played_was_not_said() -> None:
    conversation = Conversation(100)
    adds(conversation, agent("a1", "not heard"))
    assert conversation.begin_session() == ([], 1)
    silent = Conversation(100, plays=False)
    adds(silent, agent("a1", "nobody knows"))
    assert texts(silent) == [("assistant", "nobody knows")]


def test_a_call_goes_with_its_output_and_neither_alone() -> None:
    conversation = Conversation(100)
    for number in (1, 2):
        call = {
            "id": f"c{number}",
            "type": "function_call",
            "call_id": f"call{number}",
            "name": "hours",
            "arguments": "",
        }
        adds(conversation, call)
        says(conversation, "response.function_call_arguments.done", item_id=f"c{number}", arguments='{"day":"monday"}')
    adds(conversation, {"id": "o1", "type": "function_call_output", "call_id": "call1", "output": "nine"})
    adds(conversation, {"id": "o3", "type": "function_call_output", "call_id": "call3", "output": "?"})
    items, left_out = conversation.begin_session()
    assert items == [
        {"id": "c1", "type": "function_call", "call_id": "call1", "name": "hours", "arguments": '{"day":"monday"}'},
        {"id": "o1", "type": "function_call_output", "call_id": "call1", "output": "nine"},
    ]
    assert left_out == 2


def test_items_stand_where_the_server_has_them() -> None:
    conversation = Conversation(100)
    adds(conversation, caller("u1", "one"))
    adds(conversation, caller("u3", "three"), previous_item_id="u1")
    adds(conversation, caller("u2", "two"), previous_item_id="u1")
    adds(conversation, caller("u4", "four"), previous_item_id="nobody")
    says(conversation, "conversation.item.deleted", item_id="u3")
    assert [text for _, text in texts(conversation)] == ["one", "two", "four"]


def test_what_is_said_beside_the_conversation_is_no_part_of_it() -> None:
    conversation = Conversation(100)
    adds(conversation, agent("a1", "aside"), "response.output_item.done")
    assert conversation.begin_session() == ([], 0)


def test_what_a_response_tells_of_an_item_completes_it() -> None:
    conversation = Conversation(100)
    call = {"id": "c1", "type": "function_call"}
    whole = {**call, "call_id": "call1", "name": "hours", "arguments": '{"day":"monday"}'}
    adds(conversation, call)
    adds(conversation, {"id": "o1", "type": "function_call_output", "call_id": "call1", "output": "nine"})
    adds(conversation, whole, "response.output_item.done")
    items, _ = conversation.begin_session()
    assert items[0] == whole


def test_what_comes_at_the_end_of_an_item_completes_it() -> None:
    conversation = Conversation(100)
    adds(conversation, {"id": "u1", "type": "message", "role": "user", "content": []})
    adds(conversation, caller("u1", "hello"), "conversation.item.done")
    assert texts(conversation) == [("user", "hello")]


def test_audio_of_no_item_that_is_known_changes_nothing() -> None:
    conversation = Conversation(100)
    conversation.plays("aside", 0)
    conversation.cut("aside", 0, 1, 2)
    assert conversation.begin_session() == ([], 0)


def test_what_the_agent_writes_counts_as_said() -> None:
    conversation = Conversation(100)
    adds(conversation, agent("a1"))
    says(conversation, "response.output_text.done", item_id="a1", content_index=0, text="Until six.")
    assert texts(conversation) == [("assistant", "Until six.")]


def test_what_the_agent_says_counts_from_when_it_is_played() -> None:
    conversation = Conversation(100)
    adds(conversation, agent("a1"))
    adds(conversation, agent("a2"))
    speaks(conversation, "a1", "one two")
    speaks(conversation, "a2", "three four")
    conversation.plays("a1", 0)
    assert texts(conversation) == [("assistant", "one two")]


@pytest.mark.parametrize("message", [{"item_id": "nobody", "delta": "more"}, {"item_id": "a1", "delta": 3}, {}])
def test_text_of_no_item_and_what_is_no_text_change_nothing(message: dict[str, Any]) -> None:
    conversation = Conversation(100)
    adds(conversation, agent("a1"))
    speaks(conversation, "a1", "one two")
    conversation.plays("a1", 0)
    says(conversation, "response.output_audio_transcript.delta", content_index=0, **message)
    assert texts(conversation) == [("assistant", "one two")]


def test_the_older_names_mean_the_same() -> None:
    conversation = Conversation(100)
    adds(conversation, caller("u1", "hello"), "conversation.item.created")
    adds(conversation, agent("a1"), "conversation.item.created")
    says(conversation, "response.audio_transcript.delta", item_id="a1", content_index=0, delta="good day")
    conversation.plays("a1", 0)
    assert [text for _, text in texts(conversation)] == ["hello", "good day"]


def test_a_second_restoration_is_of_what_the_first_was_given() -> None:
    conversation = Conversation(100)
    adds(conversation, agent("a1"))
    speaks(conversation, "a1", "one two three four")
    conversation.plays("a1", 0)
    conversation.cut("a1", 0, 1, 2)
    first = texts(conversation)
    given = {
        "id": "a1",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "one two"}],
    }
    adds(conversation, given)
    assert first == texts(conversation) == [("assistant", "one two")]


def test_what_no_session_can_be_given_is_counted_once() -> None:
    conversation = Conversation(100)
    adds(conversation, caller("u1", None))
    assert conversation.begin_session() == conversation.begin_session() == ([], 1)


def test_the_newest_are_kept_and_the_others_counted() -> None:
    conversation = Conversation(3)
    for number in range(10):
        adds(conversation, caller(f"u{number}", f"{number}"))
    items, left_out = conversation.begin_session()
    assert [item["id"] for item in items] == ["u7", "u8", "u9"]
    assert left_out == 7


@pytest.mark.parametrize("long", ["text", "id", "delta"])
def test_without_a_number_of_items_their_bytes_are_bounded(long: str) -> None:
    conversation = Conversation(0)
    for number in range(40):
        name = f"u{number}" + ("x" * 10_000 if long == "id" else "")
        adds(conversation, agent(name, "x" * 10_000 if long == "text" else "x"))
        if long == "delta":
            for _ in range(10):
                speaks(conversation, name, "x" * 1000)
        conversation.plays(name, 0)
    items, left_out = conversation.begin_session()
    assert 0 < len(orjson.dumps(items)) <= MAX_BYTES + 40 * 100
    assert len(items) + left_out == 40


def test_without_items_only_the_session_is_followed() -> None:
    conversation = Conversation(None)
    adds(conversation, caller("u1", "hello"))
    assert conversation.is_empty
    conversation.wishes.application_sent({"type": "session.update", "session": {"voice": "marin"}})
    assert not conversation.is_empty


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        {"type": "message"},
        {"id": 3, "type": "message", "role": "user"},
        {"id": "x", "type": "message", "role": "tool"},
        {"id": "x", "type": "mcp_call"},
        {"id": "x"},
        {"id": [], "type": "message", "role": "user"},
    ],
)
@pytest.mark.parametrize("kind", ["conversation.item.added", "response.output_item.added"])
def test_what_is_no_item_is_none(item: Any, kind: str) -> None:
    conversation = Conversation(100)
    says(conversation, kind, item=item)
    assert conversation.begin_session() == ([], 0)


@pytest.mark.parametrize(
    "part", [None, [], "text", {"type": []}, {"type": {}, "text": "x"}, {"type": "text", "text": []}]
)
def test_what_is_no_part_says_nothing(part: Any) -> None:
    conversation = Conversation(100)
    adds(conversation, {"id": "u1", "type": "message", "role": "user", "content": [part]})
    assert conversation.begin_session() == ([], 1)


def test_the_parts_of_an_item_are_bounded_even_where_they_say_nothing() -> None:
    conversation = Conversation(0)
    for number in range(100):
        adds(conversation, {"id": f"a{number}", "type": "message", "role": "assistant", "content": [0] * 1000})
    assert len(orjson.dumps(conversation.kept())) < MAX_BYTES
    name = "last"
    adds(conversation, agent(name))
    for index in range(1000):
        says(conversation, "response.output_audio_transcript.delta", item_id=name, content_index=index, delta="")
        conversation.plays(name, 1000 + index)
        conversation.cut(name, 2000 + index, 0, 1)
    item = conversation.item(name)
    assert item is not None and len(item.parts) == MAX_PARTS


@pytest.mark.parametrize(
    "grow",
    [
        lambda conversation: [speaks(conversation, "a1", "x" * 1000) for _ in range(MAX_BYTES // 1000)],
        lambda conversation: says(
            conversation, "response.function_call_arguments.done", item_id="c1", arguments="x" * MAX_BYTES
        ),
        lambda conversation: conversation.rename("c1", "x" * MAX_BYTES),
    ],
    ids=["transcript", "arguments", "name"],
)
def test_what_grows_is_bounded_before_anything_else_comes(grow: Callable[[Conversation], object]) -> None:
    conversation = Conversation(0)
    adds(conversation, {"id": "c1", "type": "function_call", "call_id": "call1", "name": "hours", "arguments": ""})
    adds(conversation, agent("a1"))
    grow(conversation)
    assert len(orjson.dumps(conversation.kept())) < MAX_BYTES
    assert conversation.item("c1") is None


@pytest.mark.parametrize("names", [("a", "x" * 100_000), ("x" * 100_000, "a")])
def test_a_server_that_names_items_anew_does_not_move_the_bound(names: tuple[str, str]) -> None:
    conversation = Conversation(0)
    for number in range(3):
        adds(conversation, agent(f"{number}{names[0]}", "x"))
        conversation.rename(f"{number}{names[0]}", f"{number}{names[1]}")
        conversation.forget(f"{number}{names[1]}")
    for number in range(2 * MAX_BYTES // 1000):
        adds(conversation, agent(f"b{number}", "x" * 1000))
    items = conversation.kept()["items"]
    assert MAX_BYTES / 2 < len(orjson.dumps(items)) <= MAX_BYTES


def test_what_the_application_puts_in_front_is_the_first() -> None:
    conversation = Conversation(100)
    adds(conversation, caller("u1", "One"), previous_item_id=None)
    adds(conversation, caller("u2", "Two"), previous_item_id=None)
    conversation.comes_first({"id": "s2"})
    conversation.comes_first({})  # the server names it
    adds(conversation, caller("s2", "Their words"), previous_item_id=None)
    adds(conversation, caller("theirs", "A summary"), previous_item_id=None)
    adds(conversation, caller("u3", "Three"), previous_item_id=None)
    items, _ = conversation.begin_session()
    assert [each["id"] for each in items] == ["theirs", "s2", "u1", "u2", "u3"]


def test_what_the_session_before_was_to_put_in_front_is_nothing_to_the_next() -> None:
    conversation = Conversation(100)
    adds(conversation, caller("u1", "One"), previous_item_id=None)
    conversation.comes_first({})
    conversation.begin_session()
    adds(conversation, caller("u2", "Two"), previous_item_id=None)
    items, _ = conversation.begin_session()
    assert [each["id"] for each in items] == ["u1", "u2"]


def test_what_is_kept_is_counted_in_bytes_of_the_wire() -> None:
    conversation = Conversation(0)
    for number in range(300):
        adds(conversation, caller(f"u{number}", "漢" * 1000))
    items, left_out = conversation.begin_session()
    assert sum(len(orjson.dumps(each)) for each in items) <= MAX_BYTES
    assert len(items) > 30 and len(items) + left_out == 300
