import ast
import runpy
from collections.abc import Iterator
from pathlib import Path

RULES: dict[str, str] = runpy.run_path(str(Path(__file__).with_name("rules.py")))["RULES"]


def marked_rules() -> Iterator[tuple[str, str]]:
    """Rule and place of every rule marker in this folder."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
                for argument in node.args:
                    yield ast.literal_eval(argument), f"{path.name}:{node.lineno}"


def test_every_rule_has_a_test() -> None:
    assert set(RULES) - {rule for rule, _ in marked_rules()} == set()


def test_every_marker_names_a_rule() -> None:
    assert [place for rule, place in marked_rules() if rule not in RULES] == []
