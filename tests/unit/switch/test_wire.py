"""The link's messages as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.switch.wire import (
    MAX_BODY_BYTES,
    MAX_ESCAPED_BYTES,
    MAX_FIELDS,
    Decoder,
    MessageType,
    WireError,
    decode_fields,
    encode,
)

FIELDS = st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=8)


@given(st.lists(FIELDS, max_size=4), st.integers(1, 50))
def test_messages_survive_any_cutting_of_the_stream(bodies: list[dict[str, str]], step: int) -> None:
    data = b"".join(encode(MessageType.EVENT, stream=i, request=7, fields=body) for i, body in enumerate(bodies))
    decoder = Decoder()
    messages = [message for at in range(0, len(data), step) for message in decoder.feed(data[at : at + step])]
    assert [(m.type, m.stream, m.request, m.fields) for m in messages] == [
        (MessageType.EVENT, i, 7, body) for i, body in enumerate(bodies)
    ]


def test_the_layout_is_the_documented_one() -> None:
    message = encode(MessageType.OPEN, stream=2, request=3, fields={"name": "x"})
    assert (
        message.hex() == "0b000000" + "1000" + "0000" + "02000000" + "03000000" + "0400" + "01000000" + b"namex".hex()
    )


@given(st.binary(max_size=60))
def test_any_body_is_fields_or_an_error(body: bytes) -> None:
    try:
        fields = decode_fields(body)
    except WireError:
        return
    assert isinstance(fields, dict)


def test_bytes_that_are_no_utf8_survive() -> None:
    (message,) = Decoder().feed(encode(MessageType.EVENT, fields={"body": b"\xff\x00a"}))
    assert message.fields["body"].encode("utf-8", "surrogateescape") == b"\xff\x00a"
    again = encode(MessageType.EVENT, fields={"body": message.fields["body"]})
    assert again.endswith(b"\xff\x00a")


def test_the_bytes_of_a_payload_that_are_no_utf8_are_some_text() -> None:
    """Which is no base64."""
    (message,) = Decoder().feed(encode(MessageType.COMMAND, fields={"arguments": b"\xff" * (MAX_ESCAPED_BYTES + 1)}))
    text = message.fields["arguments"]
    assert len(text) == MAX_ESCAPED_BYTES + 1
    assert not text.isascii()
    text.encode()  # nothing in it is escaped


def test_a_header_that_is_none_is_refused() -> None:
    with pytest.raises(WireError, match="header"):
        list(Decoder().feed(bytes(6) + b"\x01" + bytes(9)))


def test_a_body_of_more_fields_than_a_channel_has_variables_is_refused() -> None:
    many = {str(number): "" for number in range(MAX_FIELDS + 1)}
    with pytest.raises(WireError, match="fields"):
        list(Decoder().feed(encode(MessageType.COMMAND, fields=many)))


def test_a_body_over_the_limit_is_refused_before_it_is_buffered() -> None:
    with pytest.raises(WireError, match="limit"):
        list(Decoder().feed((MAX_BODY_BYTES + 1).to_bytes(4, "little") + bytes(12)))
    with pytest.raises(ValueError, match="too large"):
        encode(MessageType.EVENT, fields={"body": bytes(MAX_BODY_BYTES)})
