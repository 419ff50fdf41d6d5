"""The key that the module's configuration has for streams whose channel has none.

A channel variable is in the headers of every event of its channel, for all who listen; the configuration is not. But it
is one for all calls, wherever their URIs lead: so only the hosts that it is meant for get it, and never in the clear.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

import orjson

_KEY_VARIABLE, _HEADERS_VARIABLE = "STREAM_OPENAI_API_KEY", "STREAM_EXTRA_HEADERS"


def stream_variables(uri: str, fields: Mapping[str, str]) -> dict[str, str]:
    """A start command's channel variables for the stream, the key among them if it may have that of the configuration.

    A key of the channel's own goes before it, and so does an `Authorization` among its extra headers.
    """
    variables = {name: value for name, value in fields.items() if name.upper().startswith("STREAM_")}
    key = fields.get("openai_api_key", "")
    authorized = variables.get(_KEY_VARIABLE) or _has_authorization(variables.get(_HEADERS_VARIABLE, ""))
    if key and not authorized and _may_have(uri, fields.get("openai_api_key_hosts", "")):
        variables[_KEY_VARIABLE] = key
    return variables


def _may_have(uri: str, hosts: str) -> bool:
    """Whether `hosts` (names, commas between) has the URI's host, or a domain that it is in."""
    parts = urlsplit(uri)
    host = (parts.hostname or "").rstrip(".").lower()
    named = any(
        host == name or host.endswith(f".{name}")
        for name in (part.strip().lower() for part in hosts.split(","))
        if name
    )
    return named and (parts.scheme.lower() == "wss" or _is_here(host))


def _is_here(host: str) -> bool:
    """Nothing leaves this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_authorization(headers: str) -> bool:
    try:
        names = orjson.loads(headers)
    except orjson.JSONDecodeError:
        return False
    return isinstance(names, dict) and any(name.lower() == "authorization" for name in names)
