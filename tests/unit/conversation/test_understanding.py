"""What a message means, as effects alone: no socket, no memory, no clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pybase64
import pytest

from mod_openai_realtime.audio.audio_format import Encoding
from mod_openai_realtime.audio.heard import Heard, ItemPart
from mod_openai_realtime.conversation.barge_in import BargeIn
from mod_openai_realtime.conversation.conversation import Conversation
from mod_openai_realtime.conversation.effects import (
    EVERYTHING,
    Disown,
    Effect,
    EndAudio,
    ForgetHalf,
    Forward,
    Play,
    Send,
    Silence,
    Warn,
    Which,
)
from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation, Side, Wish
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.conversation.session_wishes import UPDATE_ID
from mod_openai_realtime.conversation.understanding import (
    application_says,
    application_wants_silence,
    binary_comes,
    connection_made,
    cut_short,
    is_quiet,
    server_says,
)
from mod_openai_realtime.dialect.client_messages import client_message
from mod_openai_realtime.dialect.messages import classify
from mod_openai_realtime.dialect.profiles import OPENAI
from mod_openai_realtime.limits import MAX_ID_CHARACTERS, LimitExceededError


class Queue:
    """What waits to be heard, as it is told to be."""

    def __init__(self, *responses: str | None) -> None:
        self._responses = set(responses)

    @property
    def idle(self) -> bool:
        return not self._responses

    def responses(self, session: int, /) -> set[str | None]:
        return self._responses

    def responses_of_item(self, item_id: str, session: int, /) -> set[str | None]:
        return self._responses if item_id == "i1" else set()


def make_session(*, plays: bool = True, raw: bool = False, conversation: Conversation | None = None) -> Session:
    wishes = {Side.PLAYBACK: Wish(Encoding.PCM, 24000)} if plays else {Side.CAPTURE: Wish(Encoding.PCM, 24000)}
    negotiation = Negotiation(wishes, Complaints(lambda text: None), session=not raw)
    return Session(3, negotiation, Interruption(not raw), conversation, plays=plays, raw=raw)


def says(session: Session, kind: str, /, **fields: Any) -> list[Effect]:
    payload = orjson.dumps({"type": kind, **fields})
    return server_says(session, classify(payload), payload, 0)


def speaks(session: Session, response: str | None = "r1", item: str = "i1", audio: bytes = b"\x01\x02") -> list[Effect]:
    delta = pybase64.b64encode(audio).decode()
    return says(session, "response.output_audio.delta", response_id=response, item_id=item, delta=delta)


def asks(session: Session, kind: str, queue: Queue | None = None, *, heard: bool = True, **fields: Any) -> list[Effect]:
    """A message of the application has gone out. `heard`: the caller is."""
    message = client_message(orjson.dumps({"type": kind, **fields}))
    assert message is not None
    return application_says(session, message, queue, 0, caller_is_heard=heard)


def without_forward(effects: list[Effect]) -> list[Effect]:
    return [each for each in effects if not isinstance(each, Forward)]


def sent(effects: list[Effect]) -> list[Any]:
    return [orjson.loads(each.payload) for each in effects if isinstance(each, Send)]


def test_a_message_of_no_consequence_is_forwarded_and_nothing_else() -> None:
    payload = b'{"type":"rate_limits.updated"}'
    session = make_session()
    assert server_says(session, classify(payload), payload, 0) == [Forward("rate_limits.updated", payload)]


def test_who_only_sends_hears_nothing_and_silences_nothing() -> None:
    session = make_session(plays=False)
    says(session, "response.created", response={"id": "r1"})
    assert speaks(session) == []
    effects = without_forward(says(session, "input_audio_buffer.speech_started"))
    assert effects == []


def test_a_caller_who_speaks_silences_what_may_be_interrupted_and_its_late_audio() -> None:
    session = make_session()
    speaks(session)
    effects = without_forward(says(session, "input_audio_buffer.speech_started"))
    assert effects == [ForgetHalf(), Silence(Which(interruptible=True), tell=True)]
    assert speaks(session) == []
    assert speaks(session, "r2") != []


def test_the_engine_cancels_where_the_server_does_not() -> None:
    session = make_session()
    says(session, "session.updated", session={"turn_detection": None})
    says(session, "response.created", response={"id": "r1"})
    assert sent(says(session, "input_audio_buffer.speech_started")) == [{"type": "response.cancel"}]


def test_a_session_that_is_not_interrupted_goes_on() -> None:
    session = make_session()
    says(session, "session.updated", session={"turn_detection": {"interrupt_response": False}})
    speaks(session)
    assert without_forward(says(session, "input_audio_buffer.speech_started")) == []


def test_the_end_of_the_audio_comes_once_and_not_of_what_was_silenced() -> None:
    session = make_session()
    speaks(session)
    ended = without_forward(says(session, "response.output_audio.done", response_id="r1"))
    assert ended == [ForgetHalf(), EndAudio()]
    speaks(session, "r2")
    says(session, "input_audio_buffer.speech_started")
    assert without_forward(says(session, "response.output_audio.done", response_id="r2")) == []


@pytest.mark.parametrize(
    "payload",
    [b'{"type":"x"}\0', b'{"type":"response.output_audio.delta","delta":"A*"}', b'{"a":' * 129 + b"1" + b"}" * 129],
)
def test_what_is_dropped_is_no_event_and_leaves_no_half_sample(payload: bytes) -> None:
    effects = server_says(make_session(), classify(payload), payload, 0)
    assert [type(each) for each in effects[-2:]] == [ForgetHalf, Warn]
    assert not any(isinstance(each, Forward) for each in effects)


def test_binary_audio_is_of_raw_mode_alone() -> None:
    assert isinstance(binary_comes(make_session(), b"\0\0")[-1], Warn)
    raw = make_session(raw=True)
    assert binary_comes(raw, b"\0\0") == [Play((None, None, 0), b"\0\0", True, None)]
    says(raw, "response.created", response={"id": "r1"})
    says(raw, "input_audio_buffer.speech_started")
    assert binary_comes(raw, b"\0\0") == []


def test_a_break_is_of_what_is_queued() -> None:
    session = make_session()
    says(session, "response.created", response={"id": "r1"})
    says(session, "response.created", response={"id": "r2"})
    assert application_wants_silence(session, Queue()) == []
    effects = application_wants_silence(session, Queue("r1"))
    assert Silence(EVERYTHING, tell=True) in effects
    assert sent(effects) == [{"type": "response.cancel", "response_id": "r1"}]


def test_what_the_application_truncates_it_tells_itself() -> None:
    session = make_session()
    speaks(session)
    effects = asks(session, "conversation.item.truncate", Queue("r1"), item_id="i1")
    assert effects[0] == Disown("i1")
    assert effects[-1] == Silence(Which(3, frozenset({"r1"})), tell=False)
    assert speaks(session) == []


def test_a_response_that_the_application_cancels_is_silent_and_half_a_sample_of_another_is_kept() -> None:
    session = make_session()
    speaks(session, "r1")
    speaks(session, "r2", "i2")
    assert asks(session, "response.cancel", response_id="r1") == [Silence(Which(3, frozenset({"r1", None})), tell=True)]
    assert speaks(session, "r1") == [] and speaks(session, "r2", "i2") != []


def test_a_cancel_that_names_none_is_of_all() -> None:
    session = make_session()
    speaks(session, "r1")
    assert asks(session, "response.cancel") == [ForgetHalf(), Silence(EVERYTHING, tell=True)]
    assert speaks(session, "r1") == []


def test_who_only_sends_cancels_nothing() -> None:
    session = make_session(plays=False)
    says(session, "session.updated", session={"turn_detection": None})
    says(session, "response.created", response={"id": "r1"})
    assert sent(says(session, "input_audio_buffer.speech_started")) == []


def test_a_delta_without_audio_plays_nothing_and_is_no_response_under_way() -> None:
    session = make_session()
    assert speaks(session, audio=b"") == []
    assert is_quiet(session, None, 0)


@pytest.mark.parametrize(
    "say",
    [
        lambda session, name: says(session, "response.created", response={"id": name}),
        lambda session, name: speaks(session, name),
        lambda session, name: speaks(session, item=name),
    ],
    ids=["response", "audio of a response", "audio of an item"],
)
def test_an_id_that_is_too_long_ends_the_connection(say: Callable[[Session, str], object]) -> None:
    say(make_session(), "x" * MAX_ID_CHARACTERS)
    with pytest.raises(LimitExceededError):
        say(make_session(), "x" * (MAX_ID_CHARACTERS + 1))


def test_what_is_played_of_an_item_was_said() -> None:
    conversation = Conversation(10)
    session = make_session(conversation=conversation)
    says(session, "conversation.item.added", item={"id": "i1", "type": "message", "role": "assistant"})
    says(session, "response.output_audio_transcript.done", item_id="i1", content_index=0, transcript="Good day.")
    speaks(session)
    ((item,), _) = conversation.begin_session()
    assert item["content"] == [{"type": "output_text", "text": "Good day."}]


def test_what_the_application_puts_in_front_of_the_conversation_is_the_first() -> None:
    conversation = Conversation(10)
    session = make_session(conversation=conversation)
    content = [{"type": "input_text", "text": "x"}]
    items = [{"id": name, "type": "message", "role": "system", "content": content} for name in ("s1", "s2")]
    says(session, "conversation.item.added", item=items[0])
    asks(session, "conversation.item.create", previous_item_id="root", item=items[1])
    says(session, "conversation.item.added", item=items[1])
    assert [item["id"] for item in conversation.begin_session()[0]] == ["s2", "s1"]


def test_where_nothing_is_restored_nobody_keeps_what_was_heard() -> None:
    assert cut_short(make_session(), Heard(ItemPart("i1", 0, 3), 1, 2)) == []


@pytest.mark.parametrize("over", ["response.output_audio.done", "response.done"])
def test_a_response_that_is_over_ends_its_audio_once(over: str) -> None:
    session = make_session()
    says(session, "response.created", response={"id": "r1"})
    speaks(session)
    assert EndAudio() in says(session, over, response_id="r1", response={"id": "r1"})


@pytest.mark.parametrize(
    "over",
    [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "response.output_audio.done",
        "response.done",
    ],
)
def test_after_the_callers_turn_audio_that_names_no_response_is_the_answer(over: str) -> None:
    session = make_session()
    speaks(session, None)
    says(session, "input_audio_buffer.speech_started")
    assert speaks(session, None) == []
    says(session, over, response_id="r1", response={"id": "r1"})
    assert speaks(session, None) != []


@pytest.mark.parametrize("over", ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"])
def test_a_turn_ends_when_the_server_says_so(over: str) -> None:
    session = make_session()
    says(session, "input_audio_buffer.speech_started")
    assert not is_quiet(session, None, 0) and is_quiet(session, None, 0, caller_is_heard=False)
    says(session, over)
    assert session.clock.take() == 0 and not session.clock.speaking


@pytest.mark.parametrize(("heard", "ends"), [(True, 0), (False, None)])
def test_a_commit_of_the_application_ends_the_turn_of_a_caller_who_is_heard(heard: bool, ends: int | None) -> None:
    session = make_session()
    asks(session, "input_audio_buffer.commit", heard=heard)
    assert session.clock.take() == ends


def test_a_commit_that_the_server_refuses_ends_no_turn() -> None:
    session = make_session()
    asks(session, "input_audio_buffer.commit")
    says(session, "error", error={"code": "input_audio_buffer_commit_empty"})
    assert session.clock.take() is None


UNINTERRUPTIBLE = {"metadata": {"interruptible": "false"}}


@pytest.mark.parametrize(("refused", "interruptible"), [("e2", False), ("e1", True)])
def test_what_the_application_asked_for_decides_whether_the_caller_may_interrupt(
    refused: str, interruptible: bool
) -> None:
    session = make_session()
    asks(session, "response.create", event_id="e1", response=UNINTERRUPTIBLE)
    says(session, "error", error={"event_id": refused})
    says(session, "response.created", response={"id": "r1"})
    (play,) = speaks(session)
    assert isinstance(play, Play) and play.interruptible is interruptible


@pytest.mark.parametrize(
    "ask",
    [lambda session: asks(session, "response.create"), lambda session: says(session, "input_audio_buffer.committed")],
)
def test_a_session_owes_an_answer_until_it_has_given_it(ask: Callable[[Session], object]) -> None:
    session = make_session()
    ask(session)
    assert not is_quiet(session, None, 1)
    says(session, "response.created", response={"id": "r1"})
    assert not is_quiet(session, None, 1)
    says(session, "response.done", response={"id": "r1"})
    assert is_quiet(session, None, 1)


def test_a_session_is_greeted_once_and_for_all() -> None:
    session = make_session()
    says(session, "session.updated", session={})
    assert not session.greeted
    says(session, "session.created", session={})
    says(session, "session.updated", session={})
    assert session.greeted


@pytest.mark.parametrize("policy", [BargeIn.CONFIRM, BargeIn.SERVER])
def test_a_server_that_refuses_to_leave_its_answers_alone_is_told_of(policy: BargeIn) -> None:
    negotiation = Negotiation({}, Complaints(lambda text: None), session=True)
    session = Session(3, negotiation, Interruption(True), plays=True, raw=False, barge_in=policy)
    asked = sent(says(session, "session.created", session={"turn_detection": {"type": "server_vad"}}))
    effects = says(session, "error", error={"event_id": UPDATE_ID})
    assert len(asked) == len([each for each in effects if isinstance(each, Warn)]) == (policy is BargeIn.CONFIRM)


@pytest.mark.parametrize("greets", [True, False])
def test_a_format_that_the_application_asked_for_before_is_not_asked_for_again_as_another(greets: bool) -> None:
    warnings: list[str] = []
    alaw = {"audio": {side: {"format": {"type": "audio/pcma"}} for side in ("input", "output")}}
    wishes = {side: Wish(Encoding.PCMU, 8000) for side in Side}
    dialect = replace(OPENAI, greets=greets)
    conversation = Conversation(10)
    conversation.application_sent({"type": "session.update", "session": alaw})
    negotiation = Negotiation(wishes, Complaints(warnings.append), session=True, dialect=dialect)
    session = Session(
        3, negotiation, Interruption(True), conversation, plays=True, raw=False, restored=True, dialect=dialect
    )
    effects = says(session, "session.created", session={}) if greets else connection_made(session)
    (asked,) = sent(effects)
    assert {side: half["format"] for side, half in asked["session"]["audio"].items()} == {
        side: {"type": "audio/pcma"} for side in ("input", "output")
    }
    says(session, "session.updated", session=alaw)
    assert warnings == [] and not session.waiting
