import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.realtime.deflate import (
    STEP_BYTES,
    Agreement,
    CorruptMessageError,
    Inflater,
    InvalidExtensionError,
    SkipLimitError,
    deflate,
    negotiate,
)

TAIL = b"\x00\x00\xff\xff"


class Server:
    """The other side, by the standard library: one deflate stream for all messages."""

    def __init__(self, window_bits: int = 15) -> None:
        self._stream = zlib.compressobj(9, zlib.DEFLATED, -window_bits)

    def compress(self, message: bytes) -> bytes:
        data = self._stream.compress(message) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        return data.removesuffix(TAIL)


def inflate(inflater: Inflater, data: bytes, *, end: bool = True, limit: int) -> bytes | None:
    """A frame, to its end; None where it gives more than `limit` bytes, and what follows is not wanted."""
    inflater.feed(data, end=end)
    message, fits = b"", True
    while inflater.pending:
        message += inflater.step()
        assert inflater.stepped <= STEP_BYTES
        if fits and len(message) > limit:
            inflater.skip()
            fits = False
    return message if fits else None


def inflate_alone(frame: bytes, window_bits: int = 15) -> bytes:
    """In small steps: in one, zlib takes what it has just put out for its window."""
    stream = zlib.decompressobj(-window_bits)
    message = stream.decompress(frame + TAIL, 100)
    while piece := stream.decompress(stream.unconsumed_tail, 100):
        message += piece
    return message


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("permessage-deflate", Agreement()),
        ("Permessage-Deflate ; Server_No_Context_Takeover", Agreement(server_takes_over_context=False)),
        ("permessage-deflate; client_no_context_takeover", Agreement()),
        ("permessage-deflate; server_max_window_bits=10", Agreement(server_window_bits=10)),
        ('permessage-deflate; server_max_window_bits="12"', Agreement(server_window_bits=12)),
        ("permessage-deflate; client_max_window_bits=9", Agreement(client_window_bits=9)),
        (
            "permessage-deflate;server_no_context_takeover;client_no_context_takeover;"
            "server_max_window_bits=8;client_max_window_bits=15",
            Agreement(server_takes_over_context=False, server_window_bits=8),
        ),
    ],
)
def test_valid_answers_are_agreed_to(answer: str, expected: Agreement) -> None:
    assert negotiate([answer], offered=True) == expected


@pytest.mark.parametrize("offered", [True, False])
def test_no_answer_means_no_compression(offered: bool) -> None:
    assert negotiate([], offered=offered) is None
    assert negotiate(["  "], offered=offered) is None


@pytest.mark.parametrize(
    "answer",
    [
        "x-webkit-deflate-frame",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; mux",
        "permessage-deflate;",
        "permessage-deflate garbage",
        ";",
    ],
)
def test_invalid_answers_are_refused(answer: str) -> None:
    with pytest.raises(InvalidExtensionError):
        negotiate([answer], offered=True)


def test_two_headers_that_agree_twice_are_refused() -> None:
    with pytest.raises(InvalidExtensionError):
        negotiate(["permessage-deflate", "permessage-deflate"], offered=True)


def test_an_extension_that_was_not_offered_is_refused() -> None:
    with pytest.raises(InvalidExtensionError):
        negotiate(["permessage-deflate"], offered=False)


def test_no_message_needs_more_than_the_smallest_window() -> None:
    for period in (500, 511, 512, 513, 600, 1000, 5000):
        message = os.urandom(period).hex().encode() * 4
        frame = deflate(message)
        assert frame is not None
        assert inflate_alone(frame, 9) == message
    with pytest.raises(zlib.error):
        inflate_alone(Server().compress(message), 9)


def test_a_limit_below_the_smallest_window_leaves_messages_as_they_are() -> None:
    agreement = negotiate(["permessage-deflate; client_max_window_bits=8"], offered=True)
    assert agreement is not None
    assert not agreement.client_deflates
    assert Agreement().client_deflates
    assert Agreement(client_window_bits=9).client_deflates


@given(st.lists(st.binary(max_size=3000), max_size=5), st.sampled_from([9, 15]))
def test_each_deflated_message_stands_for_itself_in_any_window(messages: list[bytes], window_bits: int) -> None:
    for message in messages:
        frame = deflate(message)
        if frame is not None:
            assert inflate_alone(frame, window_bits) == message
            assert len(frame) < len(message)


