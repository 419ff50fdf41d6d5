"""The session that an agent asks the API for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..conversation.session_wishes import merged
from .agent import Agent, setting
from .messages import Plan
from .settings import DEFAULT_TRANSCRIPTION
from .tools import Tool

_UNSET = object()


def session_of(agent: Agent, instructions: str, tools: Iterable[Tool]) -> dict[str, Any]:
    """What goes into one session.update; without audio formats, which the engine settles."""
    listening: dict[str, Any] = {"transcription": dict(DEFAULT_TRANSCRIPTION)}
    for name in ("turn_detection", "transcription", "noise_reduction"):
        value = setting(agent, name, _UNSET)
        if value is not _UNSET:
            listening[name] = value
    if agent.barge_in != "server":
        # The server would cancel what the caller is to go on hearing. The engine decides.
        detection = listening.get("turn_detection", {"type": "server_vad"})
        if isinstance(detection, dict):
            listening["turn_detection"] = {**detection, "interrupt_response": False}
    session: dict[str, Any] = {"type": "realtime", "instructions": instructions, "audio": {"input": listening}}
    voice = setting(agent, "voice", _UNSET)
    if voice is not _UNSET:
        session["audio"]["output"] = {"voice": voice}
    own = [tool.definition for tool in tools]
    session = merged(session, {name: value for name, value in agent.session.items() if name != "tools"})
    session["tools"] = own + list(agent.session.get("tools") or ())
    return session


def plan_of(agent: Agent, session: dict[str, Any]) -> Plan:
    """What the engine has to know to open the stream."""
    return Plan(
        session=session,
        url=setting(agent, "url"),
        model=setting(agent, "model"),
        key=agent.key,
        audio=agent.audio,
        record=agent.record,
        barge_in=agent.barge_in,
        connect_timeout_s=float(agent.connect_timeout_s),
        failure_prompt=agent.failure_prompt,
    )
