"""Frames of a client: RFC 6455, section 5.2, with masks that nobody can foresee."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest

from mod_openai_realtime._media import Framing

TEXT, BINARY = 1, 2
FIN, RSV1, MASKED = 0x80, 0x40, 0x80


class Connection:
    __slots__ = ("closing",)

    def __init__(self) -> None:
        self.closing = False


class Bench:
    def __init__(self) -> None:
        self.connection = Connection()
        self.written: list[bytes] = []
        self.framing = Framing(self.write, self.connection, Connection.closing)

    def write(self, frame: bytes | memoryview) -> None:
        self.written.append(bytes(frame))


def parsed(frame: bytes) -> tuple[int, bytes, bytes]:
    """The first byte, the mask, and what was masked; lengths are as short as they can be."""
    assert frame[1] & MASKED
    size, at = frame[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(frame[2:4], "big"), 4
        assert size > 125
    elif size == 127:
        size, at = int.from_bytes(frame[2:10], "big"), 10
        assert size > 0xFFFF
    mask, payload = frame[at : at + 4], frame[at + 4 :]
    assert len(payload) == size
    return frame[0], mask, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


SIZES = (0, 1, 7, 31, 32, 33, 125, 126, 127, 1331, 0xFFFF, 0x10000)


@pytest.mark.parametrize("size", SIZES)
def test_a_message_is_one_masked_frame(size: int) -> None:
    bench, message = Bench(), os.urandom(size)
    bench.framing.send_message(TEXT, message)
    bench.framing.send_message(BINARY, message, True)
    first, second = map(parsed, bench.written)
    assert (first[0], first[2]) == (FIN | TEXT, message)
    assert (second[0], second[2]) == (FIN | RSV1 | BINARY, message)


@pytest.mark.parametrize("size", SIZES)
def test_what_lies_in_a_buffer_is_masked_there(size: int) -> None:
    bench, message = Bench(), os.urandom(size)
    bench.framing.send(TEXT, bytearray(b"x" * 20 + message), 20)
    assert [parsed(frame)[::2] for frame in bench.written] == [(FIN | TEXT, message)]


@pytest.mark.parametrize(("size", "header"), [(0, 6), (125, 6), (126, 8), (0xFFFF, 8), (0x10000, 14)])
def test_a_buffer_that_is_as_long_as_the_frame_is_written_itself(size: int, header: int) -> None:
    written: list[object] = []
    framing = Framing(written.append, Connection(), Connection.closing)
    message, whole, longer = os.urandom(size), bytearray(header + size), bytearray(1 + header + size)
    whole[header:] = longer[header + 1 :] = message
    framing.send(TEXT, whole, header)
    framing.send(TEXT, longer, header + 1)
    assert written[0] is whole and parsed(bytes(whole))[2] == message
    assert isinstance(written[1], memoryview) and parsed(bytes(written[1]))[2] == message


def test_no_mask_follows_from_those_before() -> None:
    bench = Bench()
    for _ in range(2000):
        bench.framing.send_message(TEXT, b"1234")
    masks = [int.from_bytes(parsed(frame)[1], "little") for frame in bench.written]
    assert len(set(masks)) > 1990
    for bit in range(32):
        assert 850 < sum(mask >> bit & 1 for mask in masks) < 1150, f"bit {bit}"
    # What the C library's generator does: each is the sum of the one 3 before and the one 31 before, or one more.
    related = sum((masks[i] - masks[i - 3] - masks[i - 31]) % 2**31 <= 1 for i in range(31, 2000))
    assert related < 5
    assert sum(a == b for a, b in pairwise(masks)) < 3


def test_a_forked_process_has_masks_of_its_own() -> None:
    bench = Bench()
    bench.framing.send_message(TEXT, b"")  # some are there now
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        bench.framing.send_message(TEXT, b"")
        os.write(write, bench.written[-1])
        os._exit(0)
    os.waitpid(child, 0)
    bench.framing.send_message(TEXT, b"")
    assert os.read(read, 100) != bench.written[-1]
    os.close(read)
    os.close(write)


def test_nothing_is_written_once_the_connection_is_closing() -> None:
    bench = Bench()
    bench.connection.closing = True
    bench.framing.send_message(TEXT, b"late")
    bench.framing.send(TEXT, bytearray(20), 14)
    assert bench.written == []


def test_what_cannot_be_written_says_so() -> None:
    def fail(_: bytes | memoryview) -> None:
        raise OSError("gone")

    framing = Framing(fail, Connection(), Connection.closing)
    with pytest.raises(OSError, match="gone"):
        framing.send_message(TEXT, b"m")
    with pytest.raises(OSError, match="gone"):
        framing.send(TEXT, bytearray(20), 14)


def test_the_attribute_is_named_by_its_descriptor() -> None:
    with pytest.raises(TypeError, match="descriptor"):
        Framing(print, Connection(), "closing")


@pytest.mark.parametrize(("opcode", "offset"), [(16, 14), (-1, 14), (1, 5), (1, 21), (1, -1)])
def test_nonsense_is_refused(opcode: int, offset: int) -> None:
    with pytest.raises(ValueError, match=r"opcode|header"):
        Bench().framing.send(opcode, bytearray(20), offset)
