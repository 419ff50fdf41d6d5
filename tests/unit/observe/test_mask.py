"""What is shown of texts that may hold a key."""

from __future__ import annotations

import pytest

from mod_openai_realtime.observe.mask import Mask

MASK = Mask(["sk-top/secret", "prod-header-value"])


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"key sk-top/secret!", "key ***!"),
        (rb'"sk-top\/secret"', '"***"'),
        (b"sk-top%2Fsecret", "***"),
        (b"it is sk-top/sec", "it is ***"),
        (b"it is sk-", "it is sk-"),
        (b"it is sk-top/sec ...", "it is *** ..."),
        (b"prod prod-head", "prod ***"),
        (b"\xff\xfe\x00\x07 tail", "\ufffd\ufffd tail"),
        ("\u202eleft\u2028line".encode(), "left line"),
        (b"Incorrect API key provided: sk-other-0123456789.", "Incorrect API key provided: ***."),
        (b"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Authorization: Bearer ***"),
        (b"a task-oriented bearer authentication", "a task-oriented bearer authentication"),
    ],
)
def test_what_is_shown(body: bytes, shown: str) -> None:
    assert MASK.excerpt(body.decode("utf-8", "replace"), 200) == shown


def test_an_excerpt_is_bounded_and_no_secret_is_cut_out_of_it() -> None:
    text = "x" * 95 + "sk-top/secret" * 100_000
    assert MASK.excerpt(text, 100) == "x" * 95 + "*****"


def test_without_secrets_texts_stay_as_they_are() -> None:
    assert Mask([]).hide("what\nyou will") == "what\nyou will"
