"""A session that is made ready beside the one that goes on, and then takes over from it."""

from __future__ import annotations

from typing import Any

import orjson

from mod_openai_realtime.audio.audio_format import Encoding
from mod_openai_realtime.conversation.conversation import Conversation
from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation, Side, Wish
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.conversation.successor import MAX_KEPT_BYTES, Successor
from mod_openai_realtime.conversation.understanding import server_says
from mod_openai_realtime.dialect.messages import classify


def wish(voice: str, **fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"voice": voice}, **fields}


def formats(encoding: str) -> dict[str, Any]:
    return {"audio": {side: {"format": {"type": encoding}} for side in ("input", "output")}}


class Bench:
    def __init__(self, encoding: Encoding = Encoding.PCM) -> None:
        self.conversation = Conversation(10)
        self.warnings: list[str] = []
        wishes = {side: Wish(encoding, 24000) for side in Side}
        negotiation = Negotiation(wishes, Complaints(self.warnings.append), session=True)
        self.session = Session(
            2, negotiation, Interruption(True), self.conversation, plays=True, raw=False, restored=True
        )
        self.successor = Successor(self.session)

    def says(self, kind: str, **fields: Any) -> list[Any]:
        return [orjson.loads(each) for each in self.successor.server_said(orjson.dumps({"type": kind, **fields}))]


def test_what_it_keeps_for_the_call_is_bounded() -> None:
    bench = Bench()
    for _ in range(10):
        bench.successor.keep(b"x" * (MAX_KEPT_BYTES // 4))
    assert len(bench.successor.kept) == 4


def test_once_it_has_taken_over_the_conversation_goes_on_in_it() -> None:
    bench = Bench()
    bench.says("session.created", session={})
    bench.successor.take_over()
    content = [{"type": "input_text", "text": "hello"}]
    item = {"id": "u1", "type": "message", "role": "user", "content": content}
    payload = orjson.dumps({"type": "conversation.item.added", "item": item})
    server_says(bench.session, classify(payload), payload, 0)
    assert bench.conversation.item("u1") is not None


def test_what_the_session_before_had_not_answered_was_asked_of_this_one() -> None:
    bench = Bench()
    bench.conversation.application_sent(wish("marin", event_id="e1"))
    bench.says("session.created", session={})
    bench.successor.take_over()
    bench.conversation.application_sent(wish("nobody", event_id="e1"))
    payload = orjson.dumps({"type": "error", "error": {"event_id": "e1"}})
    server_says(bench.session, classify(payload), payload, 0)
    assert bench.conversation.wishes.session == {"voice": "marin"}


def test_a_format_that_was_asked_for_meanwhile_is_waited_for_and_is_the_one_that_is_wanted() -> None:
    bench = Bench(Encoding.PCMU)
    bench.says("session.created", session={})
    bench.says("session.updated", session=formats("audio/pcmu"))
    alaw = formats("audio/pcma")
    bench.conversation.application_sent({"type": "session.update", "session": alaw})
    assert bench.successor.ask_again() is not None
    assert bench.session.negotiation.waiting and not bench.successor.ready
    bench.says("session.updated", session=alaw)
    assert not bench.session.negotiation.waiting and bench.successor.ready
    assert bench.warnings == []
