"""The clinic: its logic at a desk, and a whole call with real audio: `pytest` in this folder."""

import asyncio
from datetime import datetime

import pytest
from clinic import Clinic

from mod_openai_realtime.agent import ToolError
from mod_openai_realtime.agent.testing import Desk, DeskCall, Phone


class AlwaysOpen(Clinic):
    def is_open(self, now: datetime) -> bool:
        return True


class Closed(Clinic):
    def is_open(self, now: datetime) -> bool:
        return False


@pytest.mark.parametrize(
    ("now", "is_open"),
    [("2026-11-30 08:00", True), ("2026-11-30 18:00", False), ("2026-11-30 07:59", False), ("2026-11-29 12:00", False)],
)
def test_the_hours(now: str, is_open: bool) -> None:
    assert Clinic().is_open(datetime.fromisoformat(now)) == is_open


async def test_the_hours_are_told(desk: Desk) -> None:
    call = await desk.call(Closed)
    assert await call.tool("opening_hours") == {"monday to friday": "08:00 to 18:00", "open_now": False}


async def test_a_patient_number_is_keyed_in(desk: Desk) -> None:
    call = await desk.call(Clinic)
    asking = asyncio.create_task(call.tool("ask_patient_number"))
    await call.settle()
    assert call.said[-1] == "Please key in the six digits of your patient number."
    await call.keys("123456")
    assert await asking == "Ann Miller"


async def test_a_number_that_nobody_has(desk: Desk) -> None:
    call = await desk.call(Clinic)
    asking = asyncio.create_task(call.tool("ask_patient_number"))
    await call.settle()
    await call.keys("999#")
    with pytest.raises(ToolError, match="There is no patient '999'"):
        await asking


async def test_a_caller_who_keys_nothing_in(desk: Desk) -> None:
    call = await desk.call(Clinic)
    asking = asyncio.create_task(call.tool("ask_patient_number"))
    await call.waits(10)
    with pytest.raises(ToolError, match="no patient ''"):
        await asking


async def consulting(desk: Desk) -> tuple[DeskCall, DeskCall, "asyncio.Task[object]"]:
    """The caller's call, the one to the desk, and what the model will be told."""
    call = await desk.call(AlwaysOpen, parameters={"desk": "user/1002"})
    asking = asyncio.create_task(call.tool("desk", name="Ann Miller", concern="a prescription"))
    await call.settle()
    assert call.consulted is not None and call.call.state == "held"
    return call, call.consulted, asking


async def test_the_desk_takes_the_call(desk: Desk) -> None:
    call, other, asking = await consulting(desk)
    assert other.plan is not None and "Ann Miller is calling." in other.plan.session["instructions"]
    await other.tool("accept")
    assert await asking == "connected"
    assert await call.ended() == "transferred"


async def test_the_desk_has_no_time(desk: Desk) -> None:
    call, other, asking = await consulting(desk)
    await other.tool("decline")
    assert await asking == "declined"
    assert call.call.state == "talking"


async def test_nobody_is_at_the_desk(desk: Desk) -> None:
    call = await desk.call(AlwaysOpen)
    call.fails("originate", "NO_ANSWER")
    assert await call.tool("desk", name="Ann Miller", concern="a prescription") == "no_answer"
    assert call.call.state == "talking"


async def test_a_clinic_that_is_closed(desk: Desk) -> None:
    call = await desk.call(Closed)
    with pytest.raises(ToolError, match="closed"):
        await call.tool("desk", name="Ann Miller", concern="a prescription")
    assert call.consulted is None


async def test_a_whole_call(phone: Phone) -> None:
    async with phone.call(Clinic) as caller:
        await caller.hears("good day")
        caller.model.will_call("ask_patient_number").will_say("Good day, Ann Miller.")
        await caller.says("I have a patient number.", wait=False)
        await caller.hears("key in the six digits of your patient number")
        await caller.keys("123456")
        await caller.hears("good day ann miller")
        assert caller.tools[-1].result == "Ann Miller"
