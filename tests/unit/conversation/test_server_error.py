"""What a server says that went wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mod_openai_realtime.conversation.server_error import BURST, MAX_MESSAGE, LogLimit, ServerError, server_error
from mod_openai_realtime.dialect.messages import classify
from mod_openai_realtime.observe.mask import Mask

SECOND_NS = 1_000_000_000
FAILED = "conversation.item.input_audio_transcription.failed"


def said(**message: Any) -> ServerError | None:
    return server_error(classify(json.dumps(message).encode()), Mask(["sk-top/secret"]))


@pytest.mark.parametrize(
    ("message", "line", "suppressed", "word"),
    [
        (
            {"type": "error", "error": {"type": "invalid_request_error", "code": "bad_x", "message": "X\nis bad."}},
            "server error: type invalid_request_error, code bad_x: X is bad.",
            "server error: type invalid_request_error, code bad_x",
            "bad_x",
        ),
        (
            {"type": "error", "error": {"type": "server_error", "code": None, "message": "Sorry"}},
            "server error: type server_error: Sorry",
            "server error: type server_error",
            "server_error",
        ),
        ({"type": "error", "error": {"code": 42}}, "server error: code 42", "server error: code 42", "42"),
        ({"type": "error", "error": "no room"}, "server error: no room", "server error", "error"),
        ({"type": "error", "code": "c", "message": "m"}, "server error: code c: m", "server error: code c", "c"),
        ({"type": "error"}, "server error", "server error", "error"),
        ({"type": "error", "error": []}, "server error", "server error", "error"),
        (
            {
                "type": "response.done",
                "response": {
                    "status": "failed",
                    "status_details": {"error": {"type": "insufficient_quota", "code": "q", "message": "Pay."}},
                },
            },
            "response failed: type insufficient_quota, code q: Pay.",
            "response failed: type insufficient_quota, code q",
            "q",
        ),
        ({"type": "response.done", "response": {"status": "failed"}}, "response failed", "response failed", "error"),
        (
            {"type": FAILED, "error": {"type": "transcription_error", "code": "audio_unintelligible"}},
            "transcription failed: type transcription_error, code audio_unintelligible",
            "transcription failed: type transcription_error, code audio_unintelligible",
            "audio_unintelligible",
        ),
    ],
)
def test_an_error_is_told_with_type_code_and_message(
    message: dict[str, Any], line: str, suppressed: str, word: str
) -> None:
    found = said(**message)
    assert found is not None
    assert (found.line(suppressed=False), found.line(suppressed=True), found.word) == (line, suppressed, word)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "response.done", "response": {"status": "completed", "status_details": None}},
        {"type": "response.done", "response": {"status": "cancelled", "status_details": {"reason": "turn_detected"}}},
        {"type": "response.done", "response": []},
        {"type": "session.created", "error": {"code": "x"}},
        {"type": "conversation.item.input_audio_transcription.completed"},
    ],
)
def test_what_is_none_is_not_told(message: dict[str, Any]) -> None:
    assert said(**message) is None


def test_an_error_fits_on_one_line_whatever_it_holds() -> None:
    found = said(type="error", error={"type": "t" * 999, "code": "\x1b[31m\n", "message": "m\r\n" * 999})
    assert found is not None
    line = found.line(suppressed=False)
    assert line.isprintable() and len(line) < MAX_MESSAGE + 200


@pytest.mark.parametrize("key", ["sk-top/secret", "sk-of-somebody-else"])
@pytest.mark.parametrize("place", ["type", "code", "message"])
def test_a_key_that_the_server_repeats_is_hidden(key: str, place: str) -> None:
    for before in ("", "x" * (MAX_MESSAGE - 6), "x " * 100_000):
        found = said(type="error", error={place: f"{before} Incorrect API key provided: {key}."})
        assert found is not None
        assert "sk-" not in found.line(suppressed=False) + found.word


def test_a_flood_of_errors_is_let_through_slowly_and_counted() -> None:
    limit = LogLimit()
    now = 100 * SECOND_NS
    told = [limit.admit(now + each * SECOND_NS // 50) for each in range(150)]
    assert told[:BURST] == [0] * BURST
    later = [count for count in told[BURST:] if count is not None]
    assert len(later) == 2
    assert limit.admit(now + 60 * SECOND_NS) == told[BURST:].count(None) - sum(later)
    assert limit.admit(now + 60 * SECOND_NS) == 0
