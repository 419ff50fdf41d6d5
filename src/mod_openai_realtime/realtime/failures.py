"""Why a connection attempt failed, in words that may be shown: no key, no header, no part of the URI but the host."""

import os
import re
import socket
import ssl
from http import HTTPStatus

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?!\d)")


class ConnectError(Exception):
    """A failed attempt. `http_status` is 0 where there was no HTTP answer."""

    def __init__(self, text: str, http_status: int = 0) -> None:
        super().__init__(text)
        self.http_status = http_status


def from_http_answer(head: bytes | None, detail: str) -> ConnectError:
    """`head` is the answer up to its headers' end; `detail` says what is wrong with an answer of status 101.

    The server's own phrase and body are left out: some repeat the key that they refuse.
    """
    found = _STATUS_LINE.match(head or b"")
    if found is None:
        return ConnectError("Server's answer is not HTTP")
    status = int(found[1])
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        return ConnectError(f"Invalid WebSocket handshake: {detail}", status)
    try:
        phrase = " " + HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return ConnectError(f"HTTP {status}{phrase}", status)


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
