"""A call of the testing kit to a telephone of the tests: both ends of everything that is said in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from audio.tones import noise
from sip import MediaRoom
from sip.telephone import Telephone, TelephoneCall, declines, rings

from mod_openai_realtime.sip.call import CallRefusedError, SipCall


@pytest.fixture
def room() -> Iterator[MediaRoom]:
    with MediaRoom() as room:
        yield room


@pytest.fixture
def telephone(room: MediaRoom) -> Iterator[Telephone]:
    telephone = Telephone(room)
    yield telephone
    telephone.close()


class Caller:
    def __init__(self, telephone: Telephone, room: MediaRoom) -> None:
        host, port = telephone.address.split(":")
        self.party = room.party()
        self.ended = asyncio.Event()
        self.call = SipCall((host, int(port)), "200", 'Ann "A"', self.party, self.ended.set)

    async def begin(self) -> None:
        await self.call.begin({"X-Own": "1"}, 20)

    async def wait_ended(self) -> None:
        async with asyncio.timeout(20):
            await self.ended.wait()


@asynccontextmanager
async def calling(telephone: Telephone, room: MediaRoom) -> AsyncIterator[Caller]:
    caller = Caller(telephone, room)
    try:
        yield caller
    finally:
        caller.call.close()


async def test_who_is_answered_is_heard_and_hears(telephone: Telephone, room: MediaRoom) -> None:
    async with calling(telephone, room) as caller:
        await caller.begin()
        taken = telephone.wait_call()
        invite = taken.requests[0]
        assert (taken.uuid, invite.header("X-Own")) == (caller.call.uuid, "1")
        assert invite.header("From").startswith('"Ann A" <sip:Ann%20%22A%22@')
        for speaker, listener in ((caller.party, taken.party), (taken.party, caller.party)):
            said = speaker.say(noise(40, 8000))
            await asyncio.to_thread(listener.wait_payload, said[-1])
        caller.call.hang_up()
        await asyncio.to_thread(taken.wait_end)
        assert caller.ended.is_set()


async def test_the_other_side_may_hang_up(telephone: Telephone, room: MediaRoom) -> None:
    async with calling(telephone, room) as caller:
        await caller.begin()
        telephone.wait_call().hang_up()
        await caller.wait_ended()


async def test_a_refusal_says_why(telephone: Telephone, room: MediaRoom) -> None:
    telephone.called = declines(486)
    async with calling(telephone, room) as caller:
        with pytest.raises(CallRefusedError, match="486"):
            await caller.begin()
        assert caller.ended.is_set()


async def test_early_media_is_heard_of_a_call_that_is_never_answered(telephone: Telephone, room: MediaRoom) -> None:
    telephone.called = TelephoneCall.progress
    async with calling(telephone, room) as caller:
        beginning = asyncio.create_task(caller.begin())
        taken = await asyncio.to_thread(telephone.wait_call)
        said = taken.party.say(noise(40, 8000))
        await asyncio.to_thread(caller.party.wait_payload, said[-1])
        taken.decline(480)
        with pytest.raises(CallRefusedError, match="480"):
            await beginning


async def test_a_caller_who_gives_up_while_it_rings_is_told_so(telephone: Telephone, room: MediaRoom) -> None:
    telephone.called = rings
    async with calling(telephone, room) as caller:
        beginning = asyncio.create_task(caller.begin())
        taken = await asyncio.to_thread(telephone.wait_call)
        caller.call.hang_up()
        assert (await asyncio.to_thread(taken.wait_request, "CANCEL")).header("CSeq") == "1 CANCEL"
        with pytest.raises(CallRefusedError, match="487"):
            await beginning


async def test_where_the_caller_is_referred_to_is_noted_and_told_as_done(telephone: Telephone, room: MediaRoom) -> None:
    async with calling(telephone, room) as caller:
        await caller.begin()
        taken = telephone.wait_call()
        telephone.request(taken, "REFER", {"Refer-To": "<sip:300@127.0.0.1>"})
        notify = await asyncio.to_thread(taken.wait_request, "NOTIFY")
        assert (caller.call.referred_to, notify.body) == ("sip:300@127.0.0.1", "SIP/2.0 200 OK\r\n")
