"""Calls of a page, with what is behind it in production and without a browser: the test sends what its page would."""

from __future__ import annotations

import asyncio
import socket
from importlib.util import find_spec

import pytest
from talk_page import Talk
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from mod_openai_realtime.local.voice import hibari
from mod_openai_realtime.talk.house import MAX_CALLS

if find_spec("silero_vad") is None:
    pytest.skip("no silero-vad: requirements/local.txt", allow_module_level=True)

GREETING = "Say welcome to the shop."
LONG = "A roll costs three, and now I tell you of the bread, the cake and the pies, of which we have a great many."


async def test_the_agent_is_heard_told_of_keys_and_hangs_up(talk: Talk) -> None:
    talk.model.will_say("You pressed something.").will_call("price", of="nothing").will_call("finish")
    async with talk.called() as caller:
        await caller.until(lambda: caller.heard(GREETING))
        assert max(caller.audio) > 0 and len(caller.audio) > 2 * 48000
        await caller.send("keys", digits="12#")
        await caller.until(lambda: caller.heard("You pressed something."))
        told = caller.entry("told")
        assert told is not None and "12" in told["text"]
        await caller.send("keys", digits="3#")
        await caller.until(lambda: caller.end)
        tools = [each for each in caller.entries.values() if each["who"] == "tool"]
        assert [(each["name"], each["state"]) for each in tools] == [("price", "failed"), ("finish", "over")]
        assert tools[0]["error"] == "we have no nothing" and tools[0]["arguments"] == '{"of":"nothing"}'
        assert caller.end == {"type": "ended", "reason": "hang_up", "text": "The agent hung up."}
        assert not [each for each in caller.entries.values() if each["who"] == "notice"]


async def test_who_interrupts_is_heard_and_the_answer_ends_at_what_was_heard(talk: Talk) -> None:
    talk.model.will_say(LONG).will_say("As you like.")
    await hibari().speak(LONG, 24000)
    speech = (await hibari().speak("Stop, that is enough for me.", 48000)).astype("<i2").tobytes()
    async with talk.called() as caller:
        await caller.until(lambda: caller.heard(GREETING))
        await caller.send("keys", digits="1#")
        await caller.until(lambda: (caller.entry("agent") or {})["text"].startswith(LONG[:20]))
        began = len(caller.audio)
        await caller.until(lambda: len(caller.audio) > began + 2 * 48000)
        speaking = asyncio.create_task(caller.speaks(speech))
        await caller.until(lambda: caller.heard("As you like."))
        await speaking
        cut = next(each for each in caller.entries.values() if each.get("state") == "interrupted")
        assert LONG.startswith(cut["text"]) and LONG.endswith(cut["unheard"]) and cut["text"] and cut["unheard"]
        (truncated,) = talk.session.received_events("conversation.item.truncate")
        assert truncated["audio_end_ms"] == cut["heard_ms"] > 500
        heard = caller.entry("caller")
        assert heard is not None and heard["spoke_ms"] > 500 and caller.entry("agent")["latency_ms"] > 0


async def test_who_hangs_up_is_told_that_they_did(talk: Talk) -> None:
    async with talk.called() as caller:
        await caller.until(lambda: caller.entry("agent"))
        await caller.send("hang_up")
        await caller.until(lambda: caller.end)
        assert caller.end is not None and caller.end["reason"] == "caller"
        assert [each["type"] for each in caller.told if each["type"] == "summary"]


async def test_a_page_that_is_closed_has_hung_up(talk: Talk) -> None:
    async with talk.called() as caller:
        await caller.until(lambda: caller.entry("agent"))
        session = talk.session
        assert not session.closed
    await talk.all_hung_up()
    assert talk.session.index == session.index


@pytest.mark.parametrize("message", [b"\x01", "{}", '{"type":"keys","digits":"%"}'])
async def test_a_page_that_is_none_is_hung_up_on(talk: Talk, message: str | bytes) -> None:
    async with talk.called() as caller:
        await caller.socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await caller.until(lambda: False)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


async def test_other_web_pages_get_no_call(talk: Talk) -> None:
    url, door = talk.call_url, talk.door
    for origin in (None, Origin("null"), Origin("http://evil.example"), Origin("http://127.0.0.1:1")):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, origin=origin):
                pass
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        async with connect(url.replace("/call", "x/call"), origin=door.origins[0]):
            pass
    assert not talk.house.calls


async def test_a_browser_without_a_rate_that_can_be_converted(talk: Talk) -> None:
    for rate in ("", "?rate=0", "?rate=x", "?rate=1000001", "?rate=44101"):
        async with connect(talk.call_url.partition("?")[0] + rate, origin=talk.door.origins[0]) as page:
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await page.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


async def test_not_every_page_gets_a_call(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CALLS < 100
    monkeypatch.setattr("mod_openai_realtime.talk.house.MAX_CALLS", 1)
    async with talk.called() as first, talk.called() as second:
        with pytest.raises(ConnectionClosed) as closed:
            await second.until(lambda: False)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
        await first.until(lambda: first.entry("agent"))


async def test_nobody_else_on_the_network_can_reach_it(talk: Talk) -> None:
    port = int(talk.door.origins[0].rpartition(":")[2])
    with socket.create_server(("127.0.0.2", port)):  # free, though 0.0.0.0 would have taken it
        pass
