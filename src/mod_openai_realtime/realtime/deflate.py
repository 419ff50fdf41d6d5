"""The permessage-deflate extension (RFC 7692): negotiation and the two codecs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from isal import isal_zlib

OFFER = "permessage-deflate; client_max_window_bits"
"""What every browser offers. Context takeover of the server is allowed: some servers decline any other offer."""

STEP_BYTES = 64 * 1024
"""A small frame may hold a thousand times its size: so much of it is inflated at a time."""

_TAIL = b"\x00\x00\xff\xff"  # The end of a flush, cut off by the sender and put back by the receiver (section 7.2).
_WORTHWHILE_BYTES = 64  # Below this a frame's fixed costs outweigh what is saved.
_SMALLEST_WINDOW_BITS = 9  # The library has no window of 8 bits; to inflate, a larger one does as well.
_INPUT_BYTES = 16 * 1024  # handed over at once: what the library does not take it copies each time
_ZLIB_ERROR = cast(type[Exception], isal_zlib.error)  # Its type stub calls it an instance.

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rf'\s*;\s*({_WORD})(?:\s*=\s*(?:({_WORD})|"({_WORD})"))?\s*')
_NAME = re.compile(rf"\s*({_WORD})\s*")


class InvalidExtensionError(Exception):
    """The server's answer to the offer breaks RFC 7692 or RFC 6455; the connection must not be used."""


class CorruptMessageError(Exception):
    """A compressed message can't be inflated."""


class SkipLimitError(Exception):
    """A compressed message is too big even to be left out."""


@dataclass(frozen=True)
class Agreement:
    """What the server may do, and we. Our compressor never takes over context, and has the smallest window."""

    server_takes_over_context: bool = True
    server_window_bits: int = 15
    client_window_bits: int = 15

    @property
    def client_deflates(self) -> bool:
        """Whether messages of ours may be compressed: there is a limit that is below our window."""
        return self.client_window_bits >= _SMALLEST_WINDOW_BITS


def negotiate(answers: Sequence[str], *, offered: bool) -> Agreement | None:
    """Judge the `Sec-WebSocket-Extensions` headers of the handshake's answer; None means no compression.

    Raises InvalidExtensionError.
    """
    answer = ",".join(answers).strip()
    if not answer:
        return None
    if not offered:
        raise InvalidExtensionError("server chose an extension that was not offered")
    name = _NAME.match(answer)
    if name is None or name[1].lower() != "permessage-deflate":
        raise InvalidExtensionError("server chose an extension that was not offered")
    return _agree(_parameters(answer, name.end()))


def _parameters(answer: str, position: int) -> dict[str, str | None]:
    parameters: dict[str, str | None] = {}
    while position < len(answer):
        found = _PARAMETER.match(answer, position)
        if found is None:
            raise InvalidExtensionError("server's extension header is malformed, or names several extensions")
        name = found[1].lower()
        if name in parameters:
            raise InvalidExtensionError("server repeats a permessage-deflate parameter")
        parameters[name] = found[2] or found[3]
        position = found.end()
    return parameters


def _agree(parameters: dict[str, str | None]) -> Agreement:
    takes_over = True
    server_bits = client_bits = 15
    for name, value in parameters.items():
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            if value is not None:
                raise InvalidExtensionError(f"permessage-deflate parameter {name} takes no value")
            takes_over = takes_over and name == "client_no_context_takeover"
        elif name in ("server_max_window_bits", "client_max_window_bits"):
            if value is None or value not in ("8", "9", "10", "11", "12", "13", "14", "15"):
                raise InvalidExtensionError(f"permessage-deflate parameter {name} is invalid")
            if name == "server_max_window_bits":
                server_bits = int(value)
            else:
                client_bits = int(value)
        else:
            raise InvalidExtensionError("server chose an unknown permessage-deflate parameter")
    return Agreement(takes_over, server_bits, client_bits)


