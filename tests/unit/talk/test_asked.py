"""What a page may ask, and how much of it."""

import json

import pytest

from mod_openai_realtime.talk.asked import (
    AUDIO_BURST_BYTES,
    MESSAGES_AT_ONCE,
    Audio,
    HangUp,
    Keys,
    PageError,
    Reader,
)

NOW_NS = 10**12


def test_audio_keys_and_the_end_are_understood() -> None:
    reader = Reader()
    assert reader.read(b"\x01\x00" * 480, NOW_NS) == Audio(b"\x01\x00" * 480)
    assert reader.read('{"type":"keys","digits":"12#"}', NOW_NS) == Keys("12#")
    assert reader.read('{"type":"hang_up"}', NOW_NS) == HangUp()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no JSON",
        "[]",
        "null",
        '{"type":"execute","application":"system"}',
        '{"type":"keys"}',
        '{"type":"keys","digits":1}',
        '{"type":"keys","digits":""}',
        '{"type":"keys","digits":"1;hupall"}',
        json.dumps({"type": "keys", "digits": "1" * 33}),
        b"\x01",
    ],
)
def test_nothing_else_is(message: str | bytes) -> None:
    with pytest.raises(PageError):
        Reader().read(message, NOW_NS)


def test_a_call_is_not_flooded_with_audio() -> None:
    reader, half = Reader(), bytes(AUDIO_BURST_BYTES // 2)
    reader.read(half, NOW_NS)
    reader.read(half, NOW_NS)
    with pytest.raises(PageError, match="too much audio"):
        reader.read(bytes(2), NOW_NS)
    assert reader.read(bytes(2), NOW_NS + 10**9)


def test_48_khz_may_be_said_for_ever() -> None:
    reader = Reader()
    for each in range(50 * 120):
        reader.read(bytes(2 * 960), NOW_NS + each * 20_000_000)


def test_a_call_is_not_flooded_with_keys() -> None:
    reader = Reader()
    for _ in range(MESSAGES_AT_ONCE):
        reader.read('{"type":"keys","digits":"1"}', NOW_NS)
    with pytest.raises(PageError, match="too many"):
        reader.read('{"type":"keys","digits":"1"}', NOW_NS)
