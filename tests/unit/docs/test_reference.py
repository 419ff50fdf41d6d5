"""The reference pages and the code say the same."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from mod_openai_realtime.dialect.dialect import EVERY_ITEM, Dialect, Gate
from mod_openai_realtime.dialect.dialect_file import FILE_KEYS
from mod_openai_realtime.dialect.profiles import PROFILES
from mod_openai_realtime.observe.board import Board
from mod_openai_realtime.observe.metrics import BoardCollector
from mod_openai_realtime.stream.settings import VARIABLES
from mod_openai_realtime.switch import events, module_reasons, reasons

ROOT = Path(__file__).parents[3]
PAGES = ("commands.md", "variables.md", "events.md", "dialects.md")
# A reason that names something is written with a placeholder.
REASONS_WITH_A_PART = (reasons.playback_owned("<owner>"), reasons.final_message_failed("<reason>"))


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text()


def rows(name: str) -> list[list[str]]:
    """The cells of each table row whose first cell is code."""
    lines = [line for line in page(name).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def first_cells(name: str) -> set[str]:
    return {code for cells in rows(name) for code in re.findall(r"`([^`]+)`", cells[0])}


@cache
def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_variable_is_there_with_its_default_and_no_other() -> None:
    described = {cells[0].strip("`"): cells[1].strip("`") for cells in rows("variables.md")}
    assert described == {variable.name: variable.default for variable in VARIABLES}


def test_it_is_told_of_each_variable_whether_a_bad_value_refuses_the_start() -> None:
    refusing = {cells[0].strip("`") for cells in rows("variables.md") if cells[3] == "refuses"}
    assert refusing == {variable.name for variable in VARIABLES if variable.security}


def test_every_reason_is_there_word_for_word() -> None:
    texts = {text for name, text in vars(reasons).items() if name.isupper() and not text.startswith("+OK")}
    written = first_cells("commands.md") | first_cells("agent-commands.md")
    assert texts.union(REASONS_WITH_A_PART) - written == set()


def test_every_reason_of_the_module_is_there() -> None:
    said = {text for name, text in vars(module_reasons).items() if name.isupper()}
    pages = "".join(page(name) for name in ("commands.md", "application.md", "link.md"))
    assert {text for text in said if f"`{text}`" not in pages} == set()


def test_every_event_is_there_and_no_other() -> None:
    subclasses = set(events.EVENTS)
    # The table of subclasses, not that of the members of `error`.
    assert {cells[0].strip("`") for cells in rows("events.md") if len(cells) == 4} == subclasses


def test_every_metric_is_there_and_no_other() -> None:
    board = Board(1, hosts=1)
    board.join(0)
    families = BoardCollector(board).collect()
    told = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    text = (ROOT / "docs" / "how-to" / "run-in-production.md").read_text()
    written = {
        name
        for line in text.splitlines()
        if line.startswith("| `openai_realtime_")
        for name in re.findall(r"`(openai_realtime_\w+)`", line)
    }
    assert told == written


def table(number: int) -> dict[str, list[str]]:
    """Of the page of dialects: the rows of one of its tables, by their names, without the marks of their sources."""
    text = re.split(r"^\| --- .*$", re.sub(r" \([DP]\)", "", page("dialects.md")), flags=re.MULTILINE)[number + 1]
    lines = [line for line in text.split("\n\n")[0].splitlines() if line.startswith("| ")]
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {cells[0].strip("`"): cells[1:] for cells in split}


GATES = {
    Gate.OPEN: "nothing",
    Gate.UPDATED: "an update, answered",
    Gate.CONFIGURED: "an update of the application",
}


def test_every_dialect_is_there_as_it_is() -> None:
    described = {name: cells[2:5] for name, cells in table(0).items()}
    assert described == {name: shown(each) for name, each in PROFILES.items()}


def shown(dialect: Dialect) -> list[str]:
    limit = f"{dialect.session_limit_s // 60} min" if dialect.session_limit_s else "not known"
    return [dialect.shape.value, GATES[dialect.gate], limit]


def test_the_formats_of_every_dialect_are_there() -> None:
    wanted = {}
    for name, dialect in PROFILES.items():
        cells = []
        for known in (dialect.input, dialect.output):
            choice = ", ".join(str(rate) for rate in known.rates) or ("" if known.unstated_rate else "as `start`")
            cells += [choice, str(known.unstated_rate or ""), "yes" if known.pcmu and known.pcma else ""]
        wanted[name] = cells
    assert table(1) == wanted


def test_what_is_not_sent_to_a_server_is_there() -> None:
    described = {name: (set(re.findall(r"`([^`]+)`", cells[0])), cells[1]) for name, cells in table(2).items()}
    own = {"conversation.item.create", "conversation.item.delete", "conversation.item.truncate", "response.cancel"}
    wanted = {}
    for name, dialect in PROFILES.items():
        items = ", ".join(f"`{each}`" for each in sorted(dialect.given_items)) or "nothing"
        items = "any" if dialect.given_items == EVERY_ITEM else items
        if dialect.unknown or items != "any":
            wanted[name] = (dialect.unknown & own, items)
    assert described == wanted


def test_every_key_of_a_dialect_s_file_is_there() -> None:
    text = (ROOT / "docs" / "how-to" / "dialects.md").read_text()
    cells = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    assert {code for cell in cells for code in re.findall(r"`([^`]+)`", cell)} == set(FILE_KEYS)


@pytest.mark.parametrize("name", PAGES)
def test_every_test_that_is_named_exists(name: str) -> None:
    named = re.findall(r"^\[[\w-]+\]:\s+\.\./\.\./(tests/\S+\.py)#(\w+)$", page(name), re.MULTILINE)
    assert named
    assert [(path, test) for path, test in named if test not in functions(ROOT / path)] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_reference_to_a_test_is_defined_and_used(name: str) -> None:
    text = re.sub(r"`[^`\n]+`|^ {4}.*$", "", page(name), flags=re.MULTILINE)  # code has brackets of its own
    defined = re.findall(r"^\[([\w-]+)\]:\s", text, re.MULTILINE)
    used = set(re.findall(r"\[([\w-]+)\](?![:(\w])", text))
    assert used == set(defined) and len(defined) == len(set(defined))


@pytest.mark.parametrize("name", ["variables.md", "events.md"])
def test_every_row_names_a_test(name: str) -> None:
    described = [cells for cells in rows(name) if len(cells) > 2]
    assert [cells[0] for cells in described if not re.search(r"\[[\w-]+\]", cells[-1])] == []
