"""What becomes of a call: it goes elsewhere, is connected to somebody, or ends. What the agent was saying is heard
first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import control
from .errors import CallError, Interrupted
from .values import Consult

if TYPE_CHECKING:
    from .call import When
    from .driver import Driver

HEARD_S = 15.0  # so long at most is waited for what the agent was saying

_EXPECTED = {"hang_up": "hang_up", "transfer": "transferred", "refer": "transferred"}
"""Why the agent's part is over once it is done."""


async def leave(driver: Driver, request: control.Request, when: When, unless_interrupted: bool) -> None:
    driver.check_up()
    hangs_up = request.kind == "hang_up"
    with _only_one(driver, request.kind, first=hangs_up and (when == "now" or driver.departing in _ENDS_BY_HANGUP)):
        await _until_free(driver, when, unless_interrupted)
        brain = driver.brain
        state, brain.state = brain.state, "ending"
        try:
            await driver.execute(request)
        except BaseException as error:
            if not driver.ended:
                brain.state = state
            elif isinstance(error, CallError) and driver.reason == _EXPECTED[request.kind]:
                return  # the channel was gone before it could tell
            raise
    driver.has_ended_call()


async def bridge(driver: Driver, dial_string: str, listen: bool, when: When, unless_interrupted: bool) -> None:
    driver.check_up()
    request = control.bridge(dial_string, until="ended" if listen else "connected")
    with _only_one(driver, "bridge"):
        await _until_free(driver, when, unless_interrupted)
        with driver.nothing_is_silence():
            try:
                await driver.execute(request)
            except CallError:
                with contextlib.suppress(CallError):  # whoever carried it out may be gone, and the agent muted
                    await driver.execute(control.stream("unmute", "openai" if listen else "all"))
                raise
    if not listen:
        driver.close("transferred")


async def consult(
    driver: Driver, dial_string: str, briefing: str, timeout_s: float, when: When, unless_interrupted: bool
) -> Consult:
    from . import consulting  # an agent of its own, and an agent has a call

    driver.check_up()
    with _only_one(driver, "consult"):
        await _until_free(driver, when, unless_interrupted)
        return await consulting.consult(driver, dial_string, briefing, timeout_s)


async def hold(driver: Driver, on_hold: bool) -> None:
    await driver.execute(control.hold("on" if on_hold else "off"))
    driver.note_hold(on_hold)


_ENDS_BY_HANGUP = ("bridge", "consult")
"""What a hang-up may put an end to, where it was asked for later."""
_UNDER_WAY = {
    "hang_up": "hung up",
    "transfer": "transferred",
    "refer": "referred",
    "bridge": "connected to somebody",
    "consult": "transferred",
}


@contextlib.contextmanager
def _only_one(driver: Driver, kind: str, *, first: bool = False) -> Iterator[None]:
    """Raises CallError where the call is on its way elsewhere already. `first`: whatever else is under way."""
    before = driver.departing
    if before is not None and not first:
        raise CallError(f"the call is being {_UNDER_WAY[before]} already")
    driver.departing = kind
    try:
        yield
    finally:
        driver.departing = before


async def _until_free(driver: Driver, when: When, unless_interrupted: bool) -> None:
    if when == "now" or driver.brain.held:
        return  # on hold nothing is heard
    how = await driver.until_heard(HEARD_S)
    if how == "interrupted" and unless_interrupted:
        raise Interrupted("the caller spoke")
    driver.check_up()
