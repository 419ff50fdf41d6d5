"""What is kept for an engine that comes after this one, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from timers import Timers

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.heard import ItemPart
from mod_openai_realtime.audio.playback import Playback, heard_of_kept
from mod_openai_realtime.conversation.conversation import MAX_BYTES, Conversation
from mod_openai_realtime.conversation.keeping import Keeping
from mod_openai_realtime.dialect.messages import classify


def says(conversation: Conversation, kind: str, /, **fields: Any) -> None:
    conversation.server_said(classify(orjson.dumps({"type": kind, **fields})))


def test_changes_are_told_together_and_only_then() -> None:
    timers, told = Timers(), []
    keeping = Keeping(timers.later, lambda: {"a": 1}, told.append)
    keeping.changed(0)
    timers.run_out()
    assert told == []
    for version in (1, 2, 3):
        keeping.changed(version)
    timers.run_out()
    keeping.changed(3)
    timers.run_out()
    assert told == [b'{"a":1}']
    keeping.changed(4)
    timers.run_out()
    assert told == [b'{"a":1}'] * 2


@pytest.mark.parametrize(("tell", "count"), [(True, 1), (False, 0)])
def test_at_the_end_what_is_left_to_tell_is_told_where_another_engine_goes_on(tell: bool, count: int) -> None:
    timers, told = Timers(), []
    keeping = Keeping(timers.later, dict, told.append)
    keeping.changed(1)
    keeping.finish(tell=tell)
    timers.run_out()
    assert len(told) == count
    keeping.finish(tell=tell)
    assert len(told) == count


def test_a_conversation_goes_on_from_what_was_kept() -> None:
    before = Conversation(3)
    before.application_sent({"type": "session.update", "session": {"voice": "marin"}})
    for number in range(5):
        content = [{"type": "input_text", "text": f"{number}"}]
        says(
            before,
            "conversation.item.added",
            item={"id": f"u{number}", "type": "message", "role": "user", "content": content},
        )
    content = [{"type": "output_audio", "transcript": "one two three four"}]
    says(
        before,
        "conversation.item.added",
        item={"id": "a1", "type": "message", "role": "assistant", "content": content},
    )
    before.plays("a1", 0)
    before.cut("a1", 0, 1, 2)
    after = Conversation(3)
    after.take_up(orjson.loads(orjson.dumps(before.kept())))
    assert after.wishes.session == {"voice": "marin"}
    assert after.begin_session() == before.begin_session()


def adds(conversation: Conversation, name: str, text: str = "x") -> None:
    content = [{"type": "output_audio", "transcript": text}]
    item = {"id": name, "type": "message", "role": "assistant", "content": content}
    says(conversation, "conversation.item.added", item=item)


def test_what_was_kept_counts_among_what_an_engine_may_keep() -> None:
    before = Conversation(0)
    for number in range(9):
        adds(before, f"a{number}", "x" * (MAX_BYTES // 10))
    kept = orjson.loads(orjson.dumps(before.kept()))
    fewer = Conversation(3)
    fewer.take_up(kept)
    assert [item[0] for item in fewer.kept()["items"]] == ["a6", "a7", "a8"]
    after = Conversation(0)
    after.take_up(kept)
    for number in range(9):
        adds(after, f"b{number}", "x" * (MAX_BYTES // 10))
    assert len(orjson.dumps(after.kept())) < MAX_BYTES


def refused(conversation: Conversation) -> None:
    says(conversation, "error", error={"event_id": "e1"})


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        (lambda c: c.application_sent({"type": "session.update", "session": {"voice": "cedar"}}), True),
        (refused, True),
        (lambda c: says(c, "session.updated", session={}), False),
        (lambda c: adds(c, "a3"), True),
        (lambda c: says(c, "conversation.item.deleted", item_id="a1"), True),
        (lambda c: says(c, "rate_limits.updated"), False),
        (lambda c: c.plays("a1", 0), True),
        (lambda c: c.plays("a2", 0), False),  # as before
        (lambda c: c.cut("a2", 0, 1, 2), True),
        (lambda c: c.begin_session(), True),
        (lambda c: c.begin_session(beside=True), False),
    ],
)
def test_each_change_of_what_is_kept_has_a_version(change: Callable[[Conversation], object], changes: bool) -> None:
    conversation = Conversation(100)
    conversation.application_sent({"type": "session.update", "session": {"voice": "marin"}, "event_id": "e1"})
    adds(conversation, "a1")
    adds(conversation, "a2")
    conversation.plays("a2", 0)
    kept, version = orjson.dumps(conversation.kept()), conversation.version
    change(conversation)
    assert (orjson.dumps(conversation.kept()) != kept) is changes
    assert (conversation.version != version) is changes


@pytest.mark.parametrize("kept", [{}, {"items": 3}, {"items": [[]], "session": {}, "forgotten": 0}])
def test_what_makes_no_sense_is_refused(kept: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        Conversation(3).take_up(kept)


@pytest.mark.parametrize("barge_in", [False, True])
def test_how_much_was_heard_is_read_from_the_memory_that_outlives_the_engine(barge_in: bool) -> None:
    switch = SwitchSide()
    playback = Playback(StreamMemory(switch.fd), playback_rate=24000, write_rate=8000)
    for index in (0, 1):
        playback.feed(bytes(2 * 24000), "r1", ItemPart("a1", index))
    playing = orjson.loads(orjson.dumps(playback.playing()))
    for _ in range(60):
        playback.tick()
        switch.playback(160, 8000)
    if barge_in:
        playback.barge_in()
        switch.playback(160, 8000)
    (heard,) = heard_of_kept(playing, StreamMemory(switch.fd))
    # A second of the first part, and 200 ms of the other, all but the resampler's delay.
    assert (heard.part.content_index, heard.received_samples) == (1, 24000)
    assert heard.heard_samples == pytest.approx(4800, abs=480)
