"""Another party than the caller, as an agent has FreeSWITCH call or connect it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from ..switch.command import CommandError
from ..switch.execution import ExecuteKind, ExecutionError
from ..switch.refusal import CommandRefusedError
from .live_call import ActionError, LiveCall

LOOK_S = 0.25
"""Between two looks at whether the other party has answered."""

_DISPOSITION = "originate_disposition"
_CALLED = ("call accepted", "SUCCESS")
_HOOK = "api_reporting_hook"


async def bridge(line: LiveCall, dial_string: str, *, until_end: bool) -> None:
    """Returns when the parties are connected, or, `until_end`, when they are no longer and the agent can be heard
    again. Raises ActionError with the cause for which they never were."""
    muted = "openai" if until_end else "all"
    _quietly(line, f"mute {muted}")
    stays = until_end
    try:
        await _connect(line, dial_string, until_end=until_end)
    except BaseException:
        stays = True
        raise
    finally:
        if stays:
            _quietly(line, f"unmute {muted}")


async def _connect(line: LiveCall, dial_string: str, *, until_end: bool) -> None:
    """The application returns when the other party has hung up."""
    await line.freeswitch(ExecuteKind.SET, _DISPOSITION, "")
    # The call is the agent's to go on with; without it FreeSWITCH hangs up where the other party does not answer.
    wanted = {"continue_on_fail": "true"} | ({"hangup_after_bridge": "false"} if until_end else {})
    async with _variables(line, wanted):
        bridging = line.freeswitch(ExecuteKind.APPLICATION, "bridge", dial_string)
        bridging.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it any more
        answered = False
        while not bridging.done():
            await asyncio.wait([bridging], timeout=None if answered else LOOK_S)
            if not bridging.done() and not answered:
                answered = await _is_answered(line)
                if answered and not until_end:
                    return
        await bridging
    if not answered:
        await _check_answered(line)


async def _is_answered(line: LiveCall) -> bool:
    """Media that comes before the answer is connected, too: whoever rings may still not answer."""
    if await line.freeswitch(ExecuteKind.GET, _DISPOSITION) not in _CALLED:
        return False
    other = await line.freeswitch(ExecuteKind.GET, "bridge_uuid")
    if not other:
        return False
    with contextlib.suppress(ExecutionError):
        state = await line.freeswitch(ExecuteKind.API, "uuid_getvar", f"{other} endpoint_disposition")
        return state == "ANSWER"
    return False  # it is gone by now


async def _check_answered(line: LiveCall) -> None:
    """The other party is gone. Raises ActionError where it never answered."""
    disposition = await line.freeswitch(ExecuteKind.GET, _DISPOSITION)
    if disposition not in _CALLED:
        raise ActionError(disposition or "the call came to nothing")
    cause = await line.freeswitch(ExecuteKind.GET, "bridge_hangup_cause")
    if cause not in (None, "", "NORMAL_CLEARING"):
        raise ActionError(cause)


@contextlib.asynccontextmanager
async def _variables(line: LiveCall, wanted: dict[str, str]) -> AsyncIterator[None]:
    """Of the channel: as they were before, after it, if the channel is there."""
    before = {name: await line.freeswitch(ExecuteKind.GET, name) for name in wanted}
    for name, value in wanted.items():
        await line.freeswitch(ExecuteKind.SET, name, value)
    try:
        yield
    finally:
        with contextlib.suppress(ExecutionError):
            for name, found in before.items():
                await line.freeswitch(ExecuteKind.SET, name, found or "")


async def originate(line: LiveCall, other: str, arguments: str) -> str | None:
    """Calls somebody, on a channel of the uuid `other`, until they answer. Where the caller hangs up before, it rings
    no longer."""
    # Nothing can be asked of FreeSWITCH for a channel that is gone, so that has to see to it itself.
    hook = {} if await line.freeswitch(ExecuteKind.GET, _HOOK) else {_HOOK: f"uuid_kill {other} ORIGINATOR_CANCEL"}
    async with _variables(line, hook):
        return await line.freeswitch(ExecuteKind.API, "originate", arguments)


def _quietly(line: LiveCall, words: str) -> None:
    """Without a connection, or a stream, nobody is heard anyway."""
    with contextlib.suppress(CommandError, CommandRefusedError):
        line.stream_command(words)
