"""The caller's telephone is asked to call somebody else (SIP REFER), and tells what came of it."""

from __future__ import annotations

import asyncio

from ..switch.execution import ENDED, ExecuteKind, ExecutionError
from .live_call import ActionError, LiveCall

LOOK_S = 0.25
"""Between two looks at what the telephone has told."""
ANSWER_S = 35.0
"""So long it has for its answer: what a SIP transaction takes at most."""
TARGET_S = 90.0
"""And so long for what came of the call to the other: that may ring."""

# Variables in which FreeSWITCH notes what it is told. Left to itself it waits for 10 s and hangs up, whatever it was.
_STAYS = "sip_refer_continue_after_reply"
_ANSWER = "sip_refer_status_code"
_TARGET = "sip_refer_reply"


async def refer(line: LiveCall, uri: str) -> None:
    """Returns when the telephone has gone there. Raises ActionError where it did not."""
    for name, value in ((_STAYS, "true"), (_ANSWER, ""), (_TARGET, "")):
        await line.freeswitch(ExecuteKind.SET, name, value)
    await line.until_sent()
    line.leaving("transferred")
    try:
        await line.freeswitch(ExecuteKind.APPLICATION, "deflect", uri)
        failure = await _failure(line)
        if failure is None:
            await line.freeswitch(ExecuteKind.API, "uuid_kill", f"{line.uuid} BLIND_TRANSFER")
    except ExecutionError as error:
        if str(error) in ENDED:
            return  # some telephones hang up by themselves
        line.staying()
        raise
    if failure is not None:
        line.staying()
        raise ActionError(failure)


async def _failure(line: LiveCall) -> str | None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        answer = int(await line.freeswitch(ExecuteKind.GET, _ANSWER) or 0)
        if answer >= 300:
            return f"the caller's telephone has refused: {answer}"
        target = (await line.freeswitch(ExecuteKind.GET, _TARGET) or "").strip().removeprefix("SIP/2.0 ")
        if target:
            return None if target.startswith("2") else target
        if loop.time() - began > (ANSWER_S if answer < 200 else TARGET_S):
            return "the caller's telephone does not tell what came of it"
        await asyncio.sleep(LOOK_S)
