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

    def __init__(self, max_message_bytes: int, inflater: Inflater | None, on_dropped: Callable[[str], None]) -> None:
        self._limit = max_message_bytes
        self._inflater = inflater
        self._on_dropped = on_dropped
        self._opcode = CONTINUATION  # Of the message in progress; CONTINUATION: there is none.
        self._compressed = False
        self._dropping = False
        self._pieces: list[bytes] = []
        self._size = 0

    def is_whole(self, opcode: int, fin: bool, rsv1: bool, size: int) -> bool:
        """Whether a data frame is a message by itself, as nearly all are: whole, not compressed, within the limit."""
        return fin and not rsv1 and opcode != CONTINUATION and self._opcode == CONTINUATION and size <= self._limit

    def feed(self, opcode: int, fin: bool, rsv1: bool, payload: bytes) -> tuple[int, bytes] | None:
        """Take a data frame; returns (TEXT or BINARY, message) where it completes one that is wanted.

        Raises ProtocolViolationError; the connection is of no use after it.
        """
        if self.is_whole(opcode, fin, rsv1, len(payload)):
            return opcode, payload
        self._begin(opcode, rsv1)
        piece = self._piece(payload, fin)
        if piece is not None:
            self._pieces.append(piece)
            self._size += len(piece)
        if not fin:
            return None
        kind, pieces, dropped = self._opcode, self._pieces, self._dropping
        self._opcode = CONTINUATION
        self._pieces = []
        self._size = 0
        self._dropping = False
        if dropped:
            return None
        return kind, pieces[0] if len(pieces) == 1 else b"".join(pieces)

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

    def _piece(self, payload: bytes, fin: bool) -> bytes | None:
        """What the frame adds to the message; None where the message is being dropped."""
        room = self._limit - self._size
        if not self._compressed or self._inflater is None:
            if not self._dropping and len(payload) > room:
                self._drop()
            return None if self._dropping else payload
        try:
            if self._dropping:
                self._inflater.skip(payload, end=fin)
                return None
            piece = self._inflater.inflate(payload, end=fin, limit=room)
        except CorruptMessageError as error:
            raise ProtocolViolationError(1007, str(error)) from None
        except SkipLimitError as error:
            raise ProtocolViolationError(1009, str(error)) from None
        if piece is None:
            self._drop()
        return piece

    def _drop(self) -> None:
        self._dropping = True
        self._pieces = []
        self._on_dropped(f"incoming message over {self._limit} bytes dropped")
