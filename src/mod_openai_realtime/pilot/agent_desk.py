"""Where an agent sits: its call, from the media bug on, as it sees it and acts on it (Desk of agent_call.py)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import orjson

from ..agent.messages import Digit, Execute, Plan, Play, Played, Result
from ..audio.own_sounds import SoundPlayed
from ..stream.stream import Stream
from ..switch.channel_facts import FactsError
from ..switch.execution import Digit as Key
from ..switch.execution import ExecuteKind, ExecutionError
from ..switch.log_level import LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_WARNING
from ..switch.refusal import CommandRefusedError
from .agent_actions import AgentActions
from .agent_call import AgentCall, Reason
from .agent_facts import VARIABLES, channel_variables, read_dump
from .agent_pilot import AgentPilot
from .agent_plan import PlanError
from .observer import Controls, Observer

_LEVELS = {"debug": LOG_DEBUG, "info": LOG_INFO, "warning": LOG_WARNING, "error": LOG_ERROR}

_REASONS: dict[str, Reason] = {
    "hangup": "caller",
    "switch_lost": "caller",
    "not_connected": "failed",
    "disconnected": "failed",
}
KEPT = "agent"
"""Beside the conversation, in what a stream keeps."""

SENT_S, SENT_LOOK_S = 0.1, 0.005
GRACE_S = 1.0
"""So long a channel that is transferred has to tell so itself, before its stream is ended."""


@dataclass(slots=True)
class Bug:
    """A media bug that waits for its stream. `fd` is ours until closed."""

    fields: Mapping[str, str]
    fd: int

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Seat(Protocol):
    """The channel, as the desk needs it, for the one stream that is the agent's."""

    @property
    def uuid(self) -> str: ...
    def execute(self, kind: ExecuteKind, name: str, arguments: str | None = None, /) -> asyncio.Future[str | None]: ...
    def watch_digits(self, watcher: Callable[[Key], None], /) -> Callable[[], None]: ...
    def launch(self, plan: Plan, bug: Bug, variables: Mapping[str, str], desk: AgentDesk, /) -> Stream:
        """Raises PlanError, CommandRefusedError or FactsError."""

    def launch_prompt(self, prompt: str, reason: str, bug: Bug, desk: AgentDesk, /) -> Stream:
        """A stream in which a file is heard, and that fails for this reason then. Raises CommandRefusedError or
        FactsError."""

    def fail(self, reason: str, /) -> None:
        """The bug goes, with nothing to come."""

    def command(self, words: str, /) -> str:
        """Raises CommandError or CommandRefusedError."""

    def close(self, stream: Stream, /) -> None:
        """It ends as by a `stop`."""

    def over(self) -> None:
        """The stream has ended."""

    def log(self, level: int, text: str, /) -> None: ...
    def keep(self, kept: bytes, /) -> None: ...
    def later(self, delay_s: float, function: Callable[[], None], /) -> Any: ...


