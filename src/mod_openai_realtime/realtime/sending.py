"""How a message is sent that lies ready in a buffer, for whoever sends many."""

from typing import Protocol

# RFC 6455, section 5.2.
TEXT = 0x1
BINARY = 0x2

CONGESTED_BYTES = 256 << 10
"""Sent bytes that the kernel has not taken: past this a connection is congested (4 s of pcm16 at 24 kHz in base64)."""


class SendBuffer(Protocol):
    def __call__(self, opcode: int, buffer: bytearray, offset: int, /) -> object:
        """Send `buffer` from `offset` on as one message; never blocks.

        What lies before, 16 bytes at least, is written over. The caller may use the buffer again after the call, and
        must not expect to find the message in it.
        """
