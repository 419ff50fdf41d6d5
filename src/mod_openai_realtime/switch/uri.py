"""Which WebSocket addresses a stream may be started with."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

MAX_URI_CHARACTERS = 4095

# Visible ASCII without `#`: a fragment has no meaning in a WebSocket URI (RFC 6455, section 3). The authority ends at
# the first `/` or `?`; `@` (user info) and `\` (read as `/` by some parsers) don't fit into any host below.
_URI = re.compile(r"(?i:wss?)://(?P<authority>[^/?#]+)(?:[/?][!-\"$-~]*)?")
_AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[0-9A-Za-z._-]+))(?::(?P<port>[1-9][0-9]{0,4}))?")
# Host names of private networks and containers do carry `_`, so it is let in where DNS itself has none.
_LABEL = re.compile(r"[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?")
_MAX_HOST_CHARACTERS = 253


def validate_uri(text: str) -> str:
    """Return `text` unchanged if it is a `ws://` or `wss://` URI that a stream can connect to.

    Taken: a scheme in any case; a host name, IPv4 address or bracketed IPv6 address without a zone; a port from 1 to
    65535, without leading zeros; any visible ASCII characters but `#` as path and query; 4,095 characters in all.
    Refused: user info, fragments, an empty port, white space, control characters and anything outside ASCII.

    Raises ValueError, whose text doesn't repeat the URI (it may carry a token).
    """
    uri = _URI.fullmatch(text) if len(text) <= MAX_URI_CHARACTERS else None
    authority = _AUTHORITY.fullmatch(uri["authority"]) if uri else None
    if not authority:
        raise ValueError("not a WebSocket URI")
    ipv6, name, port = authority.group("ipv6", "name", "port")
    if port is not None and int(port) > 65535:
        raise ValueError("port out of range")
    if not (_is_ipv6(ipv6) if ipv6 is not None else _is_host(name)):
        raise ValueError("invalid host")
    return text


def _is_host(name: str) -> bool:
    labels = name.removesuffix(".").split(".")
    # A name that ends in a number is an IPv4 address or nothing: resolvers read `127.1` and `0x7f.1` as addresses too.
    if labels[-1].isdigit() or re.fullmatch(r"0[xX][0-9A-Fa-f]*", labels[-1]):
        return _is_ipv4(name)
    return len(name.removesuffix(".")) <= _MAX_HOST_CHARACTERS and all(_LABEL.fullmatch(label) for label in labels)


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
