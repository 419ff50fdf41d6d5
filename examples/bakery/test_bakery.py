"""The bakery: its logic at a desk, and a whole call with real audio: `pytest examples/bakery`."""

import pytest
from bakery import Bakery

from mod_openai_realtime.agent import ToolError
from mod_openai_realtime.agent.testing import Desk, Phone


async def test_the_hours(desk: Desk) -> None:
    call = await desk.call(Bakery)
    assert await call.tool("opening_hours", day="monday") == {"opens": "07:00", "closes": "18:00"}


async def test_no_other_days(desk: Desk) -> None:
    call = await desk.call(Bakery)
    with pytest.raises(ToolError, match="Input should be 'monday', 'tuesday' or 'sunday'"):
        await call.tool("opening_hours", day="someday")


async def test_a_caller_who_wants_a_person_is_put_through(desk: Desk) -> None:
    call = await desk.call(Bakery)
    await call.tool("put_through", reason="wants a person")
    assert call.transferred_to == "1001"
    assert await call.ended() == "transferred"


async def test_where_nobody_is_there_the_conversation_goes_on(desk: Desk) -> None:
    call = await desk.call(Bakery)
    call.fails("transfer", "NO_ROUTE_DESTINATION")
    with pytest.raises(ToolError, match="NO_ROUTE_DESTINATION"):
        await call.tool("put_through", reason="wants a person")
    assert call.call.state == "talking"


async def test_goodbye(desk: Desk) -> None:
    call = await desk.call(Bakery)
    await call.tool("finish")
    assert call.hang_up_cause == "NORMAL_CLEARING"
    assert await call.ended() == "hang_up"


async def test_a_silent_caller_is_asked_once_and_then_the_call_ends(desk: Desk) -> None:
    call = await desk.call(Bakery)
    await call.waits(20)
    assert "silent" in call.said[-1] and call.hang_up_cause is None
    await call.waits(20)
    assert await call.ended() == "hang_up"


async def test_a_whole_call(phone: Phone) -> None:
    async with phone.call(Bakery, number="+15550100") as caller:
        await caller.hears("good morning")
        caller.model.will_call("opening_hours", day="monday").will_say("From seven to six.")
        await caller.says("When are you open on Monday?")
        assert caller.tools[-1].result == {"opens": "07:00", "closes": "18:00"}
        await caller.hears("seven to six")
        caller.model.will_call("finish")
        await caller.says("Thank you, goodbye.")
        assert await caller.ended() == "hang_up"
