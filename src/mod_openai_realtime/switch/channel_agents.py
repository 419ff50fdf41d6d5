"""The agents of one channel, from the command that wants one to the end of its stream."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import orjson

from ..agent.messages import Plan
from ..audio.own_sounds import OwnSounds
from ..audio.playback import Playback
from ..later import Timer
from ..pilot.agent_call import AgentCall, Kept
from ..pilot.agent_desk import KEPT, AgentDesk, Bug
from ..pilot.agent_facts import facts
from ..pilot.agent_plan import PlanError, plan_variables
from ..stream.piloting import Piloting
from ..stream.stream import Stream
from . import reasons
from .agent_verbs import AgentState, StartAgent
from .channel_facts import FactsError
from .command import DEFAULT_RATE, Direction, Mix, Start
from .execution import Digit, ExecuteKind
from .opening import Opening
from .prepared import Prepared
from .refusal import CommandRefusedError
from .verb import Order

if TYPE_CHECKING:
    from .channel import Channel


@dataclass(slots=True)
class _Sitting:
    agent: str
    desk: AgentDesk
    began: float


class ChannelAgents:
    """By the names of their streams."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._sitting: dict[str, _Sitting] = {}

    # -- for commands (agent_verbs.Agents)

    def start(self, order: Order, command: StartAgent) -> None:
        """Raises CommandRefusedError."""
        calls = self._channel.services.agents
        if calls is None or not calls.knows(command.agent):
            raise CommandRefusedError(reasons.unknown_agent(command.agent))

        def begin(desk: AgentDesk, dump: Mapping[str, str]) -> AgentCall:
            told = facts(self._channel.uuid, command.stream, dump, command.parameters)
            return calls.begin(command.agent, told, desk)

        seat = _Seat(self._channel, self, command, order.fields)
        desk = AgentDesk(seat, begin)

        def launch(opening: Opening, fields: Mapping[str, str], fd: int) -> bool:
            seat.opening = opening
            desk.attached(fields, fd)
            return False

        def over(why: str) -> None:
            self.forget(command.stream)
            desk.gone(why)

        self._channel.open_with(
            _start_of(command), _OPENING_FIELDS | {"name": command.stream}, launch, order.request, over
        )
        self._sitting[command.stream] = _Sitting(command.agent, desk, time.monotonic())

    def stop(self, order: Order, stream: str) -> None:
        """Raises CommandRefusedError."""
        sitting = self._sitting.get(stream)
        if sitting is None:
            raise CommandRefusedError(reasons.STREAM_NOT_FOUND)
        if order.fields.get("application") == "1":
            sitting.desk.leaving("transferred")  # by whomever
        if not self._channel.give_up(order, stream):
            found = self._channel.named(stream)
            found.stop()
            self._channel.close(order, found)

    def listed(self) -> list[AgentState]:
        now = time.monotonic()
        return [
            AgentState(each.agent, stream, each.desk.state, int(now - each.began))
            for stream, each in self._sitting.items()
        ]

    # -- after an engine that is gone

    def resume(self, number: int, command: StartAgent, fields: dict[str, str], fd: int) -> None:
        """A call that another worker has lost. `fd` stays the caller's. Raises CommandRefusedError, FactsError or
        PlanError."""
        calls = self._channel.services.agents
        if calls is None:
            raise CommandRefusedError(reasons.unknown_agent(command.agent))
        kept = _kept(fields)
        seat = _Seat(self._channel, self, command, fields, number=number)

        def never(_desk: AgentDesk, _dump: Mapping[str, str]) -> AgentCall:
            raise RuntimeError("it has begun")

        desk = AgentDesk(seat, never)
        told = kept.facts if kept is not None else facts(self._channel.uuid, command.stream, {}, command.parameters)
        call = calls.begin(command.agent, told, desk, kept)
        self._sitting[command.stream] = _Sitting(command.agent, desk, time.monotonic())
        bug = Bug(fields, os.dup(fd) if fd >= 0 else -1)
        try:
            desk.resumed(bug, call, kept.plan if kept is not None else None)
        except (CommandRefusedError, FactsError, PlanError) as error:
            call.ended("failed", str(error))
            desk.finish()
            self.forget(command.stream)
            raise

    def forget(self, stream: str) -> None:
        self._sitting.pop(stream, None)


def _kept(fields: Mapping[str, str]) -> Kept | None:
    """None: nothing, or nothing that makes sense: the agent begins anew."""
    try:
        state = orjson.loads(fields.get("kept", "").encode("utf-8", "surrogateescape") or b"{}")
        return msgspec.convert(state[KEPT], Kept) if KEPT in state else None
    except (orjson.JSONDecodeError, msgspec.ValidationError, TypeError):
        return None


