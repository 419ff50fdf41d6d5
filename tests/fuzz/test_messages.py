"""A server's text message: whatever it is, it is said what it is, and the fast way says the same as the parser."""

from __future__ import annotations

import json

from fuzzing import fuzz
from hypothesis import strategies as st
from short_way import ShortWay

from mod_openai_realtime.conversation.server_error import server_error
from mod_openai_realtime.dialect.messages import Kind, classify, decode_base64
from mod_openai_realtime.dialect.profiles import OPENAI
from mod_openai_realtime.observe.mask import Mask
from mod_openai_realtime.observe.usage import Usage

SHORT_WAY = ShortWay(OPENAI.audio_names)
NAMES = [
    "type",
    "delta",
    "response_id",
    "item_id",
    "content_index",
    "response",
    "error",
    "usage",
    "session",
    "event_id",
]
TYPES = ["response.output_audio.delta", "response.audio.delta", "response.done", "error", "session.created", "x"]
ids = st.sampled_from(["r1", "i1", "", "é", 'a"b', "\\", "a/b"]) | st.text(max_size=8)
base64s = st.text("AQgwB+/-_=", max_size=12) | st.sampled_from(["AAAA", "AAAAAA==", "AAA=", "AA A", "AA\nA"])
numbers = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([0, 1, 10**9, 10**8, -0.0])
values = st.recursive(
    st.none() | st.booleans() | numbers | ids | base64s | st.sampled_from(TYPES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)
# As bytes, so that a name may come twice and tokens may be none.
tokens = st.sampled_from(
    ["00null", "01", "-", "1.", "tru", "nulll", "NaN", '"\\u00"', '"\\ud800"', '"a\tb"', "9999999999", "[", "}"]
)
members = st.tuples(st.sampled_from(NAMES), values.map(json.dumps) | tokens | base64s.map(json.dumps))
spaces = st.sampled_from(["", " ", "\t\r\n ", "\f", "\u00a0"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    parts = [("type", json.dumps(draw(st.sampled_from(TYPES)))), *draw(st.lists(members, max_size=6))]
    text = ",".join(
        f"{draw(spaces)}{json.dumps(name)}{draw(spaces)}:{draw(spaces)}{value}"
        for name, value in draw(st.permutations(parts))
    )
    return f"{{{text}}}{draw(spaces)}".encode("utf-8", "surrogatepass")


def read(data: bytes) -> None:
    message = classify(data)
    SHORT_WAY.agrees(data, message)
    if message.kind is Kind.AUDIO_DELTA and message.audio is not None:
        assert "delta" not in message.fields
    if message.kind not in (Kind.NOT_JSON, Kind.TOO_DEEP):
        json.loads(data)
    error = server_error(message, Mask(["secret-key"]))
    if error is not None:
        assert error.line(suppressed=False).isprintable() and error.word
    usage = Usage()
    usage.response(message.response.get("usage"))
    usage.transcription(message.fields.get("usage"))
    assert all(type(count) is int and 0 <= count < 2**53 for count in usage.counts.values())
    decode_base64(data)


def test_messages() -> None:
    fuzz("messages", read, messages())
