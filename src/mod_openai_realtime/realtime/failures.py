"""Why a connection attempt failed, in words that may be shown: no key, no header, no part of the URI but the host."""

import os
import re
import socket
import ssl
from http import HTTPStatus

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?!\d)")


class ConnectError(Exception):
    """A failed attempt. `http_status` is 0 where there was no HTTP answer; `body` is what such an answer held, as it
    came: it may repeat the key that it refuses."""

    def __init__(self, text: str, http_status: int = 0, body: bytes = b"") -> None:
        super().__init__(text)
        self.http_status = http_status
        self.body = body


def from_status(status: int, body: bytes = b"", *, detail: str = "") -> ConnectError:
    """`detail` says what is wrong with an answer of status 101. The server's own phrase is left out: it may say what
    must not be shown."""
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        return ConnectError(f"Invalid WebSocket handshake: {detail}", status)
    try:
        phrase = " " + HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return ConnectError(f"HTTP {status}{phrase}", status, body)


def from_head(head: bytes, detail: str) -> ConnectError:
    """Of an answer that can't be read as HTTP, but for its first line perhaps."""
    found = _STATUS_LINE.match(head)
    return from_status(int(found[1]), detail=detail) if found else ConnectError("Server's answer is not HTTP")


def from_exception(error: Exception) -> ConnectError:
    """Put what the resolver, the kernel or the TLS library said into one line."""
    if isinstance(error, ConnectError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message or _tls_reason(error)
        return ConnectError(f"TLS certificate verification failed: {reason}")
    if isinstance(error, ssl.SSLError):
        return ConnectError(f"TLS handshake failed: {_tls_reason(error)}")
    if isinstance(error, socket.gaierror):
        return ConnectError(f"DNS lookup failed: {error.strerror or 'no address'}")
    if isinstance(error, TimeoutError):
        return ConnectError("Connection timed out")
    if isinstance(error, OSError):
        # By number: the text differs between event loops, and some put the address in.
        return ConnectError(os.strerror(error.errno) if error.errno else "Connection lost")
    return ConnectError(f"Connection failed ({type(error).__name__})")


def _tls_reason(error: ssl.SSLError) -> str:
    return (error.reason or "protocol error").replace("_", " ").lower()
