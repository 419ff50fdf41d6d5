"""What a module at fault tells of a channel is refused where it comes in, and the channel can go on."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from link.channel_of_test import channel_of_test
from link.switch import LinkSwitch

from mod_openai_realtime._media import SwitchSide
from mod_openai_realtime.engine.figures import Figures
from mod_openai_realtime.engine.worker import Streams
from mod_openai_realtime.in_hand import InHand
from mod_openai_realtime.observe.board import Board
from mod_openai_realtime.realtime.endpoint import EndpointListener, EndpointSettings
from mod_openai_realtime.switch.channel import Channel
from mod_openai_realtime.switch.execution import ExecuteKind
from mod_openai_realtime.switch.wire import MessageType, encode

START = "start ws://far.example mono 24k 24k"


class Unconnected:
    """A WebSocket that never connects."""

    connected = False
    buffered_bytes = 0

    def __init__(self, settings: EndpointSettings, listener: EndpointListener, in_hand: InHand) -> None:
        self._listener = listener

    def start(self) -> None:
        pass

    def stop(self, code: int = 1000, reason: str = "") -> None:
        asyncio.get_running_loop().call_soon(self._listener.on_ended)

    def send_text(self, payload: bytes) -> bool:
        return False


class Bench:
    def __init__(self, switch: LinkSwitch, streams: Streams, channel: Channel, deadly: set[str]) -> None:
        self.switch, self.streams, self.channel, self.deadly = switch, streams, channel, deadly

    async def names(self) -> list[str]:
        return [each["name"] for each in orjson.loads((await self.switch.api("list")).removeprefix("+OK "))]

    def send(self, kind: MessageType, number: int, side: SwitchSide, **fields: str) -> None:
        data = encode(kind, stream=number, fields={"api": "openai", "channel": "1", **fields})
        socket.send_fds(self.switch.sock, [data], [side.fd])


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    streams, deadly = Streams(Figures()), set[str]()
    of_switch = {"temp_dir": str(tmp_path)}
    with channel_of_test(Unconnected, streams, of_switch, is_deadly=deadly.__contains__) as (channel, switch):
        yield Bench(switch, streams, channel, deadly)


@pytest.mark.parametrize(
    ("fact", "value", "why"),
    [
        ("read_rate", "8001", "Channel has a rate of 8001 Hz, which no stream can use"),
        ("write_rate", "96000", "Channel has a rate of 96000 Hz, which no stream can use"),
        ("write_rate", "0", "Channel has a rate of 0 Hz, which no stream can use"),
        ("read_rate", "-8000", "Channel states a read_rate that makes no sense"),
        ("read_rate", "8" * 10_000, "Channel states a read_rate that makes no sense"),
        ("write_rate", "٨٠٠٠", "Channel states a write_rate that makes no sense"),
        ("ptime_ms", "", "Channel states a ptime_ms that makes no sense"),
        ("ptime_ms", "1001", "Channel states a ptime_ms that makes no sense"),
    ],
)
async def test_facts_that_no_channel_can_have_refuse_the_start(bench: Bench, fact: str, value: str, why: str) -> None:
    bench.switch.facts = {fact: value}
    assert await bench.switch.api(START) == f"-ERR {why}"
    assert bench.switch.closed == [1]
    bench.switch.facts = {}
    assert await bench.switch.api(START) == "+OK Success"
    assert await bench.names() == ["default"]


async def test_memory_that_can_not_be_used_refuses_the_start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsealed(**sizes: int) -> Any:
        side = SwitchSide(**sizes)
        os.pwrite(side.fd, b"\xff", 0)
        return side

    with monkeypatch.context() as patch:
        patch.setattr("link.switch.SwitchSide", unsealed)
        reply = await bench.switch.api(START)
    assert reply == "-ERR Audio can't be shared with the channel: stream memory: not a stream's memory"
    assert await bench.switch.api(START) == "+OK Success"


async def test_memory_whose_descriptor_was_lost_refuses_the_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel does it to a process that has too many."""
    send: Any = bench.switch._send
    with monkeypatch.context() as patch:
        patch.setattr(bench.switch, "_send", lambda data, fds=(): send(data))
        reply = await bench.switch.api(START)
    assert reply.startswith("-ERR Audio can't be shared with the channel: no descriptor; the engine may have too many")
    assert bench.switch.closed == [1]
    assert await bench.switch.api(START) == "+OK Success"


