"""A socket whose packets go nowhere, as after a host has vanished: by a filter of the kernel, which wants no rights."""

from __future__ import annotations

import ctypes
import socket
import struct

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K: 0 bytes of any packet are let in


def swallow(sock: socket.socket) -> None:
    """Whatever comes to this socket is dropped before the kernel looks at it: nothing is acknowledged, no probe is
    answered. What it sends arrives, and is not known to."""
    program = ctypes.create_string_buffer(_DROP_ALL)
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
