"""What a module sends to the engine: the same messages however it is cut, and what was encoded is decoded."""

from __future__ import annotations

from fuzzing import fuzz
from hypothesis import strategies as st

from mod_openai_realtime.switch.channel_facts import ChannelFacts, FactsError, is_on_hold
from mod_openai_realtime.switch.wire import Decoder, Message, MessageType, WireError, encode

NAMES = ["uuid", "api", "arguments", "read_rate", "write_rate", "ptime_ms", "on_hold", "STREAM_RECORD", ""]
texts = st.sampled_from(["8000", "20", "0", "-1", "1e9", "\u0661", "9" * 5000, "", "list", "\x1b[2J"]) | st.text(
    max_size=6
)
fields = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), texts, max_size=5)
numbers = st.integers(0, 2**32 - 1)
bodies = st.builds(
    lambda kind, stream, request, fields: encode(kind, stream=stream, request=request, fields=_utf8(fields)),
    st.sampled_from(MessageType),
    numbers,
    numbers,
    fields,
)
broken = st.lists(bodies | st.binary(max_size=30), max_size=4).map(b"".join)


def _utf8(fields: dict[str, str]) -> dict[str, str | bytes]:
    return {
        name.encode("utf-8", "replace").decode(): value.encode("utf-8", "replace") for name, value in fields.items()
    }


def decode(data: bytes, piece: int) -> tuple[list[Message], str]:
    decoder, messages = Decoder(), []
    try:
        for at in range(0, len(data), piece):
            messages += decoder.feed(data[at : at + piece])
    except WireError as error:
        return messages, str(error)
    return messages, ""


def read(data: bytes) -> None:
    if not data:
        return
    whole, why = decode(data[1:], len(data))
    in_pieces, _ = decode(data[1:], 1 + data[0] % 61)
    # A whole read may be refused before its last messages are told of, never after.
    assert whole == in_pieces[: len(whole)] and (why or whole == in_pieces)
    for message in whole:
        try:
            facts = ChannelFacts.read(message.fields)
        except FactsError as error:
            assert str(error).isprintable()
        else:
            assert 8000 <= facts.read_rate <= 48000 and 0 <= facts.ptime_ms <= 1000
        is_on_hold(message.fields)
        if message.type in set(MessageType) and all(name.isprintable() for name in message.fields):
            again = encode(
                MessageType(message.type), stream=message.stream, request=message.request, fields=message.fields
            )
            assert list(Decoder().feed(again)) == [message]


def test_link_messages() -> None:
    fuzz("link_messages", read, st.builds(bytes.__add__, st.binary(min_size=1, max_size=1), broken))
