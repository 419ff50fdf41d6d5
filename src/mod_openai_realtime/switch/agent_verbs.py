"""The verbs of a channel's agents (`uuid_openai_agent`): for each one row, with grammar, action and usage."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from . import reasons
from .command import DEFAULT_STREAM, CommandError
from .verb import Order, Verb, VerbTable

_AGENT = re.compile(r"[A-Za-z0-9_.-]{1,64}|@[A-Za-z0-9_./-]{1,127}")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class StartAgent:
    agent: str
    stream: str
    selector: str | None
    parameters: dict[str, str] = field(repr=False)
    """By lower-case name."""


@dataclass(frozen=True, slots=True)
class StopAgent:
    stream: str
    selector: str | None


@dataclass(frozen=True, slots=True)
class ListAgents:
    selector: str | None = None


@dataclass(frozen=True, slots=True)
class AgentState:
    """For `list`. `seconds`: since the command that began it."""

    agent: str
    stream: str
    state: str
    seconds: int


class Agents(Protocol):
    """The agents of a channel, as commands see them."""

    def start(self, order: Order, command: StartAgent, /) -> None:
        """The reply comes when the media bug is on. Raises CommandRefusedError."""

    def stop(self, order: Order, stream: str, /) -> None:
        """The reply to the order comes when the media bug is off. Raises CommandRefusedError."""

    def listed(self) -> list[AgentState]: ...


class AgentChannel(Protocol):
    """The subject of these verbs: a channel."""

    @property
    def agents(self) -> Agents: ...


def _parse_start(selector: str | None, words: list[str]) -> StartAgent:
    if not words or not _AGENT.fullmatch(words[0]):
        raise CommandError(reasons.AGENT_START_NEEDS_NAME)
    parameters: dict[str, str] = {}
    for word in words[1:]:
        name, sign, value = word.partition("=")
        if not sign or not _PARAMETER.fullmatch(name):
            raise CommandError(reasons.AGENT_PARAMETER_INVALID)
        parameters[name.lower()] = value
    return StartAgent(words[0], selector or DEFAULT_STREAM, selector, parameters)


def _parse_stop(selector: str | None, words: list[str]) -> StopAgent:
    if words:
        raise CommandError(reasons.AGENT_STOP_TAKES_ONLY_SELECTOR)
    return StopAgent(selector or DEFAULT_STREAM, selector)


def _parse_list(selector: str | None, words: list[str]) -> ListAgents:
    if words or selector is not None:
        raise CommandError(reasons.AGENT_LIST_TAKES_NOTHING)
    return ListAgents()


def _start(channel: AgentChannel, order: Order, command: StartAgent) -> None:
    channel.agents.start(order, command)


def _stop(channel: AgentChannel, order: Order, command: StopAgent) -> str:
    channel.agents.stop(order, command.stream)
    return reasons.SUCCESS


def _list(channel: AgentChannel, _order: Order, _command: ListAgents) -> str:
    rows = [
        {"agent": each.agent, "stream": each.stream, "state": each.state, "seconds": each.seconds}
        for each in channel.agents.listed()
    ]
    return "+OK " + orjson.dumps(rows).decode()


AGENT_VERBS: VerbTable[AgentChannel] = VerbTable(
    Verb("start", ("start <agent> [name=value ...] [stream=<name>]",), _parse_start, _start),
    Verb("stop", ("stop [stream=<name>]",), _parse_stop, _stop),
    Verb("list", ("list",), _parse_list, _list),
)
