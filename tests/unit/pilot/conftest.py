"""A worker's agents without a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from pilot_doubles import FakeHost, NotedDesk
from timers import Timers

from mod_openai_realtime.agent.messages import Facts
from mod_openai_realtime.pilot.agent_call import AgentCall
from mod_openai_realtime.pilot.agent_calls import AgentCalls


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One that is taken for the running one; only its timers are used, and they never run."""
    loop = asyncio.new_event_loop()
    asyncio._set_running_loop(loop)
    yield loop
    asyncio._set_running_loop(None)
    loop.close()


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def calls(loop: asyncio.AbstractEventLoop, timers: Timers) -> AgentCalls:
    return AgentCalls(frozenset({"bakery"}), timers.later)


@pytest.fixture
def desk() -> NotedDesk:
    return NotedDesk()


@pytest.fixture
def call(calls: AgentCalls, desk: NotedDesk) -> AgentCall:
    return calls.begin("bakery", Facts("uuid-1"), desk)


@pytest.fixture
def host(calls: AgentCalls) -> FakeHost:
    return FakeHost(calls)
