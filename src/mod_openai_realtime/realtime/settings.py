"""What a stream asks of its WebSocket side."""

import re
from dataclasses import dataclass, field

from .tls import TlsSettings

HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\uffff]*")
# The WebSocket library writes these itself; a second one breaks the handshake.
HANDSHAKE_HEADERS = frozenset(
    {
        "connection",
        "upgrade",
        "content-length",
        "transfer-encoding",
        "sec-websocket-key",
        "sec-websocket-accept",
        "sec-websocket-version",
        "sec-websocket-extensions",
    }
)


class HeaderError(ValueError):
    """An extra header that can't be sent. The text names the header, never its value."""


@dataclass(frozen=True, repr=False)
class EndpointSettings:
    """Settings of one stream's connection; they hold its key, so nothing of them but names is ever shown.

    Raises HeaderError where a header would break the handshake.
    """

    uri: str
    """ws:// or wss://, validated."""
    headers: tuple[tuple[str, str], ...] = ()
    """Extra headers of the handshake, Authorization included."""
    deflate: bool = True
    """Offer permessage-deflate."""
    heart_beat_s: int | None = None
    """Ping after that many seconds without incoming data; None for never."""
    reconnect: bool = True
    tls: TlsSettings = field(default_factory=TlsSettings)
    max_message_bytes: int = 8 * 2**20
    """Larger incoming messages are dropped."""
    connect_timeout_s: float = 10.0
    """For one whole attempt: name look-up, TCP, TLS and handshake."""

    def __post_init__(self) -> None:
        for name, value in self.headers:
            # A line break in a value would let it write the rest of the request.
            if not HEADER_NAME.fullmatch(name):
                raise HeaderError("Extra header has an invalid name")
            if not _HEADER_VALUE.fullmatch(value):
                raise HeaderError(f"Extra header {name} has an invalid value")
            if name.lower() in HANDSHAKE_HEADERS:
                raise HeaderError(f"Extra header {name} belongs to the WebSocket handshake")

    def __repr__(self) -> str:
        return f"EndpointSettings(headers={[name for name, _ in self.headers]}, reconnect={self.reconnect})"