async def test_a_channel_that_ends_while_it_is_tapped_leaves_its_name_free(bench: Bench) -> None:
    bench.switch.ends = True
    assert await bench.switch.api(START) == "-ERR Channel has ended"
    await bench.switch.until(lambda: bench.switch.idle == 1)
    bench.switch.ends = False
    assert await bench.switch.api(START) == "+OK Success"


async def test_a_link_is_not_idle_while_something_is_asked_of_the_channel(bench: Bench) -> None:
    link, switch = bench.channel.link, bench.switch
    assert await switch.api(START) == "+OK Success"
    switch.carries_out = False
    bridged = link.execute(ExecuteKind.APPLICATION, "bridge", "user/1001")
    assert await switch.api("stop") == "+OK Success"
    await switch.until(lambda: switch.executed and not switch.bugs)
    assert switch.idle == 0
    switch.done(switch.executed[0][0], text="SUCCESS")
    assert await bridged == "SUCCESS"
    await switch.until(lambda: switch.idle == 1)
    switch.carries_out = True
    await link.execute(ExecuteKind.SET, "note", "afterwards")
    assert await link.execute(ExecuteKind.GET, "note") == "afterwards"
    await switch.until(lambda: switch.idle == 3)


@pytest.mark.parametrize("number", [0, 1 << 31, (1 << 32) - 1])
async def test_a_stream_with_a_number_that_no_engine_gives_is_not_resumed(bench: Bench, number: int) -> None:
    bench.send(MessageType.RESUME, number, SwitchSide(), arguments=START)
    assert await bench.names() == []
    assert await bench.switch.api(START) == "+OK Success"


async def test_a_stream_is_resumed_once_and_its_name_and_its_playback_are_its_own(bench: Bench) -> None:
    sides = [SwitchSide() for _ in range(4)]
    for number, side, rest in zip((7, 7, 8, 9), sides, ("", "", "", " stream=other"), strict=True):
        bench.send(MessageType.RESUME, number, side, arguments=START + rest)
    assert await bench.names() == ["default"]
    assert len(bench.streams.memories()) == 1
    assert [text for _, text in bench.switch.log if "cannot be resumed" in text] == [
        "openai_audio_stream : stream cannot be resumed: Stream already exists",
        "openai_audio_stream : stream cannot be resumed: Playback is already enabled by stream 'default'",
    ]


async def test_a_channel_of_which_workers_have_died_is_neither_resumed_nor_given_another_stream(bench: Bench) -> None:
    assert await bench.names() == []  # its uuid is known
    bench.deadly.add(bench.channel.uuid)
    bench.send(MessageType.RESUME, 7, SwitchSide(), arguments=START)
    assert await bench.switch.api(START) == "-ERR Workers of the engine have died of this channel"
    assert await bench.names() == []
    assert [text for _, text in bench.switch.log if "cannot be resumed" in text] == [
        "openai_audio_stream : stream cannot be resumed: Workers of the engine have died of this channel"
    ]


async def test_figures_out_of_range_leave_the_others_of_the_worker_alone(bench: Bench) -> None:
    """Also in the metrics: they used to be published no more."""
    await bench.switch.api(START)
    for line in (64, 192, 256):
        os.pwrite(bench.switch.bug.side.fd, b"\xff" * 64, line)
    figures = Figures().snapshot(1, 1, bench.streams.memories(), bench.streams.ticker)
    board = Board(1)
    board.publish(figures)
    assert [(row.underruns, row.lost_slots, row.faults) for row in board.rows()] == [(0, 0, 0)]
    assert await bench.switch.api("stop") == "+OK Success"
    summary = orjson.loads(await bench.switch.event("summary"))
    assert summary["underruns"] == summary["heard_ms"] == 0