def test_base64_shrinks_by_a_fifth_and_more() -> None:
    message = b'{"type":"input_audio_buffer.append","audio":"' + os.urandom(480).hex().encode() * 2 + b'"}'
    frame = deflate(message)
    assert frame is not None
    assert len(frame) < 0.8 * len(message)


def test_what_does_not_shrink_is_left_as_it_is() -> None:
    assert deflate(os.urandom(4096)) is None
    assert deflate(b'{"type":"x"}') is None


def test_a_failed_message_leaves_nothing_in_front_of_the_next() -> None:
    with pytest.raises(TypeError):
        deflate(["a"] * 100)  # type: ignore[arg-type]
    message = b"abcd" * 100
    frame = deflate(message)
    assert frame is not None
    assert inflate_alone(frame) == message


@given(st.lists(st.binary(max_size=2000), max_size=6), st.integers(1, 500))
def test_messages_in_pieces_with_a_carried_context_come_out_whole(messages: list[bytes], piece_bytes: int) -> None:
    server, inflater = Server(), Inflater(Agreement(), 10_000)
    for message in messages:
        data = server.compress(message)
        pieces = [data[at : at + piece_bytes] for at in range(0, len(data), piece_bytes)] or [b""]
        last = len(pieces) - 1
        out = [inflate(inflater, piece, end=number == last, limit=2000) for number, piece in enumerate(pieces)]
        assert b"".join(piece or b"" for piece in out) == message


@pytest.mark.parametrize("window_bits", [9, 10, 15])
def test_a_smaller_window_of_the_server_is_enough(window_bits: int) -> None:
    server, inflater = Server(window_bits), Inflater(Agreement(server_window_bits=window_bits), 10_000)
    message = b"".join(b"%d," % number for number in range(1000))
    for _ in range(3):
        assert inflate(inflater, server.compress(message), limit=10_000) == message


def test_messages_without_a_carried_context_are_read_one_by_one() -> None:
    inflater = Inflater(Agreement(server_takes_over_context=False), 10_000)
    for _ in range(3):
        assert inflate(inflater, Server().compress(b"hello" * 20), limit=1000) == b"hello" * 20


def test_a_deflate_stream_that_ends_with_its_message_is_read_and_the_next_one_too() -> None:
    inflater = Inflater(Agreement(), 10_000)
    for _ in range(2):
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = stream.compress(b"hello" * 20) + stream.flush(zlib.Z_FINISH) + b"\x00"
        assert inflate(inflater, data, limit=1000) == b"hello" * 20


def test_exactly_the_limit_fits_and_one_byte_more_does_not() -> None:
    server, inflater = Server(), Inflater(Agreement(), 10_000)
    assert inflate(inflater, server.compress(b"a" * 1000), limit=1000) == b"a" * 1000
    assert inflate(inflater, server.compress(b"a" * 1001), limit=1000) is None


@pytest.mark.parametrize("size", [1001, 64 * 1024, 64 * 1024 + 1001, 200_000])
def test_the_context_survives_a_message_that_is_left_out(size: int) -> None:
    server, inflater = Server(), Inflater(Agreement(), 1_000_000)
    secret = b"a phrase to refer back to"
    assert inflate(inflater, server.compress(secret), limit=1000) == secret
    assert inflate(inflater, server.compress(secret * (size // len(secret) + 1)), limit=1000) is None
    assert inflate(inflater, server.compress(secret * 3), limit=1000) == secret * 3


def test_the_rest_of_a_fragmented_message_that_is_left_out_is_skipped() -> None:
    server, inflater = Server(), Inflater(Agreement(), 1_000_000)
    data = server.compress(os.urandom(5000))
    assert inflate(inflater, data[:3000], end=False, limit=1000) is None
    assert inflate(inflater, data[3000:4000], end=False, limit=1000) == b""
    assert inflate(inflater, data[4000:], limit=1000) == b""
    assert inflate(inflater, server.compress(b"next"), limit=1000) == b"next"


def test_a_bomb_is_given_up_before_it_costs_much() -> None:
    server, inflater = Server(), Inflater(Agreement(), 100_000)
    bomb = server.compress(b"\0" * 50_000_000)
    with pytest.raises(SkipLimitError):
        inflate(inflater, bomb, limit=1000)


def test_corrupt_data_is_an_error() -> None:
    with pytest.raises(CorruptMessageError):
        inflate(Inflater(Agreement(), 10_000), b"\xff\xff\xff\xff", limit=1000)
