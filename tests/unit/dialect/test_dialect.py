"""What is the same for all dialects that are known, and what a dialect says of itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter
from short_way import ShortWay

from mod_openai_realtime.audio.audio_format import AudioFormat, Encoding, Side
from mod_openai_realtime.dialect.dialect import Dialect, Formats, Gate, Shape
from mod_openai_realtime.dialect.messages import KINDS, Kind, classify
from mod_openai_realtime.dialect.profiles import (
    HUGGINGFACE,
    INWORLD,
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
from mod_openai_realtime.dialect.session_formats import asking_session, stated_format

ALL = pytest.mark.parametrize("dialect", PROFILES.values(), ids=PROFILES)


def append_message(dialect: Dialect) -> bytes:
    return dialect.append_head + b"AAAA" + dialect.append_tail


def test_a_server_of_which_nothing_is_known_speaks_as_ever() -> None:
    assert append_message(OPENAI) == b'{"type":"input_audio_buffer.append","audio":"AAAA"}'
    assert dict(OPENAI.kinds) == KINDS
    assert (OPENAI.gate, OPENAI.greets, OPENAI.truncates, OPENAI.cancels) == (Gate.OPEN, True, True, True)
    assert OPENAI.input == OPENAI.output == Formats()


@ALL
def test_caller_audio_is_one_string_in_a_message_of_the_dialect(dialect: Dialect) -> None:
    message = orjson.loads(append_message(dialect))
    assert message == {"type": dialect.append, "audio": "AAAA"}
    if dialect.append == OPENAI.append:
        TypeAdapter(RealtimeClientEvent).validate_python(message, strict=True)


@ALL
def test_both_parsers_know_the_audio_of_a_dialect_and_no_other(dialect: Dialect) -> None:
    for name in ("response.output_audio.delta", "response.audio.delta", "session.output_audio.delta"):
        payload = orjson.dumps({"type": name, "delta": "AQI="})
        known = name in dialect.audio_deltas
        assert (classify(payload, dialect.kinds).kind is Kind.AUDIO_DELTA) is known
        assert ShortWay(dialect.audio_names).takes(payload) == (b"\1\2" if known else None)


@ALL
def test_a_rate_that_is_asked_for_is_one_that_a_stream_can_use(dialect: Dialect) -> None:
    for side in Side:
        known = dialect.formats(side)
        for wanted in range(8000, 48001, 8000):
            rate = known.pcm_rate(wanted)
            assert rate % 8000 == 0 and (not known.rates or rate in known.rates)
            assert rate >= min(wanted, max(known.rates, default=rate)), "no lower than it has to be"


@ALL
def test_what_is_asked_for_is_understood_where_it_is_stated(dialect: Dialect) -> None:
    for side in Side:
        known = dialect.formats(side)
        for encoding in Encoding:
            rate = known.pcm_rate(16000) if encoding is Encoding.PCM else 8000
            session = asking_session(dialect, {side: AudioFormat(encoding, rate)})
            if not known.takes(encoding) or not known.name(encoding, rate):
                assert session == {}
                continue
            stated = stated_format(session, side)
            assert stated is not None and stated[0] is encoding
            if encoding is Encoding.PCM and known.rates:
                assert stated[1] in (rate, None)
            assert session.get("type", "") == dialect.session_type


BOTH_16K = {Side.CAPTURE: AudioFormat(Encoding.PCM, 16000), Side.PLAYBACK: AudioFormat(Encoding.PCM, 16000)}
ULAW = {Side.CAPTURE: AudioFormat(Encoding.PCMU, 8000)}


@pytest.mark.parametrize(
    ("dialect", "formats", "session"),
    [
        (OPENAI, ULAW, {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}),
        (OPENAI_BETA, ULAW, {"input_audio_format": "g711_ulaw"}),
        (TRANSCRIPTION, ULAW, {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}),
        (XAI, ULAW, {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}),
        (
            XAI,
            BOTH_16K,
            {
                "audio": {
                    "input": {"format": {"type": "audio/pcm", "rate": 16000}},
                    "output": {"format": {"type": "audio/pcm", "rate": 16000}},
                }
            },
        ),
        (
            VOICE_LIVE,
            BOTH_16K,
            {
                "input_audio_format": "pcm16",
                "input_audio_sampling_rate": 16000,
                "output_audio_format": "pcm16_16000hz",
            },
        ),
        (QWEN, BOTH_16K, {}),
        (VLLM, BOTH_16K, {}),
        (SPEACHES, BOTH_16K, {}),
        (TRANSLATION, BOTH_16K, {}),
    ],
)
def test_formats_are_asked_for_in_the_server_s_own_words(
    dialect: Dialect, formats: dict[Side, AudioFormat], session: dict[str, Any]
) -> None:
    assert asking_session(dialect, formats) == session


@pytest.mark.parametrize(
    ("dialect", "wanted", "capture", "playback"),
    [
        (OPENAI, 8000, 8000, 8000),
        (VOICE_LIVE, 8000, 16000, 8000),
        (VOICE_LIVE, 48000, 24000, 24000),
        (XAI, 8000, 8000, 24000),
        (XAI, 40000, 48000, 24000),
        (HUGGINGFACE, 8000, 16000, 16000),
        (HUGGINGFACE, 24000, 24000, 24000),
        (QWEN, 24000, 16000, 24000),
        (SPEACHES, 8000, 24000, 24000),
        (INWORLD, 16000, 16000, 16000),
    ],
)
def test_the_rate_is_the_stream_s_where_the_server_can(
    dialect: Dialect, wanted: int, capture: int, playback: int
) -> None:
    assert (dialect.input.pcm_rate(wanted), dialect.output.pcm_rate(wanted)) == (capture, playback)


def test_a_session_is_left_before_its_end() -> None:
    assert OPENAI.rollover_s == 3300
    assert SPEACHES.rollover_s == 1500
    assert replace(OPENAI, session_limit_s=60).rollover_s == 30
    assert VLLM.rollover_s is None


def test_events_that_a_server_does_not_know_are_told_by_the_dialect() -> None:
    assert {name for name, each in PROFILES.items() if not each.truncates} == {
        "qwen",
        "speaches",
        "inworld",
        "openai-transcription",
        "openai-translation",
    }
    assert {name for name, each in PROFILES.items() if not each.cancels} == {
        "speaches",
        "openai-transcription",
        "openai-translation",
    }
    assert {name for name, each in PROFILES.items() if not each.given_items} == {
        "qwen",
        "openai-transcription",
        "openai-translation",
    }
    assert not HUGGINGFACE.deletes_items


def test_what_a_flat_session_is_called_is_the_beta_s() -> None:
    flat = {each.name for each in PROFILES.values() if each.shape is Shape.FLAT}
    assert flat == {"openai-beta", "voice-live", "qwen", "speaches"}
    assert all(PROFILES[name].agent_text == "text" for name in flat)
