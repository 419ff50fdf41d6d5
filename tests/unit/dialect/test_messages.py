import base64
import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from short_way import ShortWay

from mod_openai_realtime._media import json_shape
from mod_openai_realtime.dialect.messages import (
    MAX_VALUES,
    Kind,
    classify,
    decode_base64,
)
from mod_openai_realtime.dialect.profiles import OPENAI

SHORT_WAY = ShortWay(OPENAI.audio_names)
DELTA_NAMES = ["response.output_audio.delta", "response.audio.delta"]
DECOYS = [
    '"type":"response.output_audio.delta"',
    '"delta":"AAAA"',
    "delta",
    "type",
    *DELTA_NAMES,
    "AAAA",
    "AA==",
    "not base64!",
    "\\",
    '"',
    "",
]
TEXTS = st.one_of(
    st.sampled_from(DECOYS), st.text(max_size=8), st.binary(max_size=9).map(lambda b: base64.b64encode(b).decode())
)
SCALARS = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(-(2**53), 2**53))
KEYS = st.one_of(st.sampled_from(["type", "delta", "response_id", "item_id", "content_index"]), TEXTS)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
SPACE = st.text(" \t\r\n", max_size=2)


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """The text of an object, with white space, repeated keys and every kind of decoy."""
    members: list[tuple[str, Any]] = draw(st.lists(st.tuples(KEYS, VALUES), max_size=4))
    if draw(st.booleans()):
        members.append(("type", draw(st.sampled_from(DELTA_NAMES))))
    if draw(st.booleans()):
        members.append(("delta", draw(TEXTS)))
    members = draw(st.permutations(members))
    separators = (draw(SPACE) + "," + draw(SPACE), draw(SPACE) + ":" + draw(SPACE))
    ascii_only = draw(st.booleans())
    body = separators[0].join(
        json.dumps(key, ensure_ascii=ascii_only)
        + separators[1]
        + json.dumps(value, ensure_ascii=ascii_only, separators=separators)
        for key, value in members
    )
    return f"{draw(SPACE)}{{{body}}}{draw(SPACE)}".encode("utf-8", "surrogatepass")


def check(payload: bytes) -> bool:
    """What is found without parsing is what the parser says; whether anything was found."""
    return SHORT_WAY.agrees(payload, classify(payload))


@given(objects())
@example(b'{"type":"response.audio.delta","x":{"delta":"AAAA"}}')
@example(b'{"type":"response.audio.delta","delta":"AAAA","delta":"AAA="}')
@example(b'{"type":"response.audio.delta","delta":"AAAA", "delta" : "AAA="}')
@example(b'{"type":"response.audio.delta","delta":"AAAA","d\\u0065lta":"AAA="}')
@example(b'{"type":"response.audio.delta","x":{"delta":"AAAA"},"delta" :"AAA="}')
@example(b'{"delta":"AAAA","type":"response.audio.delta","type":"response.done"}')
@example(b'{"type":"response.audio.delta","x":",\\"delta\\":\\"AAAA"}')
@example(b'{"type":"response.audio.delta","x":["delta",{"delta":"AAAA"}]}')
@example(b'{"type":"response.audio.delta","delta":"AAAA","content_index":1,"content_index":2}')
@example(b'{"type":"response.audio.delta","delta":"AAAA","response":{"id":"r"}}')
@example(b'{"type":"response.audio.delta","delta":"AAAA","x":00null}')
def test_what_is_found_without_parsing_is_what_parsing_gives(payload: bytes) -> None:
    check(payload)


@given(objects(), st.data())
def test_the_same_of_broken_texts(payload: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(payload)))
    check(payload[:at] + data.draw(st.binary(max_size=2)) + payload[at + data.draw(st.integers(0, 2)) :])


