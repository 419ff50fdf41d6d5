"""Hold, and other parties than the caller: the commands that they become, and how they fail."""

from __future__ import annotations

import asyncio

import pytest
from agent.fake_call import API, APPLICATION, GET, SET, FakeCall, both, result_of

from mod_openai_realtime.agent.messages import Execute
from mod_openai_realtime.pilot import agent_parties, agent_referral
from mod_openai_realtime.switch.execution import LINK_LOST, ExecutionError


async def test_on_hold_the_stream_waits_and_the_channels_music_plays() -> None:
    line = FakeCall({(GET, "hold_music"): "local_stream://moh"})
    results = await both(line, Execute(1, "hold", "on"), Execute(2, "hold", "on"), Execute(3, "hold", "off"))
    assert all(result.ok for result in results)
    assert line.told == ["pause", "resume"]
    assert [asked for asked in line.asked if asked[0] is API] == [
        (API, "uuid_displace", "u1 start local_stream://moh 0 l"),
        (API, "uuid_displace", "u1 stop local_stream://moh"),
    ]


async def test_without_hold_music_there_is_silence() -> None:
    line = FakeCall({(GET, "hold_music"): None})
    assert all(result.ok for result in await both(line, Execute(1, "hold", "on"), Execute(2, "hold", "off")))
    assert line.told == ["pause", "resume"]


async def test_where_music_cannot_be_played_there_is_silence() -> None:
    line = FakeCall({(GET, "hold_music"): "/none.wav", (API, "uuid_displace"): ExecutionError("no such file")})
    assert all(result.ok for result in await both(line, Execute(1, "hold", "on"), Execute(2, "hold", "off")))
    assert line.told == ["pause", "resume"]
    assert [asked for asked in line.asked if asked[0] is API] == [(API, "uuid_displace", "u1 start /none.wav 0 l")]


async def test_a_caller_whom_another_worker_put_on_hold_is_taken_off() -> None:
    line = FakeCall({(GET, "hold_music"): "local_stream://moh", (API, "uuid_displace"): ExecutionError("not there")})
    assert all(result.ok for result in await both(line, Execute(1, "hold", "off")))
    assert line.told == ["resume"]
    assert (API, "uuid_displace", "u1 stop local_stream://moh") in line.asked


async def test_before_two_are_connected_the_music_ends_and_the_stream_still_waits() -> None:
    line = FakeCall({(GET, "hold_music"): "m"})
    results = await both(line, Execute(1, "hold", "on"), Execute(2, "hold", "silent"), Execute(3, "hold", "off"))
    assert all(result.ok for result in results)
    assert line.told == ["pause", "resume"]
    assert [each[2] for each in line.asked if each[0] is API] == ["u1 start m 0 l", "u1 stop m"]


async def test_two_holds_at_once_begin_the_music_once() -> None:
    line = FakeCall({(GET, "hold_music"): "m"})
    await both(line, Execute(1, "hold", "on"), Execute(2, "hold", "on"), at_once=True)
    assert [each[2] for each in line.asked if each[0] is API] == ["u1 start m 0 l"]


# -- bridge


@pytest.fixture
async def bridged(monkeypatch: pytest.MonkeyPatch) -> FakeCall:
    """A line whose bridge rings."""
    monkeypatch.setattr(agent_parties, "LOOK_S", 0.001)
    bridging: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    return FakeCall({(APPLICATION, "bridge"): bridging, (GET, "originate_disposition"): "", (GET, "bridge_uuid"): "u2"})


async def test_a_bridge_is_there_once_the_other_party_has_answered(bridged: FakeCall) -> None:
    line = bridged
    result = asyncio.ensure_future(result_of(line, Execute(1, "bridge", "connected", "user/1001")))
    await asyncio.sleep(0.01)
    line.answers[GET, "originate_disposition"] = "SUCCESS"
    line.answers[API, "uuid_getvar"] = "EARLY MEDIA"
    await asyncio.sleep(0.01)
    assert not result.done()
    line.answers[API, "uuid_getvar"] = "ANSWER"
    assert (await result).ok
    line.answers[APPLICATION, "bridge"].set_exception(ExecutionError("gone"))  # nobody waits for that any more
    assert line.told == ["mute all"]


