"""The fixture `phone` as users have it with --phone=freeswitch: over SIP, on a FreeSWITCH of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from office_agent import Office
from xml_reader import ROOT

from mod_openai_realtime.agent.testing import Caller, Phone

if find_spec("silero_vad") is None:
    pytest.skip("no silero-vad: requirements/local.txt", allow_module_level=True)


@pytest.fixture(scope="module")
def freeswitch_phone() -> Iterator[Phone]:
    from mod_openai_realtime.agent.testing.exchange import Exchange
    from mod_openai_realtime.agent.testing.freeswitch_line import (
        FreeSwitchOfTests,
        FreeSwitchSwitch,
        UnfitFreeSwitchError,
    )

    try:
        freeswitch = FreeSwitchOfTests()
    except UnfitFreeSwitchError as error:
        pytest.skip(str(error))
    exchange = Exchange(lambda _socket, _folder: FreeSwitchSwitch(freeswitch), freeswitch.engine_socket)
    yield Phone(exchange)
    exchange.close()
    freeswitch.close()


async def wants(caller: Caller, tool: str) -> None:
    await caller.hears("office")
    caller.model.will_call(tool)
    await caller.says("Please.", wait=False)


async def test_what_the_agent_knows_and_keys(freeswitch_phone: Phone) -> None:
    url, parameters = "https://crm/?a=1&b='2';,|\\x", {"table": 'six, "seven"', "who": "it's"}
    async with freeswitch_phone.call(
        Office, number="+15550199", dialled="*12#", parameters=parameters, variables={"CRM_URL": url}
    ) as caller:
        await caller.hears("office")
        caller.model.will_call("facts").will_call("number").will_say("Thank you.")
        await caller.says("Please.", wait=False)
        await caller.waits(3)
        await caller.keys("123")
        await caller.hears("thank you")
        facts, number = caller.tools
        known = {"number": "+15550199", "dialled": "*12#", "direction": "inbound"}
        assert facts.result == {**known, "parameters": parameters, "variable": url}
        assert number.result == "123"
        await caller.hangs_up()
        assert await caller.ended() == "caller"


async def test_a_transfer(freeswitch_phone: Phone) -> None:
    async with freeswitch_phone.call(Office) as caller:
        await wants(caller, "through")
        assert await caller.ended() == "transferred"
        assert caller.transferred_to == "1001"


async def test_a_bridge(freeswitch_phone: Phone) -> None:
    async with freeswitch_phone.call(Office) as caller:
        await wants(caller, "connect")
        assert await caller.ended() == "transferred"


async def test_a_telephone_that_is_sent_elsewhere(freeswitch_phone: Phone) -> None:
    async with freeswitch_phone.call(Office) as caller:
        await wants(caller, "elsewhere")
        assert await caller.ended() == "transferred"
        assert caller.transferred_to == "sip:bob@127.0.0.1:9"


def test_a_run_of_pytest_as_users_have_it(freeswitch_phone: Phone, tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/support/office_agent.py", tmp_path)
    (tmp_path / "test_office.py").write_text(
        "from office_agent import Office\n\n"
        "async def test_office(phone):\n"
        "    async with phone.call(Office) as caller:\n"
        "        await caller.hears('office')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    ran = subprocess.run(
        [*command, "--phone=freeswitch", "."], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ran.returncode == 0 and "1 passed" in ran.stdout, ran.stdout + ran.stderr
