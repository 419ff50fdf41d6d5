"""What a session does with a server that is not OpenAI's: formats, gates, what is not sent, what is restored."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import orjson
import pytest

from mod_openai_realtime.audio.audio_format import AudioFormat, Encoding, Side
from mod_openai_realtime.audio.heard import Heard, ItemPart
from mod_openai_realtime.conversation.conversation import Conversation
from mod_openai_realtime.conversation.effects import Effect, Forward, Send, Silence
from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation, Wish
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.conversation.session_wishes import UPDATE_ID, session_update
from mod_openai_realtime.conversation.turn import Played
from mod_openai_realtime.conversation.understanding import (
    application_wants_silence,
    connection_made,
    cut_short,
    server_says,
)
from mod_openai_realtime.dialect.dialect import Dialect, Gate
from mod_openai_realtime.dialect.messages import classify
from mod_openai_realtime.dialect.profiles import (
    HUGGINGFACE,
    INWORLD,
    LOCALAI,
    OPENAI,
    OPENAI_BETA,
    PROFILES,
    QWEN,
    SPEACHES,
    TRANSCRIPTION,
    TRANSLATION,
    VLLM,
    VOICE_LIVE,
    XAI,
)

PCM, PCMU = Encoding.PCM, Encoding.PCMU
GATED = [each for each in PROFILES.values() if each.gate is Gate.UPDATED]


class Queue:
    idle = False

    def responses(self, session: int, /) -> set[str | None]:
        return {"r1"}

    def responses_of_item(self, item_id: str, session: int, /) -> set[str | None]:
        return {"r1"}


class Bench:
    def __init__(
        self,
        dialect: Dialect,
        *,
        encoding: Encoding = PCM,
        rate: int = 24000,
        conversation: Conversation | None = None,
        sides: tuple[Side, ...] = (Side.CAPTURE, Side.PLAYBACK),
    ) -> None:
        self.warnings: list[str] = []
        wishes = {side: Wish(encoding, rate) for side in sides}
        self.negotiation = Negotiation(wishes, Complaints(self.warnings.append), session=True, dialect=dialect)
        self.session = Session(
            1,
            self.negotiation,
            Interruption(True),
            conversation,
            plays=Side.PLAYBACK in sides,
            raw=False,
            restored=conversation is not None,
            dialect=dialect,
        )

    def connected(self) -> list[Any]:
        return sent(connection_made(self.session))

    def server(self, kind: str, **fields: Any) -> list[Effect]:
        payload = orjson.dumps({"type": kind, **fields})
        return server_says(self.session, classify(payload, self.session.dialect.kinds), payload, 0)

    def created(self, session: Any = None, kind: str = "session.created") -> list[Any]:
        """What is sent for it."""
        return sent(self.server(kind, session=session or {}))

    def application(self, session: dict[str, Any]) -> None:
        self.negotiation.application_sent(session_update(orjson.dumps({"type": "session.update", "session": session})))

    @property
    def formats(self) -> tuple[AudioFormat, AudioFormat]:
        return self.negotiation.capture, self.negotiation.playback


def sent(effects: list[Effect]) -> list[Any]:
    return [orjson.loads(each.payload) for each in effects if isinstance(each, Send)]


def update(session: dict[str, Any]) -> dict[str, Any]:
    return {"type": "session.update", "event_id": UPDATE_ID, "session": session}


def pcm(capture: int, playback: int) -> tuple[AudioFormat, AudioFormat]:
    return AudioFormat(PCM, capture), AudioFormat(PCM, playback)


# -- formats


@pytest.mark.parametrize(
    ("dialect", "rate", "asked", "before", "after"),
    [
        (OPENAI, 16000, None, (16000, 16000), (16000, 16000)),
        (OPENAI_BETA, 16000, None, (24000, 24000), (24000, 24000)),
        (
            VOICE_LIVE,
            16000,
            {
                "input_audio_format": "pcm16",
                "input_audio_sampling_rate": 16000,
                "output_audio_format": "pcm16_16000hz",
            },
            (24000, 24000),
            (16000, 16000),
        ),
        (
            XAI,
            16000,
            {
                "audio": {
                    "input": {"format": {"type": "audio/pcm", "rate": 16000}},
                    "output": {"format": {"type": "audio/pcm", "rate": 24000}},
                }
            },
            (24000, 24000),
            (16000, 24000),
        ),
        (QWEN, 8000, {"modalities": ["text", "audio"]}, (16000, 24000), (16000, 24000)),
        (HUGGINGFACE, 8000, None, (16000, 16000), (16000, 16000)),
        (
            HUGGINGFACE,
            24000,
            {
                "type": "realtime",
                "audio": {
                    "input": {"format": {"type": "audio/pcm", "rate": 24000}},
                    "output": {"format": {"type": "audio/pcm", "rate": 24000}},
                },
            },
            (16000, 16000),
            (24000, 24000),
        ),
        (LOCALAI, 8000, None, (24000, 24000), (24000, 24000)),
        (SPEACHES, 8000, None, (24000, 24000), (24000, 24000)),
        (TRANSLATION, 8000, None, (24000, 24000), (24000, 24000)),
        (
            INWORLD,
            8000,
            {
                "type": "realtime",
                "audio": {
                    "input": {"format": {"type": "audio/pcm", "rate": 8000}},
                    "output": {"format": {"type": "audio/pcm", "rate": 8000}},
                },
            },
            (24000, 24000),
            (8000, 8000),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Dialect) else None,
)
@pytest.mark.parametrize("repeats", [True, False])
def test_rates_are_asked_for_and_those_that_need_no_word_are_known(
    dialect: Dialect,
    rate: int,
    asked: dict[str, Any] | None,
    before: tuple[int, int],
    after: tuple[int, int],
    repeats: bool,
) -> None:
    """`repeats`: the server states what it was asked for, or agrees without a word."""
    bench = Bench(dialect, rate=rate)
    assert bench.formats == pcm(*before)
    assert bench.created() == ([update(asked)] if asked else [])
    if asked:
        assert bench.server("session.updated", session=asked if repeats else {})
    assert bench.formats == pcm(*after)
    assert not bench.negotiation.waiting and not bench.warnings


def test_what_the_server_states_goes_before_what_it_was_asked_for() -> None:
    bench = Bench(VOICE_LIVE, rate=16000)
    bench.created()
    bench.server("session.updated", session={"input_audio_sampling_rate": 24000, "input_audio_format": "pcm16"})
    assert bench.negotiation.capture == AudioFormat(PCM, 24000)
    assert "24000 Hz for its input" in bench.warnings[0]


@pytest.mark.parametrize("dialect", [VOICE_LIVE, QWEN, VLLM, HUGGINGFACE, LOCALAI, SPEACHES, TRANSLATION])
def test_g711_is_not_asked_of_who_does_not_take_it(dialect: Dialect) -> None:
    bench = Bench(dialect, encoding=PCMU, rate=16000)
    (warning,) = bench.warnings
    assert f"{dialect.name} takes no audio/pcmu" in warning
    assert b"pcmu" not in orjson.dumps(bench.created()) and b"ulaw" not in orjson.dumps(bench.created())
    assert bench.formats[0].encoding is PCM


@pytest.mark.parametrize("dialect", [OPENAI, OPENAI_BETA, XAI, INWORLD, TRANSCRIPTION])
def test_g711_is_asked_for_in_the_server_s_words(dialect: Dialect) -> None:
    bench = Bench(dialect, encoding=PCMU, sides=(Side.CAPTURE,))
    (asked,) = bench.created()
    bench.server("session.updated", session=asked["session"])
    assert bench.negotiation.capture == AudioFormat(PCMU, 8000)


# -- the gate


@pytest.mark.parametrize("dialect", GATED, ids=lambda each: each.name)
def test_audio_waits_for_the_answer_to_an_update(dialect: Dialect) -> None:
    bench = Bench(dialect)
    assert bench.session.waiting and bench.session.longest_wait_ms == 2000
    assert len(bench.created()) == 1
    assert bench.session.waiting
    bench.server("session.updated", session={})
    assert not bench.session.waiting


@pytest.mark.parametrize("dialect", GATED, ids=lambda each: each.name)
def test_audio_waits_no_longer_than_two_seconds(dialect: Dialect) -> None:
    bench = Bench(dialect)
    bench.created()
    bench.session.give_up()
    assert not bench.session.waiting


@pytest.mark.parametrize("dialect", [OPENAI, OPENAI_BETA, HUGGINGFACE, LOCALAI, SPEACHES, TRANSLATION])
def test_audio_waits_for_nothing_where_nothing_is_needed(dialect: Dialect) -> None:
    assert not Bench(dialect, rate=16000).session.waiting


def test_an_update_of_the_application_opens_the_gate_too_and_is_not_overridden() -> None:
    bench = Bench(QWEN)
    bench.application({"modalities": ["text"]})
    assert bench.created() == []
    assert bench.session.waiting
    bench.server("session.updated", session={})
    assert not bench.session.waiting


def test_a_second_greeting_asks_for_nothing_again() -> None:
    bench = Bench(XAI)
    assert len(bench.created(kind="conversation.created")) == 1
    assert bench.created() == []


def test_a_server_that_has_to_be_configured_gets_no_audio_before_however_long() -> None:
    bench = Bench(TRANSCRIPTION, encoding=PCMU, sides=(Side.CAPTURE,))
    assert bench.session.longest_wait_ms == math.inf
    (asked,) = bench.created()
    bench.server("session.updated", session=asked["session"])
    assert bench.session.waiting, "that was the engine's question about formats"
    bench.application({"type": "transcription", "audio": {"input": {"transcription": {"model": "m"}}}})
    bench.server("session.updated", session=asked["session"])
    assert not bench.session.waiting


def test_a_server_that_does_not_greet_is_told_what_there_is_to_tell_at_once() -> None:
    assert Bench(VLLM).connected() == []
    mine = replace(VLLM, session={"model": "m", "ref_audio": "data:"})
    bench = Bench(mine)
    assert bench.connected() == [update({"type": "realtime", "model": "m", "ref_audio": "data:"})]
    assert bench.created() == []
    assert bench.session.waiting
    bench.server("session.updated", session={})
    assert not bench.session.waiting
    assert Bench(replace(XAI, session={"model": "m"})).connected() == [], "who greets is waited for"


def test_the_session_of_a_file_goes_behind_what_the_application_asked() -> None:
    mine = replace(OPENAI, session={"voice": "a", "instructions": "b"})
    conversation = Conversation(None, dialect=mine)
    conversation.wishes.application_sent({"session": {"voice": "mine"}})
    bench = Bench(mine, conversation=conversation)
    assert bench.created() == [update({"type": "realtime", "voice": "mine", "instructions": "b"})]


# -- interruption


def interrupted(bench: Bench) -> list[Effect]:
    bench.server("response.created", response={"id": "r1"})
    bench.server("response.output_audio.delta", response_id="r1", item_id="i1", delta="AQI=")
    return bench.server("input_audio_buffer.speech_started")


@pytest.mark.parametrize("dialect", PROFILES.values(), ids=PROFILES)
def test_a_server_is_told_no_more_than_it_understands(dialect: Dialect) -> None:
    bench = Bench(dialect)
    bench.server("session.updated", session={"turn_detection": {"type": "server_vad"}})
    silences = [each for each in interrupted(bench) if isinstance(each, Silence)]
    assert [each.tell for each in silences] == [dialect.truncates]
    bench.server("session.updated", session={"turn_detection": None})
    bench.server("response.created", response={"id": "r1"})
    effects = application_wants_silence(bench.session, Queue())
    assert [each.tell for each in effects if isinstance(each, Silence)] == [dialect.truncates]
    assert sent(effects) == ([{"type": "response.cancel"}] if dialect.cancels else [])


def test_who_truncates_by_itself_is_not_told() -> None:
    bench = Bench(VOICE_LIVE)
    bench.server("session.updated", session={"turn_detection": {"type": "server_vad", "auto_truncate": True}})
    assert [each.tell for each in interrupted(bench) if isinstance(each, Silence)] == [False]


def test_a_model_that_decides_itself_when_it_is_interrupted_says_so() -> None:
    bench = Bench(VLLM)
    bench.server("session.updated", session={"turn_detection": None})
    assert not [each for each in interrupted(bench) if isinstance(each, Silence)]
    done = {"id": "r1", "status": "cancelled", "status_details": {"reason": "barge_in"}}
    effects = bench.server("response.done", response=done)
    assert [each.which.responses for each in effects if isinstance(each, Silence)] == [frozenset({"r1", None})]
    with_detection = Bench(VLLM)
    with_detection.server("session.updated", session={"turn_detection": {"type": "server_vad"}})
    assert [each for each in interrupted(with_detection) if isinstance(each, Silence)]


def test_playback_is_acknowledged_where_that_is_wanted() -> None:
    played = Played("r1", 1, 840, interrupted=True, session=3)
    told = Interruption.acknowledge(VLLM, played, 3)
    assert told is not None
    assert orjson.loads(told) == {"type": "playback.ack", "response_id": "r1", "played_ms": 840}
    assert Interruption.acknowledge(VLLM, played, 4) is None
    assert Interruption.acknowledge(OPENAI, played, 3) is None


def test_the_answer_to_a_keep_alive_is_no_event() -> None:
    def forwarded(dialect: Dialect) -> bool:
        return any(isinstance(each, Forward) for each in Bench(dialect).server("session.heartbeat_ack"))

    assert not forwarded(VLLM)
    assert forwarded(OPENAI)


# -- a new session


def conversation_of(dialect: Dialect) -> Conversation:
    conversation = Conversation(100, plays=False, dialect=dialect)
    texts = {"u1": ("user", "input_text"), "a1": ("assistant", "output_text"), "s1": ("system", "input_text")}
    items = [
        {"id": name, "type": "message", "role": role, "content": [{"type": kind, "text": name}]}
        for name, (role, kind) in texts.items()
    ]
    items.append({"id": "c1", "type": "function_call", "call_id": "k1", "name": "f", "arguments": "{}"})
    items.append({"id": "o1", "type": "function_call_output", "call_id": "k1", "output": "9"})
    for each in items:
        conversation.server_said(classify(orjson.dumps({"type": "conversation.item.added", "item": each})))
    conversation.wishes.application_sent({"session": {"instructions": "You are kind."}})
    return conversation


@pytest.mark.parametrize(
    ("dialect", "created", "agent_text"),
    [
        (OPENAI, ["u1", "a1", "s1", "c1", "o1"], "output_text"),
        (OPENAI_BETA, ["u1", "a1", "s1", "c1", "o1"], "text"),
        (VOICE_LIVE, ["u1", "a1", "s1", "c1", "o1"], "text"),
        (SPEACHES, ["u1", "a1", "s1", "c1", "o1"], "text"),
        (XAI, ["u1", "a1", "s1", "c1", "o1"], "output_text"),
        (VLLM, ["u1"], ""),
        (QWEN, [], ""),
        (TRANSLATION, [], ""),
    ],
    ids=lambda value: value.name if isinstance(value, Dialect) else None,
)
def test_a_new_session_is_given_what_it_can_take(dialect: Dialect, created: list[str], agent_text: str) -> None:
    bench = Bench(dialect, conversation=conversation_of(dialect))
    messages = bench.created() if dialect.greets else bench.connected()
    assert messages[0]["session"]["instructions"] == "You are kind."
    assert [each["item"]["id"] for each in messages[1:]] == created
    kinds = [each["item"]["content"][0]["type"] for each in messages if each.get("item", {}).get("role") == "assistant"]
    assert kinds == ([agent_text] if agent_text else [])
    bench.server("session.updated", session={})
    for each in messages[1:]:
        bench.server("conversation.item.created", item=each["item"])
    restoration = bench.session.restoration
    assert restoration is not None and restoration.outcome() is None, "it was told with the last of them"


def test_an_item_is_not_put_right_where_none_can_be_deleted() -> None:
    for dialect, messages in ((HUGGINGFACE, 0), (OPENAI, 1)):
        bench = Bench(dialect, conversation=conversation_of(dialect))
        bench.created()
        cut = Heard(ItemPart("a1", 0, 0), 100, 200)
        assert len(cut_short(bench.session, cut)) == messages


def test_what_was_asked_of_one_server_is_asked_of_another_in_its_words() -> None:
    conversation = Conversation(None, dialect=OPENAI)
    session = {"type": "realtime", "instructions": "You are kind.", "audio": {"output": {"voice": "marin"}}}
    conversation.wishes.application_sent({"session": session})
    assert Bench(OPENAI, conversation=conversation).created() == [update(session)]
    assert Bench(SPEACHES, conversation=conversation).created() == [update({"instructions": "You are kind."})]
