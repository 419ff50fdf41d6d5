"""The pages, and the code itself, name files that are there; the rooms of the house lean on each other one way."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "src" / "mod_openai_realtime"
# Of FreeSWITCH and of users: named by their kinds, not ours.
THEIRS = (".xml", ".wav")
CODE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.[a-z]+)(?:::?\w+)?`")
LINK = re.compile(r"(?:\]\(|^\[[^\]]+\]: )((?!https?:)[\w./-]+\.[a-z]+)", re.MULTILINE)
# Which rooms each may use. A worker's four (audio, conversation, stream, switch) and the pilots still use one another,
# though no file does: a use that is new here is to be thought about, one that is gone is to be struck out.
MAY_USE = {
    "agent": "conversation switch",
    "agent/testing": "agent freeswitch local native setup sip standin switch",
    "audio": "conversation dialect realtime switch",
    "conversation": "audio dialect observe",
    "demo": "local standin",
    "dialect": "audio",
    "engine": "agent audio observe pilot realtime stream switch",
    "freeswitch": "switch",
    "local": "observe",
    "native": "",
    "observe": "",
    "pilot": "agent audio conversation observe realtime stream switch",
    "realtime": "observe",
    "setup": "agent engine native switch",
    "sip": "local",
    "standin": "switch",
    "stream": "audio conversation dialect observe pilot realtime switch",
    "switch": "agent audio dialect observe pilot realtime stream",
    "talk": "agent audio conversation local observe standin",
}
# What is run, or loaded by pytest: they may use any.
ENTRANCES = ("cli", "pytest_plugin", "testing_options")
IN_SOURCE = re.compile(r"(?<![\w./])((?:native|src|tests|bench|docs|examples)/[\w/]+\.(?:py|c|h|md))\b")


def pages() -> list[Path]:
    folders = [ROOT / name for name in ("docs", "bench", "examples", "tests", "requirements")]
    return [*ROOT.glob("*.md"), *(page for folder in folders for page in sorted(folder.rglob("*.md")))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    named = {name for name in {*CODE.findall(text), *LINK.findall(text)} if not name.endswith(THEIRS)}
    assert {name for name in named if not any((base / name).exists() for base in (ROOT, PACKAGE, page.parent))} == set()


def test_every_file_that_the_code_names_is_there() -> None:
    folders = [ROOT / "native", PACKAGE]
    sources = [path for folder in folders for path in folder.rglob("*.*") if path.suffix in (".py", ".c", ".h")]
    named = {name for path in sources for name in IN_SOURCE.findall(path.read_text())}
    assert "native/media/packetizer.c" in named
    assert {name for name in named if not ((ROOT / name).exists() or (PACKAGE / name).exists())} == set()


def imports(path: Path) -> set[str]:
    """The modules of the package that a module needs when it is loaded: neither for types alone, nor later."""
    here = ("mod_openai_realtime", *path.relative_to(PACKAGE).with_suffix("").parts)
    found: set[str] = set()

    def look(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.level:
                base = ".".join([*here[: -node.level], *([node.module] if node.module else [])])
                found.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
            elif isinstance(node, ast.Try) or (
                isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test)
            ):
                look(node.body)

    look(ast.parse(path.read_text()).body)
    return found


def test_no_module_is_needed_by_one_that_it_needs() -> None:
    modules = {
        ".".join(("mod_openai_realtime", *p.relative_to(PACKAGE).with_suffix("").parts)): p
        for p in PACKAGE.rglob("*.py")
    }
    needs = {name: imports(path) & modules.keys() - {name} for name, path in modules.items()}
    assert "mod_openai_realtime.stream.stream" in needs["mod_openai_realtime.switch.launch"]
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name not in done:
            for other in sorted(needs[name]):
                walk(other, (*way, name))
            done.add(name)

    for name in sorted(modules):
        walk(name, ())


def room_of(path: Path) -> str:
    """The folder; what users test their agents with is one of its own."""
    folder = path.relative_to(PACKAGE).parent
    return "agent/testing" if folder.parts[:2] == ("agent", "testing") else folder.parts[0] if folder.parts else ""


def used_rooms(path: Path) -> set[str]:
    """Of everything that a file imports from the package, wherever in it that stands."""
    here = path.relative_to(PACKAGE).parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = PACKAGE.joinpath(*here[: len(here) - node.level], *(node.module or "").split("."))
            for alias in node.names:
                target = base / alias.name
                target = target if target.is_dir() or target.with_suffix(".py").exists() else base
                found.add(room_of(target / "__init__.py" if target.is_dir() else target))
    return found - {room_of(path), ""}


def test_the_rooms_use_the_rooms_that_they_may() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE]
    found: dict[str, set[str]] = {}
    for path in files:
        found.setdefault(room_of(path), set()).update(used_rooms(path))
    assert found == {room: set(others.split()) for room, others in MAY_USE.items()}


def test_the_files_that_all_rooms_share_use_none() -> None:
    shared = [path for path in PACKAGE.glob("*.py") if path.stem not in ENTRANCES]
    assert {path.stem: used_rooms(path) for path in shared} == {path.stem: set() for path in shared}
