"""A host, with workers that are played by the test."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from agent.fake_worker import FakeWorker
from threads import in_thread
from typing_extensions import override
from xml_reader import ROOT

from mod_openai_realtime.agent import Agent, Call, CallError
from mod_openai_realtime.agent import messages as m
from mod_openai_realtime.agent.host import ORPHAN_S, AgentHost
from mod_openai_realtime.agent.watchdog import Watchdog


class Shop(Agent):
    instructions = "Sell."
    made: list[Shop] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.made.append(self)
        self.notes: list[str] = []

    @override
    async def on_start(self, call: Call) -> None:
        if call.parameters.get("break"):
            raise ValueError("broken by request")

    @override
    async def on_connect(self, call: Call, restored: bool) -> None:
        self.notes.append(f"connect {restored}")

    @override
    async def on_digits(self, call: Call, digits: str) -> None:
        if digits == "0":
            raise ValueError("zero")
        if digits == "9":
            try:
                await call.api("status")
            except CallError as error:
                self.notes.append(str(error))
        self.notes.append(digits)

    @override
    async def on_end(self, call: Call, reason: str) -> None:
        self.notes.append(reason)


def begin(call: int, agent: str = "shop", uuid: str = "", **parameters: str) -> m.Begin:
    return m.Begin(call, 1, agent, m.Facts(uuid=uuid or f"u-{call}", parameters=parameters))


Attach = Callable[[AgentHost], Awaitable[FakeWorker]]


@pytest.fixture
async def attach() -> AsyncIterator[Attach]:
    workers: list[FakeWorker] = []

    async def attached(host: AgentHost) -> FakeWorker:
        workers.append(await FakeWorker.attached(host))
        return workers[-1]

    yield attached
    for worker in workers:
        await worker.closed()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)  # other tasks of this loop bring it about


@pytest.fixture
async def host() -> AsyncIterator[AgentHost]:
    Shop.made.clear()
    host = AgentHost({"shop": Shop}, generation=3)
    running = asyncio.create_task(host.run([]))
    yield host
    host.stop()
    for driver in list(host._lines):
        driver.drop()
        host.ended(driver)
    await running


async def talking(worker: FakeWorker, call: int, **parameters: str) -> None:
    worker.send(begin(call, **parameters))
    await worker.act(m.Plan, call)
    worker.send(m.Connected(call, 2))


async def test_a_host_says_what_it_has_and_answers_a_call_with_a_plan(host: AgentHost, attach: Attach) -> None:
    worker = await attach(host)
    hello = await worker.welcome()
    assert (hello.agents, hello.generation, hello.protocol) == (["shop"], 3, m.PROTOCOL)
    worker.send(begin(1))
    assert (await worker.act(m.Plan, 1)).session["instructions"] == "Sell."
    worker.send(begin(2, "nobody"))
    assert (await worker.act(m.Fail, 2)).reason == "Unknown agent 'nobody'"


async def test_what_one_call_does_touches_no_other(host: AgentHost, attach: Attach) -> None:
    worker = await attach(host)
    await worker.welcome()
    await talking(worker, 1)
    worker.send(begin(2, **{"break": "yes"}))
    assert "broken by request" in (await worker.act(m.Fail, 2)).reason
    await talking(worker, 3)
    for call in (1, 3):
        worker.send(m.Digit(call, 3, "0"), m.Digit(call, 4, "#"), m.Digit(call, 5, "1"), m.Digit(call, 6, "#"))
        assert "on_digits failed: ValueError: zero" in (await worker.act(m.Log, call)).text
    worker.send(m.Ended(1, 7, "caller"), m.Ended(3, 7, "caller"))
    await worker.act(m.Done, 1)
    assert [each.notes for each in Shop.made if each.notes] == [["connect False", "1", "caller"]] * 2


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff\xff", b"\x02\0\0\0{}", m.encode(m.Connected(9, 2)), m.encode(m.Welcome(99, 0, "/"))]
)
async def test_what_is_no_worker_is_hung_up_on(
    host: AgentHost, attach: Attach, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    worker = await attach(host)
    await worker.next(m.Hello)
    worker.write(data)
    await worker.eof()
    assert "the connection to a worker is given up" in caplog.text


async def test_a_call_whose_worker_died_keeps_its_instance_with_the_next(host: AgentHost, attach: Attach) -> None:
    worker = await attach(host)
    await worker.welcome()
    await talking(worker, 1)
    worker.send(m.Digit(1, 3, "9"), m.Digit(1, 4, "#"))
    await worker.act(m.Execute, 1)
    worker.close()
    await until(lambda: bool(host._orphans))
    other = await attach(host)
    await other.welcome()
    other.send(begin(5, uuid="u-1"), m.Connected(5, 2, True, "reconnect"), m.Ended(5, 3, "caller"))
    await other.act(m.Done, 5)
    (agent,) = Shop.made
    assert agent.notes[:3] == ["connect False", "the engine's worker has ended", "9"]
    assert agent.notes[-1] == "caller"


async def test_a_call_that_no_worker_takes_up_ends(
    host: AgentHost, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mod_openai_realtime.agent.host.ORPHAN_S", 0.0)
    worker = await attach(host)
    await worker.welcome()
    await talking(worker, 1)
    worker.close()
    await until(lambda: not host.calls)
    assert Shop.made[0].notes[-1] == "stopped"


@pytest.mark.parametrize("first", ["the worker", "the host"])
async def test_as_the_engine_ends_no_other_worker_is_waited_for(host: AgentHost, attach: Attach, first: str) -> None:
    worker = await attach(host)
    await worker.welcome()
    await talking(worker, 1)
    if first == "the host":
        host.stop()
    worker.close()
    if first == "the worker":
        await until(lambda: bool(host._orphans))
        host.stop()
    await asyncio.wait_for(until(lambda: not host.calls), ORPHAN_S - 1)
    assert Shop.made[0].notes[-1] == "stopped"


async def test_a_host_that_is_to_drain_takes_no_new_calls_and_ends_with_its_last(attach: Attach) -> None:
    host = AgentHost({"shop": Shop})
    running = asyncio.create_task(host.run([]))
    worker = await attach(host)
    await worker.welcome()
    await talking(worker, 1)
    host.drain()
    assert (await worker.next(m.Agents)).agents == []
    worker.send(begin(2))
    await worker.act(m.Fail, 2)
    assert not running.done()
    worker.send(m.Ended(1, 3, "caller"))
    await worker.act(m.Done, 1)
    await running


async def test_an_agent_may_be_private_to_its_process(host: AgentHost, attach: Attach) -> None:
    class Secret(Agent):
        instructions = "Whisper."

    name = host.private(Secret)
    assert name.startswith(f"@{host.id}/")
    worker = await attach(host)
    assert (await worker.welcome()).agents == ["shop"]
    worker.send(begin(1, name))
    assert (await worker.act(m.Plan, 1)).session["instructions"] == "Whisper."
    host.forget(name)
    worker.send(begin(2, name))
    await worker.act(m.Fail, 2)


async def test_a_blocked_loop_is_named_with_who_blocks_it(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    watchdog = Watchdog(asyncio.get_running_loop(), look_s=1000.0, clock=lambda: now[0])

    def look() -> None:
        now[0] += 1000.9
        watchdog.look()
        now[0] += 0.2
        watchdog.look()
        watchdog.look()

    async def computes() -> None:
        in_thread(look).result(60)

    with caplog.at_level(logging.ERROR):
        await asyncio.create_task(computes(), name="tool price of shop in call u-1")
        now[0] += 2
        watchdog._timer.cancel()
        watchdog._tick()
    (first, second) = [record.getMessage() for record in caplog.records]
    assert "for more than 1 s by tool price of shop in call u-1" in first and "in computes" in first
    assert second == "the event loop was blocked for 3.1 s" and watchdog.blocked_s == pytest.approx(3.1)
    watchdog.close()


async def test_a_host_process_connects_drains_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "worker.sock"
    accepted: asyncio.Queue[FakeWorker] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait(FakeWorker(reader, writer))

    code = f"""