_NOWHERE = "ws://127.0.0.1/"
"""Of a stream that is not to connect."""
# A recording is of the caller and of what is played, whatever is sent.
_OPENING_FIELDS = {"capture": Mix.MONO.value, "playback": "1", "record": "1"}


def _start_of(command: StartAgent, uri: str = "") -> Start:
    """What an agent's stream is by itself: the caller's audio one way, the model's the other."""
    return Start(
        command.stream, command.selector is not None, uri, Mix.MONO, Direction.BOTH, DEFAULT_RATE, DEFAULT_RATE, False
    )


class _Seat:
    """See Seat of agent_desk.py."""

    def __init__(
        self, channel: Channel, agents: ChannelAgents, command: StartAgent, fields: Mapping[str, str], number: int = 0
    ) -> None:
        """`fields`: of the COMMAND, or of RESUME, which has them too. `number`: of a stream that goes on."""
        self._channel = channel
        self._agents = agents
        self._command = command
        self._fields = fields
        self._number = number
        self.opening: Opening | None = None

    @property
    def uuid(self) -> str:
        return self._channel.uuid

    def execute(self, kind: ExecuteKind, name: str, arguments: str | None = None) -> asyncio.Future[str | None]:
        return self._channel.link.execute(kind, name, arguments)

    def watch_digits(self, watcher: Callable[[Digit], None]) -> Callable[[], None]:
        return self._channel.link.watch_digits(watcher)

    def launch(self, plan: Plan, bug: Bug, variables: Mapping[str, str], desk: AgentDesk) -> Stream:
        """Raises PlanError, CommandRefusedError or FactsError."""
        services = self._channel.services
        assert services.agents is not None
        given, others = self._given()
        wanted = plan_variables(plan, given, variables, os.environ)
        start = _start_of(self._command, services.agents.uri(plan))
        piloting = Piloting(
            pilot=desk.pilot,
            session=plan.session,
            sounds=self._sounds,
            failure_prompt=Path(plan.failure_prompt) if plan.failure_prompt is not None else None,
            keeps=desk.kept,
        )
        return self._begin(self._channel.prepare(start, {**others, **wanted}), bug, piloting)

    def launch_prompt(self, prompt: str, reason: str, bug: Bug, desk: AgentDesk) -> Stream:
        """Raises CommandRefusedError or FactsError."""
        piloting = Piloting(pilot=desk.pilot, sounds=self._sounds, failure_prompt=Path(prompt), failure=reason)
        return self._begin(self._channel.prepare(_start_of(self._command, _NOWHERE), self._given()[1]), bug, piloting)

    def _given(self) -> tuple[dict[str, str], dict[str, str]]:
        """The stream's variables, and what else is told of the channel."""
        given = {name: value for name, value in self._fields.items() if name.upper().startswith("STREAM_")}
        return given, {name: value for name, value in self._fields.items() if name not in given}

    def _sounds(self, playback: Playback, changed: Callable[[], None]) -> OwnSounds:
        soon = asyncio.get_running_loop().call_soon_threadsafe
        return OwnSounds(playback, self._channel.services.executor, soon, changed)

    def _begin(self, prepared: Prepared, bug: Bug, piloting: Piloting) -> Stream:
        channel = self._channel
        prepared = replace(prepared, needs_connection=True, piloting=piloting)
        if self.opening is None:
            return channel.launch(self._number, prepared, bug.fields, bug.fd, resumed=True)
        stream = channel.launch(self.opening.number, prepared, bug.fields, bug.fd)
        channel.opened(self.opening)
        return stream

    def fail(self, reason: str) -> None:
        if self.opening is not None:
            self._channel.fail_opening(self.opening.number, reason)
        else:
            self._channel.port.close(self._number, failure=reason)
            self._agents.forget(self._command.stream)

    def command(self, words: str) -> str:
        """Raises CommandError or CommandRefusedError."""
        return self._channel.stream_command(words, self._command.stream)

    def close(self, stream: Stream) -> None:
        if not stream.closing:
            stream.stop()
            self._channel.port.close(stream.number)

    def over(self) -> None:
        self._agents.forget(self._command.stream)

    def log(self, level: int, text: str) -> None:
        number = self.opening.number if self.opening is not None else self._number
        self._channel.port.log(number, self._command.stream, level, text)

    def keep(self, kept: bytes) -> None:
        number = self.opening.number if self.opening is not None else self._number
        self._channel.port.keep(number, kept)

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return self._channel.services.later(delay_s, function)
