"""What becomes of a call: it goes elsewhere, is connected to somebody, or ends. What the agent was saying is heard
first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import control
from .errors import CallError, Interrupted
from .values import Consult

if TYPE_CHECKING:
    from .call import When
    from .driver import Driver

HEARD_S = 15.0  # so long at most is waited for what the agent was saying


async def leave(driver: Driver, request: control.Request, when: When, unless_interrupted: bool) -> None:
    driver.check_up()
    await _until_free(driver, when, unless_interrupted)
    brain = driver.brain
    state, brain.state = brain.state, "ending"
    try:
        await driver.execute(request)
    except BaseException:
        if not driver.ended:
            brain.state = state
        raise
    driver.has_ended_call()


async def bridge(driver: Driver, dial_string: str, listen: bool, when: When, unless_interrupted: bool) -> None:
    driver.check_up()
    request = control.bridge(dial_string, until="ended" if listen else "connected")
    await _until_free(driver, when, unless_interrupted)
    muted = "openai" if listen else "all"
    await driver.execute(control.stream("mute", muted))
    with driver.nothing_is_silence():
        try:
            await driver.execute(request)
        except CallError:
            if not driver.ended:
                await driver.execute(control.stream("unmute", muted))
            raise
        if listen:
            await driver.execute(control.stream("unmute", muted))
            return
    driver.close("transferred")


async def consult(
    driver: Driver, dial_string: str, briefing: str, timeout_s: float, when: When, unless_interrupted: bool
) -> Consult:
    from . import consulting  # an agent of its own, and an agent has a call

    driver.check_up()
    await _until_free(driver, when, unless_interrupted)
    return await consulting.consult(driver, dial_string, briefing, timeout_s)


async def hold(driver: Driver, on_hold: bool) -> None:
    await driver.execute(control.hold(on_hold))
    driver.note_hold(on_hold)


async def _until_free(driver: Driver, when: When, unless_interrupted: bool) -> None:
    if when == "now":
        return
    how = await driver.until_heard(HEARD_S)
    if how == "interrupted" and unless_interrupted:
        raise Interrupted("the caller spoke")
    driver.check_up()
