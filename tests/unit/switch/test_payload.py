"""Payloads: strict base64 and strict JSON, with the bytes kept as they are."""

import base64
import binascii
import json
from pathlib import Path
from typing import NoReturn

import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.dialect.messages import MAX_VALUES
from mod_openai_realtime.switch import reasons
from mod_openai_realtime.switch.payload import MAX_PAYLOAD_BYTES, PayloadError, decode_payload

DATA = Path(__file__).resolve().parents[2] / "data" / "payload"
VALID = json.loads((DATA / "valid.json").read_text())
NOT_JSON = json.loads((DATA / "not_json.json").read_text())


def encode(message: bytes) -> str:
    return base64.b64encode(message).decode()


def reason_of(text: str) -> str:
    with pytest.raises(PayloadError) as caught:
        decode_payload(text)
    return caught.value.reason


@pytest.mark.parametrize("text", VALID, ids=[ascii(text[:40]) for text in VALID])
def test_valid_json_comes_out_unchanged(text: str) -> None:
    message = text.encode()

    assert decode_payload(encode(message)) == message


@pytest.mark.parametrize("text", NOT_JSON, ids=[ascii(text[:40]) for text in NOT_JSON])
def test_what_is_not_one_json_value_is_refused(text: str) -> None:
    assert reason_of(encode(text.encode())) == reasons.PAYLOAD_NOT_JSON


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ij8/Pj4i", '"??>>"'),
        ("Ij8_Pj4i", '"??>>"'),
        ("Ij8/fn5+Ig==", '"??~~~"'),
        ("Ij8_fn5-Ig", '"??~~~"'),
        ("Ij8_fn5+Ig", '"??~~~"'),
        ("MTI=", "12"),
        ("MTI", "12"),
        ("MQ==", "1"),
        ("MQ", "1"),
    ],
)
def test_both_alphabets_are_taken_with_and_without_padding(text: str, message: str) -> None:
    assert decode_payload(text) == message.encode()


@pytest.mark.parametrize(
    "text",
    ["M", "MQ=", "MQ===", "M===", "=", "====",
     "MQ==MQ==", "M=Q=", "W1 0=", "W10=\n", " W10=", "W10*", "W10=x", "MQé=", "١١==", "W10=\0"],
)  # fmt: skip
def test_malformed_base64_is_refused(text: str) -> None:
    assert reason_of(text) == reasons.PAYLOAD_NOT_BASE64


@pytest.mark.parametrize(
    "message",
    [b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"',
     b'"\xe2\x82"', b'"\x80"', b"\xff\xfe{\0}\0", b'\0"\xff"'],
)  # fmt: skip
def test_bytes_that_are_not_utf8_are_refused(message: bytes) -> None:
    assert reason_of(encode(message)) == reasons.PAYLOAD_NOT_UTF8


@pytest.mark.parametrize("message", [b"\0", b"{}\0", b'"a\0b"', b"[\0]", b"{\0}\0", b"nonsense\0"])
def test_a_nul_byte_is_refused_wherever_it_stands(message: bytes) -> None:
    assert reason_of(encode(message)) == reasons.PAYLOAD_HAS_NUL


def test_the_largest_payload_is_taken_and_one_more_byte_is_not() -> None:
    message = b'"' + b"x" * (MAX_PAYLOAD_BYTES - 2) + b'"'

    assert decode_payload(encode(message)) == message
    assert reason_of(encode(message + b" ")) == reasons.PAYLOAD_TOO_LARGE
    assert reason_of(encode(message + b"    ")) == reasons.PAYLOAD_TOO_LARGE


@pytest.mark.parametrize("message", [b'"' + b'\\"' * 2_000_000, b'"' * 4_000_001, b"1." * 1_000_000])
def test_a_hostile_payload_is_refused_in_linear_time(message: bytes) -> None:
    assert reason_of(encode(message)) == reasons.PAYLOAD_NOT_JSON


@pytest.mark.parametrize("message", [b"[" * 4_000_000, b"[" + b"1e999," * MAX_VALUES + b"0]", b"{}," * MAX_VALUES])
def test_what_has_too_many_values_is_refused_before_it_is_parsed(
    message: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mod_openai_realtime.switch.payload.is_json", None)
    assert reason_of(encode(message)) == reasons.PAYLOAD_HAS_TOO_MANY


def test_as_many_values_as_may_be_are_taken() -> None:
    message = b"[" + b"0," * (MAX_VALUES - 2) + b"0]"
    assert decode_payload(encode(message)) == message


def strict_json(text: str) -> bool:
    """The standard library's verdict: it keeps numbers as text here, and takes escapes of lone surrogates."""

    def refuse(_: str) -> NoReturn:
        raise ValueError

    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=refuse)
    except ValueError:
        return False
    return True


TOKENS = st.sampled_from(
    [
        *'{}[],:.e+-0"\\\x01\x0b \né\ufeff',
        *('"a"', '""', '"\\ud800"', "\\u12", "\\u0041", "1", "01", "1e400", "-1e999", "9" * 400),
        *("true", "null", "NaN", "Infinity"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(TOKENS, max_size=12).map("".join) | VALUES.map(json.dumps))
@examples(300)
def test_json_is_taken_exactly_where_the_standard_library_takes_it(text: str) -> None:
    message = text.encode()
    try:
        taken = decode_payload(encode(message)) == message
    except PayloadError as error:
        assert error.reason == reasons.PAYLOAD_NOT_JSON
        taken = False

    assert taken == strict_json(text)


@given(st.text("AQW1e30=+/-_ {\n") | st.text() | st.binary().map(encode))
@examples(200)
def test_any_text_is_a_payload_or_one_of_the_reasons(text: str) -> None:
    try:
        message = decode_payload(text)
    except PayloadError as error:
        assert error.reason in {
            reasons.PAYLOAD_NOT_BASE64,
            reasons.PAYLOAD_NOT_UTF8,
            reasons.PAYLOAD_HAS_NUL,
            reasons.PAYLOAD_NOT_JSON,
        }
        return
    padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
    assert message == binascii.a2b_base64(padded.replace("-", "+").replace("_", "/"))
