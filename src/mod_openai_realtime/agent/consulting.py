"""Attended transfer: the caller waits, the agent tells another party what it is about, in a session of its own, and
connects both where that party agrees."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from . import control
from .agent import Agent, setting
from .call import Call
from .errors import CallError
from .tools import tool
from .values import Consult

if TYPE_CHECKING:
    from .driver import Driver

_DECLINED = frozenset({"CALL_REJECTED"})
_SHARED = ("url", "model", "voice", "noise_reduction", "transcription")

_INSTRUCTIONS = """\
You work for somebody who is on the telephone with a caller, and you have just called a colleague of theirs. The caller
waits on another line and does not hear you. Tell the colleague, in a few words, what the caller wants, and ask whether
they take the call. Call `accept` once they agree, and `decline` where they do not, or where nobody is there (an
answering machine). Say nothing else, and promise nothing.

What the colleague has to know: """


class Consultant(Agent):
    """Talks to the other party. `verdict` is told Consult.connected where that party agreed."""

    greeting = "Say who you work for, if you know it, and tell the colleague what this is about."

    def __init__(self, briefing: str, asker: Agent, verdict: Callable[[Consult], None]) -> None:
        super().__init__(instructions=_INSTRUCTIONS + briefing)
        for name in _SHARED:
            value = setting(asker, name, ...)
            if value is not ...:
                setattr(self, name, value)
        self.key, self.audio = asker.key, asker.audio
        self.connect_timeout_s = asker.connect_timeout_s
        self._verdict = verdict

    @tool(reply=False)
    async def accept(self, call: Call) -> None:
        """The colleague takes the call."""
        await call.heard()
        self._verdict(Consult.connected)

    @tool(reply=False)
    async def decline(self, call: Call) -> None:
        """The colleague does not take the call, or nobody is there."""
        await call.heard()
        self._verdict(Consult.declined)

    async def on_end(self, call: Call, reason: str) -> None:
        self._verdict(Consult.hung_up)


async def consult(driver: Driver, dial_string: str, briefing: str, timeout_s: float) -> Consult:
    """What the agent was saying has been heard. Raises CallError where the caller is gone, or can't be connected."""
    asker = driver.agent
    assert asker is not None
    outcome = driver.outcome()

    def verdict(found: Consult) -> None:
        if not outcome.done():
            outcome.set_result(found)

    made: list[Consultant] = []

    def make() -> Consultant:
        made.append(Consultant(briefing, asker, verdict))
        return made[-1]

    name = driver.host.private(make)
    other = str(uuid4())
    connected = False
    await _hold(driver, True)
    with driver.nothing_is_silence():
        try:
            found = await _asked(driver, control.originate(other, dial_string, timeout_s, name), outcome)
            if found is Consult.connected:
                await _hold(driver, False)
                await driver.execute(control.api("uuid_bridge", f"{driver.facts.uuid} {other}"))
                connected = True
        finally:
            # A party that has not answered yet finds no agent of that name, and is hung up on.
            driver.host.forget(name)
            if not connected and driver.ended:
                await _hang_up(made)
            elif not connected:
                await _quietly(driver, control.api("uuid_kill", other))
                await _hold(driver, False)
    if connected:
        driver.close("transferred")
    return found


async def _asked(driver: Driver, originate: control.Request, outcome: asyncio.Future[Consult]) -> Consult:
    try:
        await driver.execute(originate)
    except CallError as error:
        if driver.ended:
            raise
        return Consult.declined if str(error) in _DECLINED else Consult.no_answer
    return await outcome


async def _hold(driver: Driver, on_hold: bool) -> None:
    await driver.execute(control.hold(on_hold))
    driver.note_hold(on_hold)


async def _hang_up(made: list[Consultant]) -> None:
    for each in made:
        with contextlib.suppress(CallError, AttributeError):  # it is over, or was not begun
            await each.call.hang_up(when="now")


async def _quietly(driver: Driver, request: control.Request) -> Any:
    """It may be gone already."""
    try:
        return await driver.execute(request)
    except CallError:
        return None
