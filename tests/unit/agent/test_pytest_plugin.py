"""Users' tests run without configuration, and whatever runs their other async tests is left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mod_openai_realtime.freeswitch.configuration import MODULES
from mod_openai_realtime.testing_options import check_options

AGENT = """
from mod_openai_realtime.agent import Agent, tool

class Shop(Agent):
    instructions = "Sell."

    @tool
    async def price(self, of: str) -> int:
        return 3
"""
BARE = """
from shop import Shop

async def test_price(desk):
    call = await desk.call(Shop)
    assert await call.tool("price", of="bread") == 3

async def test_which_fails(desk):
    call = await desk.call(Shop)
    assert await call.tool("price", of="bread") == 4
"""
OTHERS = {
    "asyncio": """
import asyncio, pytest, pytest_asyncio
from shop import Shop

@pytest_asyncio.fixture
async def loop_of_the_fixture():
    return asyncio.get_running_loop()

@pytest.mark.asyncio
async def test_marked(desk, loop_of_the_fixture):
    assert asyncio.get_running_loop() is loop_of_the_fixture
    call = await desk.call(Shop)
    assert await call.tool("price", of="bread") == 3
""",
    "anyio": """
import pytest
from shop import Shop

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.fixture
async def theirs(anyio_backend):
    return 5

@pytest.mark.anyio
async def test_marked(desk, theirs):
    assert theirs == 5
    call = await desk.call(Shop)
    assert await call.tool("price", of="bread") == 3
""",
}


def run(folder: Path, test: str, *options: str) -> str:
    (folder / "shop.py").write_text(AGENT)
    (folder / "test_shop.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *options, "."]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    return ran.stdout + ran.stderr


SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")


@pytest.mark.parametrize(
    "options",
    [
        ("-p", "no:asyncio", "-p", "no:anyio"),
        SCOPE,
        ("-o", "asyncio_mode=auto", *SCOPE),
        ("-p", "no:asyncio"),
    ],
)
def test_bare_tests_run_whatever_else_is_installed(tmp_path: Path, options: tuple[str, ...]) -> None:
    output = run(tmp_path, BARE, *options)
    assert "1 failed, 1 passed" in output, output
    assert "assert 3 == 4" in output


@pytest.mark.parametrize(("name", "options"), [("asyncio", SCOPE), ("anyio", ("-p", "no:asyncio"))])
def test_tests_that_somebody_else_runs_may_use_the_desk(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    output = run(tmp_path, OTHERS[name], *options)
    assert "1 passed" in output, output


def test_an_async_test_without_the_desk_is_none_of_ours(tmp_path: Path) -> None:
    output = run(tmp_path, "async def test_alone():\n    assert False\n", "-p", "no:asyncio", "-p", "no:anyio")
    assert "async def functions are not natively supported" in output, output


def test_the_plugin_costs_a_run_without_agents_nothing(tmp_path: Path) -> None:
    test = "import sys\n\ndef test_it():\n    assert 'mod_openai_realtime.agent' not in sys.modules\n"
    assert "1 passed" in run(tmp_path, test, *SCOPE)


class Config:
    def __init__(self, **given: str) -> None:
        self.given = {
            "--phone": "standin",
            "--model": "script",
            **{f"--{k.replace('_', '-')}": v for k, v in given.items()},
        }

    def getoption(self, name: str) -> str | None:
        return self.given.get(name)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"model": "llm"}, "--model=llm needs --llm-url"),
        ({"llm_url": "http://x"}, "--llm-url is for --model=llm"),
        ({"model": "llm", "llm_url": "x"}, "begins with http:// or https://"),
        ({"phone": "freeswitch"}, "--phone=freeswitch: no FreeSWITCH in FREESWITCH_PREFIX=/nowhere"),
    ],
)
def test_options_that_make_no_sense(given: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESWITCH_PREFIX", "/nowhere")
    with pytest.raises(pytest.UsageError, match=reason):
        check_options(Config(**given))  # type: ignore[arg-type]


def test_a_freeswitch_without_what_is_needed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "freeswitch").touch()
    modules = tmp_path / "mod"
    modules.mkdir()
    for name in set(MODULES) - {"mod_sofia"}:
        (modules / f"{name}.so").touch()
    monkeypatch.setenv("FREESWITCH_PREFIX", str(tmp_path))
    with pytest.raises(pytest.UsageError, match=f"FreeSWITCH's modules mod_sofia are not in {modules}"):
        check_options(Config(phone="freeswitch"))  # type: ignore[arg-type]


def test_what_is_asked_for_and_is_not_there_ends_the_run_before_it_begins(tmp_path: Path) -> None:
    output = run(tmp_path, BARE, "--phone=freeswitch", "--model=llm")
    assert "--model=llm needs --llm-url" in output and "passed" not in output
