"""A new session is given what the one before it had, message by message."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mod_openai_realtime.conversation.conversation import Conversation
from mod_openai_realtime.conversation.restoration import Outcome, Restoration
from mod_openai_realtime.conversation.session_wishes import UPDATE_ID
from mod_openai_realtime.dialect.messages import classify
from mod_openai_realtime.dialect.profiles import SPEACHES


def item(name: str) -> dict[str, Any]:
    return {"id": name, "type": "message", "role": "user", "content": [{"type": "input_text", "text": name}]}


def make(*items: str, wish: bool = True) -> Restoration:
    conversation = Conversation(100)
    for name in items:
        conversation.server_said(classify(orjson.dumps({"type": "conversation.item.added", "item": item(name)})))
    if wish:
        conversation.wishes.application_sent({"type": "session.update", "session": {"voice": "marin"}})
    return Restoration(conversation)


def answers(restoration: Restoration, kind: str, **fields: Any) -> bool:
    return restoration.answers(classify(orjson.dumps({"type": kind, **fields})))


def test_the_items_follow_upon_the_greeting_and_are_told_of_when_all_are_there() -> None:
    restoration = make("u1", "u2")
    assert restoration.holds_audio
    sent = [orjson.loads(each) for each in restoration.begin(asked=True)]
    assert [(each["type"], each["item"]["id"]) for each in sent] == [
        ("conversation.item.create", "u1"),
        ("conversation.item.create", "u2"),
    ]
    assert restoration.holds_audio and restoration.outcome() is None
    assert answers(restoration, "session.updated", session={})
    assert not restoration.holds_audio
    assert answers(restoration, "conversation.item.added", item=item("u1"))
    assert answers(restoration, "conversation.item.done", item=item("u1"))
    assert restoration.outcome() is None
    assert answers(restoration, "conversation.item.added", item=item("u2"))
    assert restoration.outcome() == Outcome(session=True, items=2, left_out=0)
    assert restoration.outcome() is None


def test_what_the_server_says_to_others_is_not_taken_for_an_answer() -> None:
    restoration = make("u1")
    restoration.begin(asked=True)
    assert not answers(restoration, "error", error={"event_id": "e7"})
    assert not answers(restoration, "error", error={})
    assert not answers(restoration, "conversation.item.added", item={"id": "x", "type": "function_call"})
    assert not answers(restoration, "conversation.item.added")
    assert answers(restoration, "session.updated")
    assert not answers(restoration, "session.updated")


def test_what_an_error_answers_is_left_out_and_the_rest_goes_on() -> None:
    restoration = make("u1", "u2")
    sent = [orjson.loads(each) for each in restoration.begin(asked=True)]
    assert answers(restoration, "error", error={"event_id": UPDATE_ID})
    assert not restoration.holds_audio
    assert answers(restoration, "error", error={"event_id": sent[0]["event_id"]})
    assert answers(restoration, "conversation.item.added", item=item("u2"))
    assert restoration.outcome() == Outcome(session=False, items=1, left_out=1)
    assert restoration._conversation.item("u1") is None


def test_a_server_may_name_items_itself() -> None:
    conversation = Conversation(100)
    conversation.server_said(classify(orjson.dumps({"type": "conversation.item.added", "item": item("u1")})))
    restoration = Restoration(conversation)
    restoration.begin(asked=False)
    added = classify(orjson.dumps({"type": "conversation.item.added", "item": item("theirs")}))
    assert restoration.answers(added)
    conversation.server_said(added)
    assert restoration.outcome() == Outcome(session=False, items=1, left_out=0)
    assert [each["id"] for each in conversation.begin_session()[0]] == ["theirs"]


def agent(name: str, text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return {"id": name, "type": "message", "role": "assistant", "content": content}


@pytest.mark.parametrize(("heard", "left"), [(500, "one two"), (0, None)])
def test_what_played_on_and_was_interrupted_is_put_right(heard: int, left: str | None) -> None:
    conversation = Conversation(100)
    for each in (item("u1"), agent("a1", "one two three four"), item("u2")):
        conversation.server_said(classify(orjson.dumps({"type": "conversation.item.added", "item": each})))
    restoration = Restoration(conversation)
    restoration.begin(asked=False)
    conversation.cut("a1", 0, heard, 1000)
    sent = [orjson.loads(each) for each in restoration.correct("a1")]
    assert (sent[0]["type"], sent[0]["item_id"]) == ("conversation.item.delete", "a1")
    if left is not None:
        assert sent[1]["previous_item_id"] == "u1"
        assert sent[1]["item"] == agent("a1", left)
    for kind, fields in (
        ("conversation.item.deleted", {"item_id": "a1"}),
        *(("conversation.item.added", {"item": each["item"], "previous_item_id": "u1"}) for each in sent[1:]),
    ):
        message = classify(orjson.dumps({"type": kind, **fields}))
        assert restoration.answers(message)
        conversation.server_said(message)
    again = [each["id"] for each in conversation.begin_session()[0]]
    assert again == (["u1", "a1", "u2"] if left is not None else ["u1", "u2"])


def test_what_the_session_was_never_given_needs_no_correction() -> None:
    restoration = make("u1")
    assert restoration.correct("u1") == []
    restoration.begin(asked=False)
    assert restoration.correct("nobody") == []


def test_what_is_never_answered_holds_nothing_up_for_ever() -> None:
    restoration = make("u1")
    restoration.release_audio()
    assert not restoration.holds_audio
    restoration.begin(asked=True)
    restoration.give_up()
    assert not restoration.holds_audio
    assert restoration.outcome() == Outcome(session=False, items=0, left_out=1)


@pytest.mark.parametrize("greeted", [True, False])
def test_where_there_is_nothing_to_restore_nothing_waits_and_nothing_is_told(greeted: bool) -> None:
    restoration = make(wish=False)
    assert not restoration.holds_audio
    if greeted:
        assert restoration.begin(asked=False) == []
    restoration.give_up()
    assert restoration.outcome() is None


def beside(restoration: Restoration) -> list[Any]:
    return [orjson.loads(each) for each in restoration.begin(asked=True, beside=True)]


def caught_up(restoration: Restoration) -> list[tuple[Any, ...]]:
    """Type, item and the item before it, where it is named."""
    messages = [orjson.loads(each) for each in restoration.catch_up()]
    return [
        (each["type"].rpartition(".")[2], each.get("item_id") or each["item"]["id"], each.get("previous_item_id"))
        for each in messages
    ]


def add(restoration: Restoration, name: str, previous: str | None = None, **fields: Any) -> None:
    """In the session that goes on."""
    added = {"type": "conversation.item.added", "item": item(name) | fields, "previous_item_id": previous}
    restoration._conversation.server_said(classify(orjson.dumps(added)))


def test_a_session_made_ready_beside_another_catches_up_with_what_it_missed() -> None:
    restoration = make("u1", "u2")
    assert [each["item"]["id"] for each in beside(restoration)] == ["u1", "u2"]
    for name in ("u1", "u2"):
        assert answers(restoration, "conversation.item.added", item=item(name))
    assert answers(restoration, "session.updated")
    add(restoration, "u4")
    add(restoration, "between", "u1")
    restoration._conversation.server_said(
        classify(orjson.dumps({"type": "conversation.item.deleted", "item_id": "u2"}))
    )
    assert caught_up(restoration) == [
        ("delete", "u2", None),
        ("create", "between", None),
        ("create", "u4", None),
    ]
    assert restoration.outcome() is None
    assert answers(restoration, "conversation.item.deleted", item_id="u2")
    for name in ("between", "u4"):
        assert answers(restoration, "conversation.item.added", item=item(name))
    assert restoration.outcome() == Outcome(session=True, items=3, left_out=0)


def test_what_has_changed_meanwhile_is_created_anew_in_its_place() -> None:
    restoration = make("u1", "u2")
    beside(restoration)
    add(restoration, "u1", content=[{"type": "input_text", "text": "said otherwise"}])
    assert caught_up(restoration) == [("delete", "u1", None), ("create", "u1", "root")]


def test_where_nothing_has_changed_nothing_is_said_and_all_that_was_answered_counts() -> None:
    restoration = make("u1")
    beside(restoration)
    assert answers(restoration, "session.updated")
    assert answers(restoration, "conversation.item.added", item=item("u1"))
    assert restoration.ask_again() is None
    assert caught_up(restoration) == []
    assert restoration.outcome() == Outcome(session=True, items=1, left_out=0)


def test_an_answer_that_is_not_heard_yet_is_no_part_of_the_new_session_until_it_is() -> None:
    restoration = make("u1")
    add(restoration, "a1", role="assistant", content=[{"type": "output_audio", "transcript": "Yes"}])
    assert [each["item"]["id"] for each in beside(restoration)] == ["u1"]
    restoration._conversation.plays("a1", 0)
    assert caught_up(restoration) == [("create", "a1", None)]


def test_names_of_the_new_session_count_from_the_change_on() -> None:
    restoration = make("u1", "u2")
    beside(restoration)
    for name in ("x1", "x2"):
        assert answers(restoration, "conversation.item.created", item=item(name))
    assert restoration._conversation.item("u1") is not None
    add(restoration, "u3", "u2")
    assert caught_up(restoration) == [("create", "u3", None)]
    assert [restoration._conversation.item(name) is not None for name in ("u1", "x1", "x2")] == [False, True, True]


def test_what_was_asked_meanwhile_is_asked_again_and_both_answers_are_ours() -> None:
    restoration = make()
    beside(restoration)
    restoration._conversation.wishes.application_sent({"type": "session.update", "session": {"voice": "cedar"}})
    assert restoration.ask_again() == {"voice": "cedar"}
    assert restoration.ask_again() is None
    assert answers(restoration, "session.updated") and restoration.holds_audio
    assert answers(restoration, "session.updated") and not restoration.holds_audio
    assert not answers(restoration, "session.updated")


def test_what_came_of_it_is_told_again_where_more_was_to_be_answered() -> None:
    restoration = make("u1")
    beside(restoration)
    assert answers(restoration, "session.updated")
    assert answers(restoration, "conversation.item.added", item=item("u1"))
    assert restoration.outcome() is not None and restoration.outcome() is None
    restoration._conversation.wishes.application_sent({"type": "session.update", "session": {"voice": "cedar"}})
    assert restoration.ask_again() is not None
    assert answers(restoration, "session.updated") and restoration.outcome() is not None
    add(restoration, "u2")
    assert caught_up(restoration) == [("create", "u2", None)]
    assert answers(restoration, "conversation.item.added", item=item("x2"))
    assert restoration._conversation.item("x2") is not None  # by the name that it has from now on
    assert restoration.outcome() == Outcome(session=True, items=2, left_out=0)


def test_what_was_refused_before_the_change_is_left_out_after_it() -> None:
    restoration = make("u1", "u2")
    sent = beside(restoration)
    assert answers(restoration, "error", error={"event_id": sent[0]["event_id"]})
    assert answers(restoration, "session.updated")
    assert answers(restoration, "conversation.item.added", item=item("u2"))
    assert caught_up(restoration) == []
    assert restoration.outcome() == Outcome(session=True, items=1, left_out=1)


def test_an_item_is_deleted_once_by_us() -> None:
    restoration = make("u1")
    beside(restoration)
    restoration._conversation.forget("u1")
    assert caught_up(restoration) == [("delete", "u1", None)]
    assert answers(restoration, "conversation.item.deleted", item_id="u1")
    assert not answers(restoration, "conversation.item.deleted", item_id="u1")


LONG = "item_0f3c7a52-93c1-4f53-8f0e-2b6f6f0e7c11"


def test_names_that_are_too_long_for_the_server_are_not_sent_to_it() -> None:
    call = {"id": LONG, "type": "function_call", "call_id": "call_" + LONG, "name": "hours", "arguments": "{}"}
    output = {"id": "o1", "type": "function_call_output", "call_id": "call_" + LONG, "output": "9 to 5"}
    conversation = Conversation(100)
    for each in (item(LONG + "u"), call, output):
        conversation.server_said(classify(orjson.dumps({"type": "conversation.item.added", "item": each})))
    restoration = Restoration(conversation)
    said, called, answered = (orjson.loads(each)["item"] for each in restoration.begin(asked=False))
    assert "id" not in said and "id" not in called and answered["id"] == "o1"
    assert called["call_id"] == answered["call_id"] and len(called["call_id"]) <= 32
    for name, each in (("one", said), ("two", called), ("o1", answered)):
        assert answers(restoration, "conversation.item.added", item={**each, "id": name})
    assert restoration.outcome() == Outcome(session=False, items=3, left_out=0)
    again = [orjson.loads(each)["item"] for each in Restoration(conversation).begin(asked=False)]
    assert [each["id"] for each in again] == ["one", "two", "o1"]


def test_a_server_that_takes_any_name_gets_them_as_they_are() -> None:
    conversation = Conversation(100)
    conversation.server_said(classify(orjson.dumps({"type": "conversation.item.added", "item": item(LONG)})))
    [created] = Restoration(conversation, SPEACHES).begin(asked=False)
    assert orjson.loads(created)["item"]["id"] == LONG
