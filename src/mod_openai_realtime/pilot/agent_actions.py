"""What an agent has FreeSWITCH do with its call: each kind of Execute, by the link and FreeSWITCH's commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..agent.messages import Execute, Result
from ..switch.command import CommandError
from ..switch.execution import ExecuteKind, ExecutionError
from ..switch.refusal import CommandRefusedError
from .agent_call import Reason
from .agent_dialplan import why_it_leads_nowhere
from .agent_hold import Hold
from .agent_parties import bridge, originate
from .agent_referral import refer
from .live_call import ActionError, LiveCall

logger = logging.getLogger(__name__)

MAX_UNDER_WAY = 64
"""Of one call; each may last as long as a bridge does."""

DIGIT_MS, DIGIT_PAUSE_MS = 160, 20
"""How long FreeSWITCH is told to send each digit, and what it leaves between two."""
DIGITS_LATE_S = 0.1
"""Until the first begins, and the last has been told of three times."""

_KINDS = {
    "application": ExecuteKind.APPLICATION,
    "api": ExecuteKind.API,
    "get_variable": ExecuteKind.GET,
    "set_variable": ExecuteKind.SET,
}


class AgentActions:
    """Of one call."""

    def __init__(self, line: LiveCall) -> None:
        self._line = line
        self._tasks: set[asyncio.Task[None]] = set()
        self._hold = Hold(line)
        self._recording = ""
        """The path of what FreeSWITCH records."""

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
                await bridge(line, execute.arguments, until_end=execute.name == "ended")
                return None
            case "originate":
                return await originate(line, execute.name, execute.arguments)
            case "send_digits":
                return await self._send_digits(execute.name)
            case "hold":
                await self._hold.change(execute.name)
                return None
            case "stream":
                return line.stream_command(f"{execute.name} {execute.arguments}".rstrip())
            case "hang_up":
                return await self._leave("hang_up", "uuid_kill", f"{line.uuid} {execute.name}".rstrip())
            case "transfer":
                return await self._transfer(execute.name, execute.arguments)
            case "refer":
                await refer(line, execute.name)
                return None
            case "set_variable":
                return await line.freeswitch(ExecuteKind.SET, execute.name, execute.arguments)
            case kind:
                return await line.freeswitch(_KINDS[kind], execute.name, execute.arguments or None)

    async def _send_digits(self, digits: str) -> str | None:
        """FreeSWITCH answers as soon as they are queued: a hang-up would cut them."""
        line = self._line
        said = await line.freeswitch(ExecuteKind.API, "uuid_send_dtmf", f"{line.uuid} {digits}@{DIGIT_MS}")
        await asyncio.sleep(len(digits) * (DIGIT_MS + DIGIT_PAUSE_MS) / 1000 + DIGITS_LATE_S)
        return said

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

    async def _transfer(self, extension: str, where: str) -> str | None:
        dialplan, _, context = where.partition(" ")
        if len(extension.split()) != 1:
            raise ActionError("an extension is one word")
        if not context:
            context = await self._line.freeswitch(ExecuteKind.GET, "context") or "default"
        if dialplan.upper() == "XML" and (nowhere := await why_it_leads_nowhere(self._line, extension, context)):
            raise ActionError(nowhere)
        await self._leave("transferred", "uuid_transfer", f"{self._line.uuid} {extension} {dialplan} {context}")
        self._line.left()
        return None

    async def _leave(self, reason: Reason, command: str, arguments: str) -> str | None:
        await self._line.until_sent()
        self._line.leaving(reason)
        try:
            return await self._line.freeswitch(ExecuteKind.API, command, arguments)
        except ExecutionError:
            self._line.staying()
            raise


def _failure(execute: Execute, why: str) -> Result:
    return Result(0, 0, execute.id, False, None, why)
