"""What an agent has FreeSWITCH do with its call: each kind of Execute, by the link and FreeSWITCH's commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from ..agent.messages import Execute, Result
from ..switch.command import CommandError
from ..switch.dialplan import Context, DialplanError, names_in
from ..switch.execution import ExecuteKind, ExecutionError
from ..switch.refusal import CommandRefusedError
from .agent_call import Reason

logger = logging.getLogger(__name__)

MAX_UNDER_WAY = 64
"""Of one call; each may last as long as a bridge does."""

LOOK_S = 0.25
"""Between two looks at whether another party has answered."""

_DISPOSITION = "originate_disposition"
_ANSWERED = ("call accepted", "SUCCESS")
_BETWEEN = "\x1f"  # ASCII's unit separator: values of variables have none
_KINDS = {
    "application": ExecuteKind.APPLICATION,
    "api": ExecuteKind.API,
    "get_variable": ExecuteKind.GET,
    "set_variable": ExecuteKind.SET,
}


class LiveCall(Protocol):
    """The call, as actions see it."""

    @property
    def uuid(self) -> str: ...
    def freeswitch(self, kind: ExecuteKind, name: str, arguments: str | None = None, /) -> asyncio.Future[str | None]:
        """See Link.execute."""

    def stream_command(self, words: str, /) -> str:
        """A command on the agent's own stream: its answer. Raises CommandRefusedError or CommandError."""

    def leaving(self, reason: Reason, /) -> None:
        """The channel is about to end (`hang_up`) or to go elsewhere (`transferred`), because the agent wants it."""

    def staying(self) -> None:
        """It does not, after all."""

    def left(self) -> None:
        """It is elsewhere."""


class ActionError(Exception):
    """It could not be done; the text is for the agent."""


