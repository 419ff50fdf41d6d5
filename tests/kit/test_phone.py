"""The fixture `phone`: what tests of agents may rely on, with real audio through the compiled module."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from shop_agent import Hasty, Named, Shop, Unready

from mod_openai_realtime.agent import Agent
from mod_openai_realtime.agent.testing import Caller, Phone

if find_spec("silero_vad") is None:
    pytest.skip("no silero-vad: requirements/local.txt", allow_module_level=True)


async def greeted(caller: Caller) -> None:
    await caller.hears("welcome to the shop")


async def test_what_the_model_says_is_heard_and_tools_are_seen(phone: Phone) -> None:
    async with phone.call(Shop, number="+15550199", parameters={"kind": "late"}) as caller:
        await greeted(caller)
        assert caller.heard[0].text == "Say welcome to the shop.", "told what to say, it says no more"
        caller.model.will_call("price", of="rolls").will_say("They cost three.")
        await caller.says("What do rolls cost?")
        await caller.hears("THEY cost; three")
        (run,) = caller.tools
        assert (run.name, run.arguments) == ("price", {"of": "rolls"})
        assert run.result == {"price": "three", "caller": "+15550199", "kind": "late"}
        assert run.error is None


async def test_a_tool_that_fails(phone: Phone) -> None:
    async with phone.call(Shop) as caller:
        await greeted(caller)
        caller.model.will_call("price", of="nothing").will_say("We have none.")
        await caller.says("What does nothing cost?")
        assert caller.tools[-1].error == "we have no nothing" and caller.tools[-1].result is None


async def test_who_is_interrupted_was_not_heard_to_the_end(phone: Phone) -> None:
    long = "We have rolls and bread and cake and pies and much more that I could tell you about all day long."
    async with phone.call(Shop) as caller:
        await greeted(caller)
        caller.model.will_say(long).will_say("As you like.")
        await caller.says("What do you have?", wait=False)
        await caller.interrupts("Stop, that is enough for me.", after_ms=600)
        await caller.hears("as you like")
        cut = next(each for each in caller.heard if each.interrupted)
        assert cut.text and long.startswith(cut.text) and len(cut.text) < len(long)


async def test_digits_and_the_agents_own_end_with_what_it_does_then(phone: Phone, tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with phone.call(Shop, parameters={"note": str(note)}) as caller:
        await greeted(caller)
        caller.model.will_say("You pressed something.").will_call("finish")
        await caller.keys("12#")
        await caller.hears("you pressed something")
        await caller.says("That is all, goodbye.")
        assert await caller.ended() == "hang_up"
        assert note.read_text() == "hang_up"


async def test_one_call_at_a_time_until_the_caller_hangs_up(phone: Phone) -> None:
    async with phone.call(Shop) as caller:
        with pytest.raises(RuntimeError, match="one call at a time"):
            async with phone.call(Shop):
                pass
        await greeted(caller)
        await caller.hangs_up()
        assert await caller.ended() == "caller"


async def test_a_connection_that_is_lost_is_restored(phone: Phone) -> None:
    async with phone.call(Shop) as caller:
        await greeted(caller)
        caller.endpoint_drops()
        caller.model.will_say("Again.")
        await caller.says("Are you still there?")
        await caller.hears("again")


async def test_a_host_that_dies_is_followed_by_another(phone: Phone) -> None:
    async with phone.call(Shop) as caller:
        await greeted(caller)
        caller.host_dies()
        caller.model.will_call("price", of="rolls").will_say("Three.")
        await caller.says("What do rolls cost?")
        assert caller.tools[-1].result["price"] == "three"


async def test_an_agent_that_no_file_has_at_its_top(phone: Phone) -> None:
    class Hidden(Agent):
        instructions = "x"

    with pytest.raises(ValueError, match="at the top of a file"):
        async with phone.call(Hidden):
            pass


async def test_an_endpoint_that_is_away_and_an_agent_that_cannot_begin(phone: Phone) -> None:
    async with phone.call(Hasty, endpoint_away=True) as caller:
        with pytest.raises(AssertionError, match=r"and the call is over\.[\s\S]*refused the connection: HTTP 503"):
            await caller.hears("anything")
        assert await caller.ended() == "failed"
    async with phone.call(Unready) as caller:
        with pytest.raises(AssertionError, match="RuntimeError: the database is away"):
            await caller.hears("anything")


async def test_the_agent_has_the_environment_of_the_test(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_NAME", "Miller")
    async with phone.call(Named) as caller:
        await caller.hears("welcome to Miller")