async def test_a_bridge_may_be_waited_for_to_its_end(bridged: FakeCall) -> None:
    line = bridged
    line.answers |= {(GET, "originate_disposition"): "SUCCESS", (API, "uuid_getvar"): "ANSWER"}
    line.answers[GET, "hangup_after_bridge"] = "true"
    result = asyncio.ensure_future(result_of(line, Execute(1, "bridge", "ended", "user/1001")))
    await asyncio.sleep(0.01)
    assert not result.done() and line.told == ["mute openai"]
    line.answers[APPLICATION, "bridge"].set_result("")
    assert (await result).ok
    assert line.told == ["mute openai", "unmute openai"]
    assert [each[2] for each in line.asked if each[:2] == (SET, "hangup_after_bridge")] == ["false", "true"]


@pytest.mark.parametrize(
    ("disposition", "cause", "error"),
    [
        ("USER_BUSY", None, "USER_BUSY"),
        (None, None, "the call came to nothing"),
        ("SUCCESS", "USER_BUSY", "USER_BUSY"),  # after it was heard already
        ("SUCCESS", "NORMAL_CLEARING", None),  # so soon that nobody has looked
    ],
)
async def test_a_bridge_that_came_to_nothing_has_its_cause(
    disposition: str | None, cause: str | None, error: str | None
) -> None:
    line = FakeCall(
        {
            (APPLICATION, "bridge"): "",
            (GET, "originate_disposition"): disposition,
            (GET, "bridge_hangup_cause"): cause,
        }
    )
    assert (await result_of(line, Execute(1, "bridge", "connected", "user/1001"))).error == error
    assert line.told == (["mute all", "unmute all"] if error else ["mute all"])


# -- originate


@pytest.mark.parametrize("own", [None, "lua billing.lua"])
async def test_whoever_rings_is_let_go_of_with_the_caller_where_the_channel_has_no_hook_of_its_own(
    own: str | None,
) -> None:
    line = FakeCall({(GET, "api_reporting_hook"): own, (API, "originate"): "u2"})
    assert (await result_of(line, Execute(1, "originate", "u2", "user/1001 &park"))).value == "u2"
    hooks = [each[2] for each in line.asked if each[:2] == (SET, "api_reporting_hook")]
    assert hooks == ([] if own else ["uuid_kill u2 ORIGINATOR_CANCEL", ""])
    assert (API, "originate", "user/1001 &park") in line.asked


# -- refer


@pytest.mark.parametrize(
    ("answer", "target", "error"),
    [
        ("202", "SIP/2.0 200 OK\r\n", None),
        ("202", "SIP/2.0 404 Not Found\r\n", "404 Not Found"),
        ("603", None, "the caller's telephone has refused: 603"),
    ],
)
async def test_a_telephone_that_is_referred_tells_what_came_of_it(
    answer: str, target: str | None, error: str | None
) -> None:
    line = FakeCall({(GET, "sip_refer_status_code"): answer, (GET, "sip_refer_reply"): target})
    assert (await result_of(line, Execute(1, "refer", "sip:1@example.com"))).error == error
    assert line.told == (["sent", "transferred", "staying"] if error else ["sent", "transferred"])
    assert (APPLICATION, "deflect", "sip:1@example.com") in line.asked
    assert ((API, "uuid_kill", "u1 BLIND_TRANSFER") in line.asked) is (error is None)


async def test_a_telephone_that_never_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_referral, "ANSWER_S", 0.0)
    line = FakeCall({(GET, "sip_refer_status_code"): "", (GET, "sip_refer_reply"): None})
    result = await result_of(line, Execute(1, "refer", "sip:1@example.com"))
    assert result.error == "the caller's telephone does not tell what came of it"


async def test_a_telephone_that_hangs_up_by_itself_has_gone_there() -> None:
    line = FakeCall({(APPLICATION, "deflect"): ExecutionError(LINK_LOST)})
    assert (await result_of(line, Execute(1, "refer", "sip:1@example.com"))).ok
    assert line.told == ["sent", "transferred"]
