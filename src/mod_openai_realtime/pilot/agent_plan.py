"""From what an agent wants of its session to the stream's start and its settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ..agent.messages import Plan
from ..switch.uri import validate_uri

DEFAULT_KEY = "env:OPENAI_API_KEY"
MAX_KEY_BYTES = 64 << 10


class PlanError(Exception):
    """The stream can't be what the agent wants. The text names no key and no part of a URI."""


def plan_uri(plan: Plan, default_uri: str) -> str:
    """Raises PlanError."""
    try:
        uri = validate_uri(plan.url if plan.url is not None else default_uri)
    except ValueError:
        raise PlanError("the agent's url is no ws:// or wss:// address") from None
    if plan.model is None:
        return uri
    parts = urlsplit(uri)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "model"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("model", plan.model)], safe="/:@,")))


def plan_variables(
    plan: Plan, given: Mapping[str, str], channel: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """The STREAM_* variables that the stream is to have: those of the channel (`given`, of the command), and what the
    agent says itself over them. `channel`: all its variables, for keys. Raises PlanError."""
    variables = {name.upper(): value for name, value in given.items()}
    variables.pop("STREAM_RAW_AUDIO", None)
    if variables.get("STREAM_RESTORE", "").lower() == "off":
        variables["STREAM_RESTORE"] = "session"  # without it an agent would be none
    variables.setdefault("STREAM_RESTORE", "conversation")
    variables.setdefault("STREAM_DISABLE_AUDIOFILES", "true")
    # 0 would be for as long as the call lasts.
    variables["STREAM_CONNECT_TIMEOUT_S"] = str(max(1, math.ceil(plan.connect_timeout_s)))
    if plan.audio != "auto" or "STREAM_AUDIO_FORMAT" not in variables:
        variables["STREAM_AUDIO_FORMAT"] = plan.audio
    if plan.barge_in != "server" or "STREAM_BARGE_IN" not in variables:
        variables["STREAM_BARGE_IN"] = plan.barge_in
    if plan.record is not None:
        variables["STREAM_RECORD"] = plan.record
    key = _key(plan.key, channel, environment)
    if key:
        variables["STREAM_OPENAI_API_KEY"] = key
    return variables


def _key(source: str, channel: Mapping[str, str], environment: Mapping[str, str]) -> str | None:
    """None: the agent names no key of its own, and the environment has none."""
    kind, _, name = source.partition(":")
    if kind == "env":
        if not environment.get(name) and source != DEFAULT_KEY:
            raise PlanError(f"the agent's key: the engine has no environment variable {name}")
        return environment.get(name)
    if kind == "file":
        try:
            with Path(name).open("rb") as file:
                key = file.read(MAX_KEY_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no text"
            raise PlanError(f"the agent's key: its file can't be read: {why}") from None
        if not key:
            raise PlanError("the agent's key: its file is empty")
        return key
    if kind == "variable":
        if not channel.get(name):
            raise PlanError(f"the agent's key: the channel has no variable {name}")
        return channel[name]
    raise PlanError("the agent's key is none of env:NAME, file:PATH, variable:NAME")
