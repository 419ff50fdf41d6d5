"""Attended transfer: the caller waits, the agent tells another party what it is about, in a session of its own, and
connects both where that party agrees. What follows from what is decided in consultation.py."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING
from uuid import uuid4

from . import control
from .consultant import Consultant
from .consultation import Consultation, Step
from .errors import CallError
from .values import Consult

if TYPE_CHECKING:
    from .driver import Driver

logger = logging.getLogger(__name__)

_DECLINED = frozenset({"CALL_REJECTED"})
_NOBODY_TO_CALL = frozenset({"CHAN_NOT_IMPLEMENTED", "INVALID_URL", "INVALID_GATEWAY", "INVALID_PROFILE"})
"""The dial string can't be right."""


async def consult(driver: Driver, dial_string: str, briefing: str, timeout_s: float) -> Consult:
    """What the agent was saying has been heard. Raises CallError where the caller is gone, or nobody can be called."""
    consulting = _Consulting(driver, briefing)
    try:
        request = control.originate(consulting.other, dial_string, timeout_s, consulting.name, driver.facts)
        with driver.nothing_is_silence(), driver.undone_by(control.end(consulting.other)):
            return await consulting.outcome(request)
    finally:
        consulting.close()


class _Consulting:
    """One of them; what happens is worked off in its order."""

    def __init__(self, driver: Driver, briefing: str) -> None:
        self.other = str(uuid4())
        self._driver = driver
        self._briefing = briefing
        self._held = driver.brain.held
        self._decided = Consultation()
        self._steps: asyncio.Queue[Step] = asyncio.Queue()
        self._made: list[Consultant] = []
        self._request: control.Request | None = None
        self._calling: asyncio.Task[None] | None = None
        self._over = driver.outcome()
        self.name = driver.host.private(self._make)

    def _make(self) -> Consultant:
        agent = self._driver.agent
        assert agent is not None
        self._made.append(Consultant(self._briefing, agent, self))
        return self._made[-1]

    def close(self) -> None:
        # A party that answers from now on finds no agent of that name, and is hung up on.
        self._driver.host.forget(self.name)
        self._over.cancel()
        if self._calling is not None:
            self._calling.cancel()

    async def outcome(self, request: control.Request) -> Consult:
        decided, driver = self._decided, self._driver
        self._request = request
        try:
            if not self._held:
                await driver.execute(control.hold("on"))
                driver.note_hold(True)
            self._follow(decided.begin())
            while not decided.over or not self._steps.empty():
                await self._carry_out(await self._next())
        except BaseException:
            self._follow(decided.caller_gone() if driver.ended else decided.given_up())
            while not self._steps.empty():
                with contextlib.suppress(CallError):
                    await self._carry_out(self._steps.get_nowait())
            raise
        if decided.outcome is None:
            raise CallError(decided.failure)
        return decided.outcome

    async def _next(self) -> Step:
        """Raises CallError where there is none and the call is over."""
        if not self._steps.empty():
            return self._steps.get_nowait()
        getting = asyncio.ensure_future(self._steps.get())
        try:
            await asyncio.wait({getting, self._over}, return_when=asyncio.FIRST_COMPLETED)
            if self._over.done():
                self._over.result()
            return getting.result()
        finally:
            getting.cancel()

    def _follow(self, steps: list[Step]) -> None:
        for step in steps:
            self._steps.put_nowait(step)

    async def _carry_out(self, step: Step) -> None:
        driver, decided = self._driver, self._decided
        match step:
            case Step.CALL:
                self._calling = asyncio.create_task(self._call())
            case Step.CONNECT:
                await driver.execute(control.hold("silent"))
                try:
                    await driver.execute(control.api("uuid_bridge", f"{driver.facts.uuid} {self.other}"))
                except CallError as error:
                    if driver.ended and driver.reason == "transferred":
                        self._follow(decided.connected())  # the channel had gone there before it could tell
                        return
                    driver.check_up()
                    logger.info("%s: the other party can't be connected: %s", driver.facts.uuid, error)
                    self._follow(decided.not_connected())
                else:
                    self._follow(decided.connected())
            case Step.LET_GO:
                with contextlib.suppress(CallError):  # it may be gone already
                    await driver.execute(control.end(self.other))
            case Step.EXCUSE:
                for each in self._made:
                    each.begin_excuse()
            case Step.UNHOLD if not self._held:
                await driver.execute(control.hold("off"))
                driver.note_hold(False)
            case Step.LEAVE if not driver.ended:
                driver.close("transferred")

    async def _call(self) -> None:
        driver, decided = self._driver, self._decided
        assert self._request is not None
        try:
            await driver.execute(self._request)
        except CallError as error:
            why = str(error)
            if driver.ended:
                return
            logger.info("%s: the other party did not answer: %s", driver.facts.uuid, why)
            outcome = Consult.declined if why in _DECLINED else Consult.no_answer
            reached = why.isupper() and why not in _NOBODY_TO_CALL
            self._follow(decided.not_answered(outcome if reached else None, why))
        else:
            self._follow(decided.answered())

    # -- Asker of consultant.py

    def agreed(self) -> None:
        self._follow(self._decided.agreed())

    def refused(self) -> None:
        self._follow(self._decided.refused())

    def other_gone(self) -> None:
        self._follow(self._decided.other_gone())

    def agent_gone(self, why: str) -> None:
        self._follow(self._decided.agent_gone(why))