class _SharedDeflater:
    """One compressor for all connections of the process.

    A full flush makes each message one that refers to nothing before it. Within a message the smallest window does:
    base64 has next to no repeats to find, and what compression gains comes from its Huffman codes.
    """

    def __init__(self) -> None:
        self._stream = self._fresh()

    @staticmethod
    def _fresh() -> "isal_zlib.Compress":
        # Level 0 has no Huffman codes made for the message, those above 1 take longer for no less.
        return isal_zlib.compressobj(1, isal_zlib.DEFLATED, -_SMALLEST_WINDOW_BITS)

    def deflate(self, message: bytes | memoryview) -> bytes:
        try:
            body = self._stream.compress(message)
            return (body + self._stream.flush(isal_zlib.Z_FULL_FLUSH))[: -len(_TAIL)]
        except BaseException:
            # Half a message of one stream must not come out in front of another stream's.
            self._stream = self._fresh()
            raise


_deflater = _SharedDeflater()


def deflate(message: bytes | memoryview) -> bytes | None:
    """The message as the payload of a frame with RSV1, or None where it is better sent as it is."""
    if len(message) < _WORTHWHILE_BYTES:
        return None
    compressed = _deflater.deflate(message)
    return compressed if len(compressed) < len(message) else None


class Inflater:
    """Inflates the messages of one connection, a step at a time.

    Memory is bounded by STEP_BYTES, time by `skip_limit`: as far as the context is carried over, even a message that is
    not wanted has to be inflated, since later ones may refer to it.
    """

    def __init__(self, agreement: Agreement, skip_limit: int) -> None:
        self._agreement = agreement
        self._skip_limit = skip_limit
        self._skipped: int | None = None  # of the present message; None: it is wanted
        self._stream: isal_zlib.Decompress | None = None
        self._rest = memoryview(b"")  # of the frame: not handed to the stream yet
        self._input = b""  # handed to it, and not taken
        self._end = False
        self.pending = False
        """Whether step() has something to do."""
        self.stepped = 0
        """Bytes that the last step has made, wanted or not."""

    def feed(self, data: bytes, *, end: bool) -> None:
        """The next frame of a message, the last one where `end`; nothing may be pending."""
        self._rest = memoryview(data + _TAIL if end else data)
        self._end = end
        self.pending = True

    def step(self) -> bytes:
        """Inflate no more than STEP_BYTES; what there is of the message, nothing where it is skipped. Raises
        CorruptMessageError and SkipLimitError."""
        if self._skipped is not None and not self._agreement.server_takes_over_context:
            self.stepped = 0
            self._frame_done()
            return b""
        if not self._input:
            self._input, self._rest = bytes(self._rest[:_INPUT_BYTES]), self._rest[_INPUT_BYTES:]
        stream = self._open_stream()
        try:
            piece: bytes = stream.decompress(self._input, STEP_BYTES)
        except _ZLIB_ERROR:
            raise CorruptMessageError("compressed message is corrupt") from None
        self.stepped = len(piece)
        self._input = stream.unconsumed_tail
        # A sender may end its deflate stream with a message (section 7.2.3.5).
        done = stream.eof or not (len(piece) == STEP_BYTES or self._input or self._rest)
        if self._skipped is not None:
            self._skipped += len(piece)
            if self._skipped > self._skip_limit:
                raise SkipLimitError("compressed message is far too big")
            piece = b""
        if done:
            self._frame_done(stream.eof)
        return piece

    def skip(self) -> None:
        """What is left of the message of the last frame is not wanted."""
        if self.pending or not self._end:
            self._skipped = 0

    def _open_stream(self) -> "isal_zlib.Decompress":
        if self._stream is None:
            window_bits = max(self._agreement.server_window_bits, _SMALLEST_WINDOW_BITS)
            self._stream = isal_zlib.decompressobj(-window_bits)
        return self._stream

    def _frame_done(self, stream_over: bool = False) -> None:
        self.pending = False
        self._rest, self._input = memoryview(b""), b""
        if self._end:
            self._skipped = None
            if stream_over or not self._agreement.server_takes_over_context:
                self._stream = None
