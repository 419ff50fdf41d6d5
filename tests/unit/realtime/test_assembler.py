import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.realtime.assembler import (
    BINARY,
    CONTINUATION,
    TEXT,
    MessageAssembler,
    ProtocolViolationError,
)
from mod_openai_realtime.realtime.deflate import Agreement, Inflater

LIMIT = 100


def make(*, deflate: bool = False) -> tuple[MessageAssembler, list[str]]:
    drops: list[str] = []
    inflater = Inflater(Agreement(), 4 * LIMIT) if deflate else None
    return MessageAssembler(LIMIT, inflater, drops.append), drops


def feed(assembler: MessageAssembler, opcode: int, fin: bool, rsv1: bool, payload: bytes) -> tuple[int, bytes] | None:
    """A frame, to its end."""
    message = assembler.feed(opcode, fin, rsv1, payload)
    while assembler.pending:
        assert message is None
        message = assembler.go_on()
    return message


def compress(message: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_a_single_frame_is_a_message() -> None:
    assembler, _ = make()
    assert feed(assembler, TEXT, True, False, b"one") == (TEXT, b"one")
    assert feed(assembler, BINARY, True, False, b"") == (BINARY, b"")


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.sampled_from([TEXT, BINARY]))
def test_fragments_are_joined(pieces: list[bytes], opcode: int) -> None:
    assembler, _ = make()
    for number, piece in enumerate(pieces):
        fin = number == len(pieces) - 1
        result = feed(assembler, CONTINUATION if number else opcode, fin, False, piece)
        assert result == ((opcode, b"".join(pieces)) if fin else None)
    assert feed(assembler, TEXT, True, False, b"next") == (TEXT, b"next")


def test_a_message_of_the_limit_passes_and_a_longer_one_is_dropped() -> None:
    assembler, drops = make()
    assert feed(assembler, TEXT, True, False, b"a" * LIMIT) == (TEXT, b"a" * LIMIT)
    assert feed(assembler, TEXT, True, False, b"a" * (LIMIT + 1)) is None
    assert drops == ["incoming message over 100 bytes dropped"]
    assert feed(assembler, TEXT, True, False, b"next") == (TEXT, b"next")


def test_fragments_over_the_limit_together_are_dropped_up_to_the_last() -> None:
    assembler, drops = make()
    assert feed(assembler, TEXT, False, False, b"a" * 60) is None
    assert feed(assembler, CONTINUATION, False, False, b"a" * 60) is None
    assert feed(assembler, CONTINUATION, False, False, b"a") is None
    assert feed(assembler, CONTINUATION, True, False, b"a") is None
    assert len(drops) == 1
    assert feed(assembler, TEXT, True, False, b"next") == (TEXT, b"next")


def test_each_dropped_message_is_told_of() -> None:
    assembler, drops = make()
    for _ in range(3):
        feed(assembler, TEXT, True, False, b"a" * (LIMIT + 1))
    assert len(drops) == 3


def test_compressed_and_plain_messages_may_take_turns() -> None:
    assembler, _ = make(deflate=True)
    assert feed(assembler, TEXT, True, True, compress(b"squeezed" * 5)) == (TEXT, b"squeezed" * 5)
    assert feed(assembler, TEXT, True, False, b"plain") == (TEXT, b"plain")


def test_the_limit_is_that_of_the_inflated_message() -> None:
    assembler, drops = make(deflate=True)
    assert feed(assembler, TEXT, True, True, compress(b"a" * (LIMIT + 1))) is None
    assert len(drops) == 1
    assert feed(assembler, TEXT, True, True, compress(b"next")) == (TEXT, b"next")


def test_a_compressed_message_over_the_limit_in_fragments_is_dropped_whole() -> None:
    assembler, drops = make(deflate=True)
    data = compress(bytes(range(200)))
    assert feed(assembler, TEXT, False, True, data[:150]) is None
    assert feed(assembler, CONTINUATION, False, False, data[150:180]) is None
    assert feed(assembler, CONTINUATION, True, False, data[180:]) is None
    assert len(drops) == 1
    assert feed(assembler, TEXT, True, True, compress(b"next")) == (TEXT, b"next")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(CONTINUATION, True, False, b"")], 1002),
        ([(TEXT, False, False, b""), (TEXT, True, False, b"")], 1002),
        ([(TEXT, False, False, b""), (CONTINUATION, True, True, b"")], 1002),
        ([(TEXT, True, True, b"\xff\xff\xff")], 1007),
        ([(TEXT, True, True, compress(b"\0" * 1_000_000))], 1009),
    ],
)
def test_violations_fail_the_connection(frames: list[tuple[int, bool, bool, bytes]], code: int) -> None:
    assembler, _ = make(deflate=True)
    with pytest.raises(ProtocolViolationError) as violation:
        for frame in frames:
            feed(assembler, *frame)
    assert violation.value.code == code


def test_a_compressed_message_without_an_agreement_is_a_violation() -> None:
    assembler, _ = make()
    with pytest.raises(ProtocolViolationError):
        feed(assembler, TEXT, True, True, compress(b"a"))
