"""pytest's entry point: the fixtures `desk` and `phone`, and bare `async def` tests that use them. It leaves alone what
pytest-asyncio or anyio runs, and imports nothing of the product before a test wants it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .agent.testing import Desk, Phone
    from .agent.testing.exchange import Exchange
    from .agent.testing.freeswitch_line import FreeSwitchOfTests
    from .agent.testing.line import Switch

FIXTURES = frozenset({"desk", "phone"})


def pytest_addoption(parser: pytest.Parser) -> None:
    from .testing_options import add_options

    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    from .testing_options import check_options

    check_options(config)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """An agent's logic alone: `call = await desk.call(Bakery)`."""
    from .agent.testing import Desk

    made = Desk()
    yield made
    made.close()


@pytest.fixture(scope="session")
def openai_realtime_freeswitch() -> Iterator[FreeSwitchOfTests]:
    """The FreeSWITCH that `phone` calls with --phone=freeswitch, for all tests of a process."""
    from .agent.testing.freeswitch_line import FreeSwitchOfTests

    made = FreeSwitchOfTests()
    yield made
    made.close()


@pytest.fixture(scope="module")
def openai_realtime_exchange(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    """What `phone` stands on, for all tests of a file: there is one stand-in switch at a time in a process."""
    from .agent.testing.exchange import Exchange
    from .testing_options import language_model

    model = language_model(request.config)
    if request.config.getoption("--phone") == "freeswitch":
        from .agent.testing.freeswitch_line import FreeSwitchSwitch

        freeswitch = request.getfixturevalue("openai_realtime_freeswitch")
        made = Exchange(lambda _socket, _folder: FreeSwitchSwitch(freeswitch), freeswitch.engine_socket, model)
    else:

        def stand_in(engine_socket: Path, folder: Path) -> Switch:
            from .agent.testing.standin_line import StandInSwitch

            return StandInSwitch(engine_socket, folder)

        made = Exchange(stand_in, None, model)
    yield made
    made.close()


@pytest.fixture
def phone(openai_realtime_exchange: Exchange, request: pytest.FixtureRequest) -> Phone:
    """Calls with real audio: `async with phone.call(Bakery) as caller:`. Needs the extra `local`, and silero-vad."""
    from .agent.testing.phone import Phone

    def show(text: str) -> None:
        if text:
            request.node.add_report_section("call", "agent", text)

    return Phone(openai_realtime_exchange, show)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an `async def` test that uses one of the fixtures, where nobody else does."""
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function) or not FIXTURES.intersection(pyfuncitem.fixturenames):
        return None
    if type(pyfuncitem).__module__.startswith("pytest_asyncio") or _is_marked(pyfuncitem):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in names}
    asyncio.run(function(**arguments))
    return True


def _is_marked(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) is not None for name in ("asyncio", "anyio", "trio"))
