"""What a message means, as effects alone: no socket, no memory, no clock."""

from __future__ import annotations

from typing import Any

import orjson
import pybase64
import pytest

from mod_openai_realtime.audio.audio_format import Encoding
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
from mod_openai_realtime.conversation.understanding import (
    application_says,
    application_wants_silence,
    binary_comes,
    server_says,
)
from mod_openai_realtime.dialect.client_messages import client_message
from mod_openai_realtime.dialect.messages import classify


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


def make_session(*, plays: bool = True, raw: bool = False) -> Session:
    wishes = {Side.PLAYBACK: Wish(Encoding.PCM, 24000)} if plays else {Side.CAPTURE: Wish(Encoding.PCM, 24000)}
    negotiation = Negotiation(wishes, Complaints(lambda text: None), session=not raw)
    return Session(3, negotiation, Interruption(not raw), plays=plays, raw=raw)


def says(session: Session, kind: str, /, **fields: Any) -> list[Effect]:
    payload = orjson.dumps({"type": kind, **fields})
    return server_says(session, classify(payload), payload, 0)


def speaks(session: Session, response: str = "r1", item: str = "i1", audio: bytes = b"\x01\x02") -> list[Effect]:
    delta = pybase64.b64encode(audio).decode()
    return says(session, "response.output_audio.delta", response_id=response, item_id=item, delta=delta)


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
    message = client_message(orjson.dumps({"type": "conversation.item.truncate", "item_id": "i1"}))
    assert message is not None
    effects = application_says(session, message, Queue("r1"), 0, caller_is_heard=True)
    assert effects[0] == Disown("i1")
    assert effects[-1] == Silence(Which(3, frozenset({"r1"})), tell=False)
    assert speaks(session) == []