@given(st.data())
def test_the_same_of_a_plain_delta_with_a_few_bytes_changed(data: st.DataObject) -> None:
    payload = bytearray(
        b'{"type":"response.audio.delta", "item_id" : "i","content_index":10,"x":true,"delta":"AAECAw=="}'
    )
    for _ in range(data.draw(st.integers(0, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(
            st.sampled_from(b'{}[]",:\\0 7-+.eE=A\t\x00\xc3')
        )
    check(bytes(payload))


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(payload: bytes) -> None:
    check(payload)


@pytest.mark.parametrize(
    "rest",
    ["", ',"response_id":"r"', ',"content_index":0', ',"content_index":123456789', ',"a":null,"b":false,"c":"","d":0'],
)
@pytest.mark.parametrize("name", DELTA_NAMES)
def test_plain_deltas_are_found(name: str, rest: str) -> None:
    assert check(f'{{"type":"{name}","delta":"AAECAw=="{rest}}}'.encode())
    assert check(f' {{ "delta" : "AA==" , "type"\n:\t"{name}"{rest} }} '.encode())


@pytest.mark.parametrize(
    "rest",
    [
        ',"response_id":null',
        ',"response_id":"r\\u0031"',
        ',"response_id":"ä"',
        ',"content_index":01',
        ',"content_index":-1',
        ',"content_index":1.0',
        ',"content_index":1e0',
        ',"content_index":1234567890123',
        ',"x":{}',
        ',"x":[]',
        ',"delta":"AAAA"',
        ',"x":"\x7f"',
        ',"x":00null',
        ',"x":1234567890true',
        ',"x":"\\u0031"1',
        ",",
        "}",
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(rest: str) -> None:
    assert not check(f'{{"type":"response.audio.delta","delta":"AAECAw=="{rest}}}'.encode())


@pytest.mark.parametrize("name", DELTA_NAMES)
def test_an_audio_delta_gives_its_audio_and_where_it_belongs(name: str) -> None:
    payload = orjson.dumps(
        {
            "type": name,
            "event_id": "e",
            "response_id": "r",
            "item_id": "i",
            "output_index": 0,
            "content_index": 2,
            "delta": base64.b64encode(b"\1\2\3\4").decode(),
        }
    )
    message = classify(payload)
    assert message.kind is Kind.AUDIO_DELTA
    assert message.type == name
    assert message.audio == b"\1\2\3\4"
    assert (message.response_id, message.item_id, message.content_index) == ("r", "i", 2)
    assert "delta" not in message.fields
    assert message.fields["event_id"] == "e"
    assert SHORT_WAY.takes(payload, ("r", "i", 2)) == b"\1\2\3\4"


@pytest.mark.parametrize("delta", ['"AAA"x', "12", "null", '"A"', '"A A="', '"AAAA\\n"'])
def test_a_malformed_audio_delta_has_no_audio(delta: str) -> None:
    message = classify(b'{"type":"response.output_audio.delta","delta":%s}' % delta.encode())
    assert message.audio is None


def test_a_delta_that_is_missing_or_empty_is_told_apart() -> None:
    assert classify(b'{"type":"response.output_audio.delta"}').audio is None
    assert classify(b'{"type":"response.output_audio.delta","delta":""}').audio == b""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("response.output_audio.done", Kind.AUDIO_DONE),
        ("response.audio.done", Kind.AUDIO_DONE),
        ("input_audio_buffer.speech_started", Kind.SPEECH_STARTED),
        ("response.created", Kind.RESPONSE_CREATED),
        ("response.done", Kind.RESPONSE_DONE),
        ("session.created", Kind.SESSION_CREATED),
        ("session.updated", Kind.SESSION_UPDATED),
        ("error", Kind.ERROR),
        ("response.output_audio_transcript.delta", Kind.OTHER),
    ],
)
def test_kinds(name: str, kind: Kind) -> None:
    message = classify(orjson.dumps({"event_id": "e", "type": name, "response": {"id": "r"}}))
    assert (message.kind, message.type) == (kind, name)
    assert message.fields["response"] == {"id": "r"}


@pytest.mark.parametrize("payload", [b"[1]", b'"type"', b"1", b"{}", b'{"type":1}', b'{"x":{"type":"error"}}'])
def test_json_without_a_type_is_other(payload: bytes) -> None:
    message = classify(payload)
    assert (message.kind, message.type) == (Kind.OTHER, None)


@pytest.mark.parametrize("payload", [b"", b"hello", b'{"type":"error"', b'{"type":"\xff"}', b"{}{}", b"NaN"])
def test_what_is_no_json_is_told(payload: bytes) -> None:
    assert classify(payload).kind is Kind.NOT_JSON


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_to_128_passes_and_beyond_it_is_too_deep(opening: bytes, closing: bytes) -> None:
    def nested(depth: int) -> bytes:
        return opening * depth + b"1" + closing * depth

    assert classify(nested(128)).kind is Kind.OTHER
    for depth in (129, 1024, 1025, 100_000):
        assert classify(nested(depth)).kind is Kind.TOO_DEEP


def test_brackets_in_strings_and_side_by_side_are_not_depth() -> None:
    assert classify(orjson.dumps({"type": "error", "a": ['["{' * 300]})).kind is Kind.ERROR
    assert classify(orjson.dumps({"type": "error", "a": [[]] * 300})).kind is Kind.ERROR


@pytest.mark.parametrize(
    "many",
    [
        b"[" + b"[]," * MAX_VALUES + b"0]",
        b"[" + b"0," * MAX_VALUES + b"0]",
        b"{" + b",".join(b'"%d":{}' % number for number in range(MAX_VALUES // 2)) + b"}",
    ],
    ids=["lists", "numbers", "names"],
)
def test_what_has_too_many_values_is_not_parsed(many: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mod_openai_realtime.dialect.messages.orjson.loads", None)
    assert classify(b'{"type":"error","a":' + many + b"}").kind is Kind.UNREAD


def test_the_number_of_values_counts_and_not_the_length() -> None:
    few = {"type": "error", "a": ["[{,:" * 500_000, [0] * (MAX_VALUES // 2)]}
    assert classify(orjson.dumps(few)).kind is Kind.ERROR


def nesting(text: bytes) -> int:
    depth = deepest = 0
    for character in re.sub(rb'"(?:[^"\\]|\\.)*"?', b"", text, flags=re.DOTALL):
        depth += (character in b"[{") - (character in b"]}")
        deepest = max(deepest, depth)
    return deepest


CRUMBS = [b"[", b"]", b"{", b"}", b'"', b"\\", b",", b":", b"a", b'"' + b"a" * 40, b"\\" * 33]


@given(st.lists(st.sampled_from(CRUMBS), max_size=60).map(b"".join))
def test_depth_and_values_are_counted_outside_of_strings(text: bytes) -> None:
    outside = re.sub(rb'"(?:[^"\\]|\\.)*"?', b"", text, flags=re.DOTALL)
    assert json_shape(text, 1000, 1000) == (nesting(text), 1 + sum(map(outside.count, (b"[", b"{", b",", b":"))))


def test_counting_goes_no_further_than_to_just_above_a_limit() -> None:
    assert json_shape(b"[" * 1_000_000, 128, 1000) == (129, 130)
    assert json_shape(b"0," * 1_000_000, 128, 1000) == (0, 1001)


def test_an_audio_delta_nested_too_deep_is_too_deep() -> None:
    deep = b"[" * 200 + b"]" * 200
    payload = b'{"type":"response.audio.delta","delta":"AAAA","x":' + deep + b"}"
    assert classify(payload).kind is Kind.TOO_DEEP


@given(st.binary(max_size=200), st.booleans(), st.booleans())
def test_base64_is_read_in_both_alphabets_padded_or_not(data: bytes, url_safe: bool, padded: bool) -> None:
    text = base64.urlsafe_b64encode(data) if url_safe else base64.b64encode(data)
    assert decode_base64(text if padded else text.rstrip(b"=")) == data


@pytest.mark.parametrize(
    "text",
    [
        b"A",
        b"AAAAA",
        b"A===",
        b"AA=",
        b"AA=A",
        b"AA==AA==",
        b"AAA\n",
        b" AAAA",
        b"AA A",
        b"+-AA",
        b"_/AA",
        b"=",
        b"====",
    ],
)
def test_malformed_base64_is_refused(text: bytes) -> None:
    assert decode_base64(text) is None
