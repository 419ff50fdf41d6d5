"""A page's server, on what the fixture `phone` stands on: the compiled module, an engine, the local endpoint."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from shop_agent import Shop
from talk_page import Talk

from mod_openai_realtime.agent.testing.exchange import Exchange
from mod_openai_realtime.agent.testing.standin_line import StandInSwitch
from mod_openai_realtime.talk.door import Door
from mod_openai_realtime.talk.house import Dialled, House
from mod_openai_realtime.talk.server import listener, serving


class Switches:
    """Keeps the one that it makes."""

    def __init__(self) -> None:
        self.made: list[StandInSwitch] = []

    def __call__(self, engine_socket: Path, folder: Path) -> StandInSwitch:
        self.made.append(StandInSwitch(engine_socket, folder))
        return self.made[-1]


@pytest.fixture(scope="module")
def stands_on() -> Iterator[tuple[Exchange, Switches]]:
    switches = Switches()
    exchange = Exchange(switches)
    yield exchange, switches
    exchange.close()


@pytest.fixture
async def talk(stands_on: tuple[Exchange, Switches]) -> AsyncIterator[Talk]:
    exchange, switches = stands_on
    name = exchange.serve(Shop)
    house = House(switches.made[0].switch, Dialled(name, parameters={"kind": "late"}))
    with contextlib.closing(listener(0)) as listening:
        door = Door(listening.getsockname()[1], "shop_agent.py:Shop")
        async with serving(listening, door, house):
            yield Talk(exchange, door, house, exchange.begin_call(0, away=False))