class AgentActions:
    """Of one call."""

    def __init__(self, line: LiveCall) -> None:
        self._line = line
        self._tasks: set[asyncio.Task[None]] = set()
        self._recording = ""
        """The path of what FreeSWITCH records."""
        self._music: str | None = None
        """What the caller hears on hold; None: they are not on hold."""

    def execute(self, execute: Execute, done: Callable[[Result], None]) -> None:
        """`done` is called once, however it ends."""
        if len(self._tasks) >= MAX_UNDER_WAY:
            done(_failure(execute, "too much is under way already"))
            return
        task = asyncio.get_running_loop().create_task(self._run(execute, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, execute: Execute, done: Callable[[Result], None]) -> None:
        try:
            value = await self._carry_out(execute)
        except (ActionError, ExecutionError, CommandError, CommandRefusedError, ValueError) as error:
            done(_failure(execute, str(error)))  # a ValueError: what is no text for FreeSWITCH
        except Exception:
            logger.exception("an agent's action failed")
            done(_failure(execute, "internal error of the engine"))
        else:
            done(Result(0, 0, execute.id, True, value))

    async def _carry_out(self, execute: Execute) -> str | None:
        line = self._line
        match execute.kind:
            case "stream" if execute.name == "record":
                return await self._record(execute.arguments)
            case "bridge":
                return await self._bridge(execute.arguments, until_end=execute.name == "ended")
            case "hold":
                return await self._hold(execute.name == "on")
            case "stream":
                return line.stream_command(f"{execute.name} {execute.arguments}".rstrip())
            case "hang_up":
                return await self._leave("hang_up", "uuid_kill", f"{line.uuid} {execute.arguments}".rstrip())
            case "transfer":
                return await self._transfer(execute.name, execute.arguments)
            case "set_variable":
                return await line.freeswitch(ExecuteKind.SET, execute.name, execute.arguments)
            case kind:
                return await line.freeswitch(_KINDS[kind], execute.name, execute.arguments or None)

    async def _bridge(self, dial_string: str, *, until_end: bool) -> str | None:
        """The application returns when the other party has hung up; that it is there tells a variable. Raises
        ActionError with the cause for which it never was."""
        line = self._line
        await line.freeswitch(ExecuteKind.SET, _DISPOSITION, "")
        # The call is the agent's to go on with; without it FreeSWITCH hangs up where the other party does not answer.
        await line.freeswitch(ExecuteKind.SET, "continue_on_fail", "true")
        bridging = line.freeswitch(ExecuteKind.APPLICATION, "bridge", dial_string)
        bridging.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it any more
        while not bridging.done():
            await asyncio.wait([bridging], timeout=LOOK_S)
            if not until_end and not bridging.done() and await self._disposition() in _ANSWERED:
                return None
        await bridging
        disposition = await self._disposition()
        if disposition not in _ANSWERED:
            raise ActionError(disposition or "the call came to nothing")
        return None

    async def _disposition(self) -> str | None:
        return await self._line.freeswitch(ExecuteKind.GET, _DISPOSITION)

    async def _record(self, path: str) -> str | None:
        """By FreeSWITCH itself, which hears the agent too. A path that is not absolute is in its recordings folder."""
        line = self._line
        if path == "stop":
            if not self._recording:
                raise ActionError("nothing is recorded")
            path, self._recording = self._recording, ""
            return await line.freeswitch(ExecuteKind.API, "uuid_record", f"{line.uuid} stop {path}")
        if self._recording:
            raise ActionError("it is recorded already")
        if not path.startswith("/"):
            folder = await line.freeswitch(ExecuteKind.API, "global_getvar", "recordings_dir")
            path = f"{folder}/{path}"
        await line.freeswitch(ExecuteKind.SET, "RECORD_STEREO", "true")
        said = await line.freeswitch(ExecuteKind.API, "uuid_record", f"{line.uuid} start {path}")
        self._recording = path
        return said

    async def _hold(self, on: bool) -> str | None:
        """The stream pauses, and the channel's hold music takes the agent's place."""
        line = self._line
        if on is (self._music is not None):
            return None
        if on:
            line.stream_command("pause")
            self._music = await line.freeswitch(ExecuteKind.GET, "hold_music") or ""
            if self._music and self._music != "silence":
                try:
                    await line.freeswitch(ExecuteKind.API, "uuid_displace", f"{line.uuid} start {self._music} 0 l")
                except ExecutionError as error:
                    # A caller waits in silence rather than not at all: whoever is asked meanwhile matters more.
                    logger.warning("%s: no hold music (%s): %s", line.uuid, self._music, error)
                    self._music = ""
            return None
        music, self._music = self._music, None
        line.stream_command("resume")
        if music and music != "silence":
            await line.freeswitch(ExecuteKind.API, "uuid_displace", f"{line.uuid} stop {music}")
        return None

    async def _transfer(self, extension: str, where: str) -> str | None:
        dialplan, _, context = where.partition(" ")
        if len(extension.split()) != 1:
            raise ActionError("an extension is one word")
        if not context:
            context = await self._line.freeswitch(ExecuteKind.GET, "context") or "default"
        if dialplan.upper() == "XML" and not await self._leads_somewhere(extension, context):
            raise ActionError(f"the dialplan has no extension {extension} in its context {context}")
        await self._leave("transferred", "uuid_transfer", f"{self._line.uuid} {extension} {dialplan} {context}")
        self._line.left()
        return None

    async def _leave(self, reason: Reason, command: str, arguments: str) -> str | None:
        self._line.leaving(reason)
        try:
            return await self._line.freeswitch(ExecuteKind.API, command, arguments)
        except ExecutionError:
            self._line.staying()
            raise

    async def _leads_somewhere(self, extension: str, context: str) -> bool:
        """FreeSWITCH says +OK to a transfer to nowhere, and hangs up."""
        line = self._line
        try:
            xml = await line.freeswitch(ExecuteKind.API, "xml_locate", f"dialplan context name {context}")
            there = Context(xml or "")
        except (ExecutionError, DialplanError):
            return True  # it has no such command, or the dialplan comes from elsewhere: nothing can be told
        asked = list(names_in(there.asks()))
        known = {}
        if asked:
            texts = _BETWEEN.join(text for _, text in asked)
            values = await line.freeswitch(ExecuteKind.API, "eval", f"uuid:{line.uuid} {texts}")
            known = dict(zip((name for name, _ in asked), (values or "").split(_BETWEEN), strict=False))
        return there.leads_somewhere(extension, known)


def _failure(execute: Execute, why: str) -> Result:
    return Result(0, 0, execute.id, False, None, why)
