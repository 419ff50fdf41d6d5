"""How a message is sent that lies ready in a buffer, for whoever sends many."""

from typing import Protocol

# RFC 6455, section 5.2.
TEXT = 0x1
BINARY = 0x2

CONGESTED_BYTES = 256 << 10
"""Sent bytes that the kernel has not taken: past this a connection is congested (4 s of pcm16 at 24 kHz in base64)."""


MAX_UNSENT_BYTES = 16 << 20
"""So many wait at most of what an application sends: twice the largest message."""

MAX_OWN_UNSENT_BYTES = MAX_UNSENT_BYTES + (1 << 20)
"""The engine's own messages are few and small. A server that keeps so many of them waiting reads nothing, and its
connection is ended."""


class SendBuffer(Protocol):
    def __call__(self, opcode: int, buffer: bytearray, offset: int, /) -> object:
        """Send `buffer` from `offset` on as one message; never blocks.

        What lies before is written over: the header of a client's frame has to fit there, 14 bytes at most; where it
        fills that, the send costs least. The caller may use the buffer again after the call, and must not expect to
        find the message in it.
        """
