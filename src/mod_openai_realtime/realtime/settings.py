"""What a stream asks of its WebSocket side."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote, urlsplit

from ..observe.mask import Mask
from .tls import TlsSettings

HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
# Any text that is no control character; it is sent as UTF-8.
HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")
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


# What a query may say that is worth showing; the value of any other part may be a key.
_OPEN_PARAMETERS = frozenset({"model", "deployment", "api-version", "intent"})
_API_KEY_PROTOCOL = "api-key."  # Sec-WebSocket-Protocol: openai-insecure-api-key.<key>
_SHORTEST_SECRET = 4  # Anything shorter is in every text.
_SHORTEST_PART = 8


class HeaderError(ValueError):
    """An extra header that can't be sent. The text names the header, never its value."""


@dataclass(frozen=True, repr=False)
class EndpointSettings:
    """Settings of one stream's connection; they hold its key, so nothing of them but names is ever shown.

    Raises HeaderError where a header would break the handshake.
    """

    uri: str
    """ws:// or wss://, validated."""
    failover: tuple[str, ...] = ()
    """Other URIs, tried in turn where this one fails."""
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
            if not HEADER_VALUE.fullmatch(value):
                raise HeaderError(f"Extra header {name} has an invalid value")
            if name.lower() in HANDSHAKE_HEADERS:
                raise HeaderError(f"Extra header {name} belongs to the WebSocket handshake")

    @cached_property
    def peer(self) -> str:
        """Host and port, as they are to be shown."""
        uri = urlsplit(self.uri)
        host = uri.hostname or ""
        return f"{f'[{host}]' if ':' in host else host}:{uri.port or (443 if uri.scheme == 'wss' else 80)}"

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """What a text of the server's may repeat, and nobody must be shown; the longest first."""
        found: set[str] = set()
        for _, value in self.headers:
            parts = [part for part in re.split(r"[\s;,=]+", value) if len(part) >= _SHORTEST_PART]
            parts += [part.partition(_API_KEY_PROTOCOL)[2] for part in parts]
            found.update((value, value.partition(" ")[2], *parts))
        queries = [urlsplit(uri).query for uri in (self.uri, *self.failover)]
        for part in "&".join(queries).split("&"):
            name, _, value = part.partition("=")
            if unquote(name).lower() not in _OPEN_PARAMETERS:
                found.update((value, unquote(value), *(text for _, text in parse_qsl(part))))
        return tuple(sorted((each for each in found if len(each) >= _SHORTEST_SECRET), key=len, reverse=True))

    @cached_property
    def mask(self) -> Mask:
        """Hides the secrets."""
        return Mask(self.secrets)

    def __repr__(self) -> str:
        return f"EndpointSettings(headers={[name for name, _ in self.headers]}, reconnect={self.reconnect})"
