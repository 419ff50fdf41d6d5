"""Whether a transfer into the XML dialplan leads anywhere, as far as FreeSWITCH tells."""

from __future__ import annotations

from typing import Any

import pytest
from agent.fake_call import API, FakeCall

from mod_openai_realtime.pilot.agent_dialplan import why_it_leads_nowhere
from mod_openai_realtime.switch.execution import ExecutionError

MISSING = "can't find anything\n"
DEFAULT = "dialplan context name default"
LUA = "configuration configuration name lua.conf"


def context(number: str, condition: str = "") -> str:
    return (
        f'<context name="any"><extension>{condition}<condition field="destination_number" expression="^{number}$">'
        '<action application="bridge"/></condition></extension></context>'
    )


def line(*, modules: tuple[str, ...] = (), wanted: str = "", **located: Any) -> FakeCall:
    """Of a FreeSWITCH that has these contexts and no others."""
    xml = {f"dialplan context name {name}": text for name, text in located.items() if name != "lua"}
    for name in ("default", "global"):
        xml.setdefault(f"dialplan context name {name}", MISSING)
    return FakeCall(
        {
            (API, "xml_locate"): {**xml, LUA: located.get("lua", MISSING)},
            (API, "module_exists"): dict.fromkeys(modules, "true"),
            (API, "eval"): wanted,
        }
    )


async def test_an_extension_that_is_there() -> None:
    assert await why_it_leads_nowhere(line(default=context("1001")), "1001", "default") is None


async def test_one_that_is_not() -> None:
    why = await why_it_leads_nowhere(line(default=context("1001")), "9999", "default")
    assert why == "the dialplan has no extension 9999 in its context default"


@pytest.mark.parametrize(("wanted", "leads"), [("yes", True), ("no", False)])
async def test_conditions_are_judged_with_what_the_channel_has(wanted: str, leads: bool) -> None:
    asking = line(wanted=wanted, default=context("2", '<condition field="${wanted}" expression="^yes$"/>'))
    assert (await why_it_leads_nowhere(asking, "2", "default") is None) is leads
    assert (API, "eval", "uuid:u1 ${wanted}") in asking.asked


async def test_a_context_that_is_not_there() -> None:
    assert await why_it_leads_nowhere(line(), "1001", "default") == "the dialplan has no context default"


async def test_freeswitch_looks_into_the_global_context_then() -> None:
    falling_back = line(**{"global": context("1001")})
    assert await why_it_leads_nowhere(falling_back, "1001", "default") is None
    assert await why_it_leads_nowhere(falling_back, "9999", "default")


SCRIPT = '<configuration name="lua.conf"><param name="xml-handler-bindings" value="dialplan"/></configuration>'


@pytest.mark.parametrize(
    ("modules", "lua", "told"),
    [
        (("mod_xml_curl",), MISSING, False),
        (("mod_lua",), MISSING, True),
        (("mod_lua",), '<configuration name="lua.conf"/>', True),
        (("mod_lua",), SCRIPT, False),
        ((), SCRIPT, True),
    ],
)
async def test_nothing_is_told_of_a_context_that_may_be_made_elsewhere(
    modules: tuple[str, ...], lua: str, told: bool
) -> None:
    asked = line(modules=modules, lua=lua)
    assert (await why_it_leads_nowhere(asked, "1001", "default") is not None) is told


@pytest.mark.parametrize("answer", [ExecutionError("no such command"), "<notes/>", "neither XML"])
async def test_freeswitch_decides_where_it_tells_nothing_of_its_dialplan(answer: Any) -> None:
    assert await why_it_leads_nowhere(line(default=answer), "9999", "default") is None