import os
from pathlib import Path
from mod_openai_realtime.agent.host import run_host
run_host([{str(ROOT / "examples/bakery/bakery.py")!r}], [Path({str(path)!r})], users=frozenset({{os.getuid()}}))
"""
    process = subprocess.Popen([sys.executable, "-c", code])  # noqa: ASYNC220
    try:
        async with await asyncio.start_unix_server(accept, str(path)):
            worker = await accepted.get()
            assert (await worker.welcome()).agents == ["bakery"]
            worker.send(begin(1, "bakery"))
            plan = await worker.act(m.Plan, 1)
            assert [each["name"] for each in plan.session["tools"]] == ["opening_hours", "put_through", "finish"]
            process.send_signal(signal.SIGUSR1)
            assert (await worker.next(m.Agents)).agents == []
            worker.send(m.Ended(1, 2, "caller"))
            await worker.act(m.Done, 1)
            assert await asyncio.to_thread(process.wait, 60) == 0
            await worker.closed()
    finally:
        process.kill()
        process.wait()


async def test_another_users_socket_is_not_spoken_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "worker.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    host: Any = AgentHost({"shop": Shop}, users=frozenset())
    monkey = pytest.MonkeyPatch()
    monkey.setattr("mod_openai_realtime.agent.host.peer_is_trusted", lambda sock, users: False)
    assert await host._connect(path) is None
    assert "another user" in caplog.text
    monkey.undo()
    listener.close()
