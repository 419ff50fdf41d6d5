"""The page that explains the house names rooms that are there, and the rooms lean on each other one way."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "src" / "mod_openai_realtime"
PAGE = ROOT / "docs" / "topics" / "architecture.md"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/.-]+\.(?:py|c|h))`", PAGE.read_text()))))
def test_every_file_that_the_page_names_is_there(name: str) -> None:
    assert (ROOT / name).exists() or (PACKAGE / name).exists()


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
