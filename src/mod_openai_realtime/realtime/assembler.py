"""From frames to whole messages: fragments joined, compression undone, sizes bounded. Sans-I/O."""

from collections.abc import Callable

from .deflate import CorruptMessageError, Inflater, SkipLimitError
from .sending import BINARY, TEXT

__all__ = ["BINARY", "CONTINUATION", "TEXT", "MessageAssembler", "ProtocolViolationError"]

CONTINUATION = 0x0


class ProtocolViolationError(Exception):
    """The peer broke RFC 6455. `code` is the close code to fail the connection with."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class MessageAssembler:
    """Joins the data frames of one connection.

    A message over the limit is left out: what has been collected of it is freed at once, the rest is never kept, and
    `on_dropped` is told of each.
    """

    __slots__ = ("_compressed", "_dropping", "_fin", "_inflater", "_limit", "_message", "_on_dropped", "_opcode")

    def __init__(self, max_message_bytes: int, inflater: Inflater | None, on_dropped: Callable[[str], None]) -> None:
        self._limit = max_message_bytes
        self._inflater = inflater
        self._on_dropped = on_dropped
        self._opcode = CONTINUATION  # Of the message in progress; CONTINUATION: there is none.
        self._compressed = False
        self._fin = False
        self._dropping = False
        self._message = bytearray()

    def is_whole(self, opcode: int, fin: bool, rsv1: bool, size: int) -> bool:
        """Whether a data frame is a message by itself, as nearly all are: whole, not compressed, within the limit."""
        return fin and not rsv1 and opcode != CONTINUATION and self._opcode == CONTINUATION and size <= self._limit

    def feed(self, opcode: int, fin: bool, rsv1: bool, payload: bytes) -> tuple[int, bytes] | None:
        """Take a data frame; returns (TEXT or BINARY, message) where it completes one that is wanted. While `pending`
        the frame has only been begun: go_on() has to be called, and no other frame taken.

        Raises ProtocolViolationError; the connection is of no use after it.
        """
        if self.is_whole(opcode, fin, rsv1, len(payload)):
            return opcode, payload
        self._begin(opcode, rsv1)
        self._fin = fin
        if self._compressed and self._inflater is not None:
            self._inflater.feed(payload, end=fin)
            return None
        return self._add(payload, fin)

    @property
    def pending(self) -> bool:
        return self._inflater is not None and self._inflater.pending

    @property
    def inflated(self) -> int:
        """Bytes that the last go_on() has made, wanted or not."""
        return self._inflater.stepped if self._inflater is not None else 0

    def go_on(self) -> tuple[int, bytes] | None:
        """A step of a frame that is `pending`, otherwise as feed()."""
        assert self._inflater is not None
        try:
            piece = self._inflater.step()
        except CorruptMessageError as error:
            raise ProtocolViolationError(1007, str(error)) from None
        except SkipLimitError as error:
            raise ProtocolViolationError(1009, str(error)) from None
        return self._add(piece, self._fin and not self._inflater.pending)

    def _begin(self, opcode: int, rsv1: bool) -> None:
        if opcode == CONTINUATION:
            if self._opcode == CONTINUATION:
                raise ProtocolViolationError(1002, "continuation of no message")
            if rsv1:
                raise ProtocolViolationError(1002, "reserved bit on a continuation")
            return
        if self._opcode != CONTINUATION:
            raise ProtocolViolationError(1002, "new message inside an unfinished one")
        if rsv1 and self._inflater is None:
            raise ProtocolViolationError(1002, "compressed message without an agreement")
        self._opcode = opcode
        self._compressed = rsv1

    def _add(self, piece: bytes, last: bool) -> tuple[int, bytes] | None:
        """What a frame adds to the message, and whether it is the last of it."""
        message = self._message
        if not self._dropping and len(message) + len(piece) > self._limit:
            self._drop()
        if not last:
            if not self._dropping:
                message += piece
            return None
        kind, dropped = self._opcode, self._dropping
        self._opcode = CONTINUATION
        self._dropping = False
        self._message = bytearray()
        if dropped:
            return None
        if message:
            message += piece
            piece = bytes(message)
        return kind, piece

    def _drop(self) -> None:
        self._dropping = True
        self._message = bytearray()
        if self._compressed and self._inflater is not None:
            self._inflater.skip()
        self._on_dropped(f"incoming message over {self._limit} bytes dropped")
