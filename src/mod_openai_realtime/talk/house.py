"""What the calls of all pages stand on: the switch, the agent that they are given to, and who hears of which call."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..standin import AgentCall, Event, LogLevel, LogLine, StandIn
from ..standin.agent_call import arriving, parameter_words

logger = logging.getLogger(__name__)

MAX_CALLS = 8
_SENT_BYTES = 1 << 18
"""Of what a channel has sent, so much waits for a page that takes nothing: 16 s at 8 kHz. The rest is dropped."""
_LEVELS = {LogLevel.WARNING: logging.WARNING, LogLevel.NOTICE: logging.INFO, LogLevel.INFO: logging.INFO}


@dataclass(frozen=True, slots=True)
class Dialled:
    """What a call is. `variables` are the channel's, `parameters` the agent's; `rate` in Hz."""

    agent: str
    number: str = "+15550100"
    rate: int = 8000
    parameters: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)  # a key may be among them


class Listener(Protocol):
    """Hears of one call."""

    def happened(self, event: Event, /) -> None: ...
    def logged(self, line: LogLine, /) -> None: ...


class House:
    """Everything on one event loop."""

    def __init__(self, switch: StandIn, dialled: Dialled) -> None:
        self._switch = switch
        self._dialled = dialled
        self._listeners: dict[str, Listener] = {}

    @property
    def calls(self) -> int:
        return len(self._listeners)

    @property
    def full(self) -> bool:
        return self.calls >= MAX_CALLS

    def call(self, listener: Listener) -> AgentCall:
        """A new one, answered, and not given to the agent yet. The listener hears of it until `forget`."""
        variables = {**arriving(self._dialled.number), **self._dialled.variables}
        call = self._switch.call(self._dialled.rate, variables=variables, sent_limit_bytes=_SENT_BYTES)
        self._listeners[call.uuid] = listener
        return AgentCall(self._switch, call)

    def begin(self, call: AgentCall) -> None:
        """The agent gets it."""
        call.begin(f"{self._dialled.agent} {parameter_words(self._dialled.parameters)}".rstrip())

    def forget(self, call: AgentCall) -> None:
        self._listeners.pop(call.call.uuid, None)

    def tell(self) -> None:
        """Everybody hears what has happened since the last time, in its order."""
        happened: list[Event | LogLine] = [*self._switch.events(), *self._switch.log()]
        for each in sorted(happened, key=lambda each: each.time_ns):
            listener = self._listeners.get(each.uuid or "")
            if isinstance(each, LogLine):
                logger.log(_LEVELS.get(each.level, _level(each.level)), "%s", each.text)
                if listener is not None:
                    listener.logged(each)
            elif listener is not None:
                listener.happened(each)


def _level(level: LogLevel) -> int:
    return logging.ERROR if level <= LogLevel.ERROR else logging.DEBUG
