"""The payload of `send_json` is taken exactly where it is base64 of one JSON value as RFC 8259 has it."""

from __future__ import annotations

import base64
import json
import re

from fuzzing import fuzz
from hypothesis import strategies as st

from mod_openai_realtime.switch import reasons
from mod_openai_realtime.switch.payload import PayloadError, decode_payload

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
texts = values.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
pieces = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b'"a"',
    b"1",
    b"01",
    b"1.",
    b".5",
    b"1e5",
    b"1E+",
    b"-",
    b"-0",
    b"1e999",
    b"null",
    b"true",
]
pieces += [
    b" ",
    b"\t",
    b"\n",
    b"\r",
    b"\f",
    b"\xc2\xa0",
    b"\xef\xbb\xbf",
    b"\0",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\x",
    b"NaN",
    b"Infinity",
    b"\xff",
]
broken = st.lists(st.sampled_from(pieces), max_size=10).map(b"".join)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    message = draw(texts | broken | st.builds(bytes.__add__, texts, broken))
    text = base64.b64encode(message)
    if draw(st.booleans()):
        text = text.rstrip(b"=")
    if draw(st.booleans()):
        text = text.translate(bytes.maketrans(b"+/", b"-_"))
    return text + draw(st.sampled_from([b"", b"", b"", b"=", b"A", b" ", b"\n"]))


def refuse(text: str) -> object:
    raise ValueError(text)


def expected(text: str) -> bytes | None:
    """By the standard library; None where it is to be refused."""
    standard = text.replace("-", "+").replace("_", "/")
    if not standard.endswith("="):
        standard += "=" * (-len(standard) % 4)
    if not re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", standard):
        return None
    message = base64.b64decode(standard)
    try:
        decoded = message.decode("utf-8")
        if "\0" in decoded or decoded.startswith("\ufeff"):
            return None
        json.loads(decoded, parse_constant=refuse, parse_int=str, parse_float=str)
    except ValueError:
        return None
    return message


def read(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    wanted = expected(text)
    try:
        taken = decode_payload(text)
    except PayloadError as error:
        assert wanted is None, error.reason
        assert error.reason in vars(reasons).values()
    else:
        assert taken == wanted


def test_payload() -> None:
    fuzz("payload", read, payloads())
