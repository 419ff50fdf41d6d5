"""Agents from files, and `openai-realtime agent check`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from xml_reader import ROOT

from mod_openai_realtime.agent import AgentError
from mod_openai_realtime.agent.api_limits import session_problems
from mod_openai_realtime.agent.loading import load, load_one, snake_case
from mod_openai_realtime.cli import main

GOOD = """
from mod_openai_realtime.agent import Agent, tool

class BakeryPhone(Agent):
    instructions = "Bake."
"""


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def written(folder: Path, text: str, name: str = "phone_agent.py") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_names() -> None:
    names = ("Bakery", "BakeryPhone", "HTTPAgent", "A", "Line2Agent")
    assert [snake_case(name) for name in names] == ["bakery", "bakery_phone", "http_agent", "a", "line2_agent"]


def test_a_file_a_class_and_a_name(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    assert (load_one(str(file)).name, load_one(f"{file}:BakeryPhone").name) == ("bakery_phone", "bakery_phone")
    named = load_one(f"front-desk={file}:BakeryPhone")
    assert (named.name, named.cls.__name__, named.file) == ("front-desk", "BakeryPhone", file)
    assert set(load([str(file), f"other={file}"])) == {"bakery_phone", "other"}


def test_its_folder_comes_first_on_the_module_path(tmp_path: Path) -> None:
    written(tmp_path, "SHOP = 'x'", "shop_of_the_agent.py")
    file = written(tmp_path, GOOD + "import shop_of_the_agent\n")
    load_one(str(file))
    assert sys.path[0] == str(tmp_path)


def test_files_of_one_name_in_two_folders_are_two_modules(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = load_one(f"one={written(tmp_path / 'a', GOOD)}")
    two = load_one(f"two={written(tmp_path / 'b', GOOD.replace('Bake.', 'Cook.'))}")
    assert (one.cls.instructions, two.cls.instructions) == ("Bake.", "Cook.")


def test_a_file_of_a_package_may_import_its_neighbours(tmp_path: Path) -> None:
    folder = tmp_path / "shop_package" / "phones"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "__init__.py").write_text("from .phone_agent import BakeryPhone\n")
    (folder / "words.py").write_text("WORDS = 'Bake.'")
    file = written(folder, GOOD.replace('"Bake."', "WORDS") + "\n", "phone_agent.py")
    file.write_text("from .words import WORDS\n" + file.read_text())
    loaded = load_one(f"{file}:BakeryPhone")
    assert loaded.cls.instructions == "Bake."
    assert loaded.cls is sys.modules["shop_package.phones"].BakeryPhone


def test_a_file_whose_package_is_hidden_by_another_stands_for_itself(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "same_package").mkdir(parents=True)
        (tmp_path / name / "same_package" / "__init__.py").touch()
    load_one(str(written(tmp_path / "one" / "same_package", GOOD)))
    two = load_one(str(written(tmp_path / "two" / "same_package", GOOD.replace("Bake.", "Cook."))))
    assert two.cls.instructions == "Cook."


def test_a_package_that_cannot_be_imported_says_where_and_why(tmp_path: Path) -> None:
    (tmp_path / "bad_package").mkdir()
    (tmp_path / "bad_package" / "__init__.py").write_text("\n1 / 0\n")
    with pytest.raises(AgentError, match=r"__init__.py, line 2: ZeroDivisionError"):
        load_one(str(written(tmp_path / "bad_package", GOOD)))


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    assert load_one(str(written(tmp_path, GOOD, "my-agent 2.py"))).name == "bakery_phone"


@pytest.mark.parametrize(
    ("text", "specification", "reason"),
    [
        (None, "{file}", "there is no such file"),
        ("class X:\n", "{file}", "phone_agent.py, line 1: IndentationError: expected an indented block"),
        ("\nimport nowhere_to_be_found\n", "{file}", "phone_agent.py, line 2: ModuleNotFoundError"),
        ("1/0", "{file}", "phone_agent.py, line 1: ZeroDivisionError"),
        ("raise SystemExit(3)", "{file}", "phone_agent.py, line 1: SystemExit: 3"),
        ("X = 1", "{file}", "there is no class that derives from Agent"),
        ("X = 1", "{file}:X", "X is no agent"),
        (GOOD, "{file}:Bakery", "there is no Bakery; the agents there are: BakeryPhone"),
        (GOOD + "class Other(Agent):\n    instructions = 'x'\n", "{file}", "several agents (BakeryPhone, Other)"),
        (
            GOOD.replace("instructions", "instruction"),
            "{file}",
            "BakeryPhone (phone_agent.py, line 4): it has no instr",
        ),
        (GOOD + "    key = 'sk-123'\n", "{file}", "key: a key is never written in code"),
        (GOOD + "    @tool\n    async def t(self, x): ...\n", "{file}", "parameter 'x' has no annotation"),
        (GOOD + "    @tool\n    async def t(self, x: Nope): ...\n", "{file}", "name 'Nope' is not defined"),
        (GOOD, "two words={file}", "the name 'two words' is not"),
    ],
)
def test_what_cannot_be_loaded_says_where_and_why(
    tmp_path: Path, text: str | None, specification: str, reason: str
) -> None:
    file = tmp_path / "phone_agent.py" if text is None else written(tmp_path, text)
    with pytest.raises(AgentError) as caught:
        load_one(specification.format(file=file))
    assert reason in str(caught.value) and "phone_agent.py" in str(caught.value)


def test_two_agents_of_one_name(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    other = written(tmp_path, GOOD, "other_agent.py")
    with pytest.raises(AgentError, match="has the name 'bakery_phone', and so has BakeryPhone of"):
        load([str(file), str(other)])


def test_a_base_class_of_the_file_is_not_another_agent(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD + "class Real(BakeryPhone):\n    voice = 'marin'\n")
    assert load_one(str(file)).cls.__name__ == "Real"


def test_check_prints_the_session_of_the_bakery() -> None:
    ran = CliRunner().invoke(main, ["agent", "check", str(ROOT / "examples/bakery/bakery.py")])
    assert ran.exit_code == 0, ran.output
    session = json.loads(ran.stdout)
    assert [each["name"] for each in session["tools"]] == ["opening_hours", "put_through", "finish"]
    assert session["audio"]["output"] == {"voice": "marin"}
    assert "good: Bakery" in ran.stderr


def test_check_says_what_the_api_would_refuse(tmp_path: Path) -> None:
    bad = GOOD + "    voice = 'marinn'\n    turn_detection = {'type': 'server_vad', 'threshold': 2}\n"
    ran = CliRunner().invoke(main, ["agent", "check", str(written(tmp_path, bad))])
    assert ran.exit_code == 1
    assert "BAD  session.audio.input.turn_detection.threshold: Expected `float` <= 1" in ran.stderr.replace("0`", "`")
    assert "OpenAI has no voice 'marinn'" in ran.stderr


def test_check_says_what_cannot_be_loaded(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["agent", "check", str(written(tmp_path, "1/0"))])
    assert ran.exit_code == 1 and "line 1: ZeroDivisionError" in ran.output


SESSION = {"type": "realtime", "instructions": "x", "tools": []}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, ""),
        ({"truncation": {"type": "retention_ratio", "retention_ratio": 0.5}, "tracing": None}, ""),
        ({"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x.example", "anything": 1}]}, ""),
        ({"tools": [{"type": "function", "name": "a b"}]}, "session.tools[0].name"),
        ({"tools": [{"type": "function", "name": "a"}] * 2}, "there are 2 tools 'a'"),
        ({"tools": [{"type": "mcp", "server_label": str(n)} for n in range(129)]}, "129 tools; 128 at most"),
        ({"tools": [{"type": "shell"}]}, "session.tools[0].type"),
        ({"voice": "marin"}, "session: Object contains unknown field `voice`"),
        ({"audio": {"output": {"speed": 2}}}, "session.audio.output.speed"),
        ({"audio": {"input": {"turn_detection": {"type": "none"}}}}, "session.audio.input.turn_detection.type"),
        ({"max_output_tokens": 5000}, "session.max_output_tokens"),
        ({"instructions": "x" * 70_000}, "some 17501 tokens"),
        ({"tool_choice": object()}, "session"),
    ],
)
def test_limits_of_the_api(change: dict[str, object], problem: str) -> None:
    found = session_problems({**SESSION, **change}, openai=True)
    assert (not found) if not problem else problem in "; ".join(found), found


def test_the_messages_of_workers_and_the_command_line_do_not_import_pydantic() -> None:
    code = (
        "import sys, mod_openai_realtime.agent.messages, mod_openai_realtime.cli; assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