class AgentDesk:
    """Of one call. From the command that wants an agent to the end of the agent's stream."""

    def __init__(self, seat: Seat, begin: Callable[[AgentDesk, Mapping[str, str]], AgentCall]) -> None:
        """`begin` has an agent take the call, whose channel is described as `uuid_dump` does."""
        self._seat = seat
        self._begin = begin
        self._actions = AgentActions(self)
        self._call: AgentCall | None = None
        self._stream: Stream | None = None
        self._bug: Bug | None = None
        self._dump: Mapping[str, str] = {}
        self._leaving: Reason | None = None
        self._unwatch: Callable[[], None] | None = None
        self._over = False
        self._describing: asyncio.Task[None] | None = None

    # -- from the channel

    def attached(self, fields: Mapping[str, str], fd: int) -> None:
        """The media bug is on. `fd` stays the caller's."""
        self._bug = Bug(dict(fields), os.dup(fd) if fd >= 0 else -1)
        self._describing = asyncio.get_running_loop().create_task(self._describe())

    async def _describe(self) -> None:
        """What the agent is told of its call; where FreeSWITCH does not say, it knows less."""
        dump: dict[str, str] = {}
        with contextlib.suppress(ExecutionError):
            dump = read_dump(await self._seat.execute(ExecuteKind.API, "uuid_dump", f"{self._seat.uuid} json"))
        if not dump:
            for header, variable in VARIABLES.items():
                with contextlib.suppress(ExecutionError):
                    dump[header] = await self._seat.execute(ExecuteKind.GET, variable) or ""
        if not self._over:
            self._dump = dump
            self._call = self._begin(self, dump)
            self._watch()

    def resumed(self, bug: Bug, call: AgentCall, plan: Plan | None) -> None:
        """The call was another worker's. `plan`: what its stream is to be, where that is known. Raises as
        Seat.launch()."""
        self._bug, self._call = bug, call
        self._watch()
        if plan is not None:
            self._launch(plan)

    def gone(self, why: str) -> None:
        """There will be no stream: the channel has ended, a command wants it no more (`why` empty), or it failed."""
        if self._call is not None:
            self._ended(self._leaving or ("stopped" if not why else "caller"), why)
        self.finish()

    def _ended(self, reason: Reason, detail: str) -> None:
        assert self._call is not None
        if self._call.ended(reason, detail):
            self.log("info", f"agent {self._call.agent} ended: {reason}")

    def finish(self) -> None:
        self._over = True
        if self._bug is not None:
            self._bug.close()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _watch(self) -> None:
        self._unwatch = self._seat.watch_digits(self._digit)

    def _digit(self, key: Key) -> None:
        if self._call is not None:
            self._call.tell(Digit, key.digit)

    # -- from the stream

    def pilot(self, stream: Controls) -> Observer:
        """The stream's, as soon as there is one (MakePilot)."""
        assert self._call is not None
        return AgentPilot(stream, self._call, self.stream_over)

    def stream_over(self, reason: str, detail: str) -> None:
        """`reason`: of the `summary` event."""
        if self._call is not None and reason != "engine_exit":
            self._ended(self._leaving or _REASONS.get(reason, "stopped"), detail)
        self.finish()
        self._seat.over()

    @property
    def state(self) -> str:
        """For `list`."""
        return self._call.state if self._call is not None else "starting"

    # -- Desk

    def open(self, plan: Plan) -> None:
        try:
            self._launch(plan)
        except (PlanError, CommandRefusedError, FactsError) as error:
            self.fail(str(error), plan.failure_prompt)

    def _launch(self, plan: Plan) -> None:
        bug = self._bug
        if self._over or bug is None or self._stream is not None:
            return
        self._stream = self._seat.launch(plan, bug, channel_variables(self._dump), self)
        bug.close()

    def _launch_prompt(self, prompt: str, reason: str) -> None:
        bug = self._bug
        if self._over or bug is None:
            return
        try:
            self._stream = self._seat.launch_prompt(prompt, reason, bug, self)
        except (CommandRefusedError, FactsError) as error:
            self.log("warning", f"the failure prompt can't be played: {error}")
        else:
            bug.close()

    def fail(self, reason: str, prompt: str | None = None) -> None:
        self.log("error", reason)
        if self._stream is not None:
            self._stream.fail(reason)
            return
        if prompt is not None:
            self._launch_prompt(prompt, reason)
        if self._stream is None and not self._over:
            if self._call is not None:
                self._ended("failed", reason)
            self._seat.fail(reason)
            self.finish()
            self.finish()

    def send(self, event: dict[str, Any]) -> None:
        if self._stream is not None:
            try:
                self._stream.send_json(orjson.dumps(event))
            except CommandRefusedError as error:
                self.log("warning", f"{event.get('type')} was not sent: {error}")

    def play(self, play: Play) -> None:
        def done(outcome: SoundPlayed) -> None:
            if self._call is not None:
                self._call.tell(Played, play.id, outcome.heard_ms, outcome.interrupted, outcome.error)

        if self._stream is None:
            done(SoundPlayed(error="there is no stream"))
        else:
            self._stream.play_sound(
                Path(play.path), done, pcm=play.pcm, remove=play.remove, interruptible=play.interruptible
            )

    def silence(self) -> None:
        if self._stream is not None:
            self._stream.silence()

    def execute(self, execute: Execute, done: Callable[[Result], None]) -> None:
        self._actions.execute(execute, done)

    def close(self) -> None:
        if self._stream is not None:
            self._seat.close(self._stream)

    def log(self, level: str, text: str) -> None:
        self._seat.log(_LEVELS.get(level, LOG_INFO), text)

    def kept_changed(self) -> None:
        if self._stream is not None:
            self._stream.kept_changed()
        elif self._call is not None:
            self._seat.keep(orjson.dumps(self.kept()))

    def kept(self) -> dict[str, Any]:
        """JSON: for a worker that comes after this one."""
        assert self._call is not None
        return {KEPT: msgspec.to_builtins(self._call.kept())}

    # -- LiveCall of agent_actions.py

    @property
    def uuid(self) -> str:
        return self._seat.uuid

    def freeswitch(self, kind: ExecuteKind, name: str, arguments: str | None = None) -> asyncio.Future[str | None]:
        return self._seat.execute(kind, name, arguments)

    def stream_command(self, words: str) -> str:
        return self._seat.command(words)

    async def until_sent(self) -> None:
        """A frame is counted as heard when the channel takes it. It has gone out by the time when the channel comes for
        the next; one that comes for none, because it has nothing of its own to send, has had SENT_S for it."""
        stream = self._stream
        if stream is None:
            return
        deadline = asyncio.get_running_loop().time() + SENT_S
        taken = None if stream.closing else stream.memory.write_frames
        while not stream.closing and stream.memory.write_frames == taken:
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(SENT_LOOK_S)

    def leaving(self, reason: Reason) -> None:
        self._leaving = reason

    def staying(self) -> None:
        self._leaving = None

    def left(self) -> None:
        # An application in the dialplan sees it by itself, and ends the stream; nobody else does.
        self._seat.later(GRACE_S, self.close)
