"""What an agent is told of its call, from FreeSWITCH's own account of the channel (`uuid_dump`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from ..agent.messages import Facts

VARIABLES = {
    "Caller-Caller-ID-Number": "caller_id_number",
    "Caller-Caller-ID-Name": "caller_id_name",
    "Caller-Destination-Number": "destination_number",
    "Call-Direction": "direction",
}
"""Headers of `uuid_dump` that are variables, too."""

_PARAMETER = "AGENT_"
MAX_VALUE_CHARACTERS = 4096
"""Of a parameter: a caller's headers may become variables."""


def read_dump(text: str | None) -> dict[str, str]:
    """The headers of `uuid_dump <uuid> json`; empty where it is none."""
    try:
        dump = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(dump, dict):
        return {}
    return {name: value for name, value in dump.items() if isinstance(value, str)}


def channel_variables(dump: Mapping[str, str]) -> dict[str, str]:
    prefix = "variable_"
    return {name.removeprefix(prefix): value for name, value in dump.items() if name.startswith(prefix)}


def facts(
    uuid: str, stream: str, dump: Mapping[str, str], given: Mapping[str, str], now: datetime | None = None
) -> Facts:
    """`given`: the parameters of the command, by lower-case name; they go before the channel's variables."""
    parameters = {
        name[len(_PARAMETER) :].lower(): value
        for name, value in channel_variables(dump).items()
        if name.upper().startswith(_PARAMETER) and len(name) > len(_PARAMETER)
    }
    parameters.update(given)
    return Facts(
        uuid=uuid,
        stream=stream,
        caller_number=dump.get("Caller-Caller-ID-Number", ""),
        caller_name=dump.get("Caller-Caller-ID-Name", ""),
        dialled=dump.get("Caller-Destination-Number", ""),
        direction="outbound" if dump.get("Call-Direction") == "outbound" else "inbound",
        parameters={name: value[:MAX_VALUE_CHARACTERS] for name, value in parameters.items()},
        started_at=(now or datetime.now(UTC)).isoformat(),
    )
