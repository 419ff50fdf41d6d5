"""Writes reference/agents.md, from the docstrings of what agents and their tests are made of.

    .venv/bin/python docs/agents_reference.py

tests/unit/docs/test_agents_reference.py fails where the page is not what this makes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import griffe

PAGE = Path(__file__).parent / "reference" / "agents.md"
PACKAGE = "mod_openai_realtime.agent"
HEAD = """# Agents: classes

The docstrings of `mod_openai_realtime.agent`, as `help(Agent)` in Python has them; made by `docs/agents_reference.py`.
[How to write one](../how-to/agents.md); [the application and the command](agent-commands.md) that give agents calls.
"""
SECTIONS = (
    "agent.Agent",
    "tools.tool",
    "call.Call",
    "values.Turn",
    "values.Heard",
    "values.Consult",
    "errors.ToolError",
    "errors.CallError",
    "errors.Interrupted",
    "errors.AgentError",
)
TESTING = (
    ("phone", "testing.phone.Phone"),
    ("caller", "testing.caller.Caller"),
    ("desk", "testing.desk.Desk"),
    ("await desk.call(…)", "testing.desk.DeskCall"),
)
INNER = {"begin", "finish", "close", "call_type", "start", "drop", "acts", "note_end", "settle"}
"""Of the fixtures: for whoever makes them."""


def page() -> str:
    package = griffe.load(PACKAGE, resolve_aliases=True)
    parts = [HEAD]
    for path in SECTIONS:
        parts += _section(package[path])
    parts.append("## Testing: pytest's fixtures `phone` and `desk`")
    for name, path in TESTING:
        parts += _section(package[path], f"`{name}`: {path.rpartition('.')[2]}", level=3)
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _section(thing: griffe.Object | griffe.Alias, title: str | None = None, level: int = 2) -> Iterator[str]:
    mark = "#" * level
    yield f"{mark} {title or f'`{thing.name}`'}"
    if isinstance(thing, griffe.Function):
        yield _signature(thing)
    yield _text(thing)
    if not isinstance(thing, griffe.Class):
        return
    shown = [
        member for member in thing.members.values() if not member.name.startswith("_") and member.name not in INNER
    ]
    for heading, kind in (("Attributes", "attribute"), ("Methods", "function")):
        members = [member for member in shown if member.kind.value == kind]
        if members:
            yield f"{mark}# {heading}"
            yield "\n".join(_entry(member) for member in members)


def _entry(member: griffe.Object | griffe.Alias) -> str:
    """An item of a list."""
    text = _text(member).replace("\n\n", " ").replace("\n", " ")
    return textwrap.fill(
        f"- {_named(member)}{': ' if text else ''}{text}",
        140,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _named(member: griffe.Object | griffe.Alias) -> str:
    if isinstance(member, griffe.Function):
        asynchronous = "await " if "async" in member.labels else ""
        return f"**`{asynchronous}{member.name}`** `{_parameters(member)}`"
    assert isinstance(member, griffe.Attribute)
    annotation = f" `{member.annotation}`" if member.annotation is not None else ""
    given = str(member.value) if "class-attribute" in member.labels and member.value is not None else ""
    value = f" = `{given}`" if given and member.annotation is not None and not given.startswith("field(") else ""
    return f"**`{member.name}`**{annotation}{value}"


def _signature(function: griffe.Function) -> str:
    return f"```python\n{function.name}{_parameters(function)}\n```"


def _parameters(function: griffe.Function) -> str:
    words: list[str] = []
    for parameter in function.parameters:
        if parameter.name == "self":
            continue
        if parameter.kind is griffe.ParameterKind.keyword_only and "*" not in words:
            words.append("*")
        annotation = f": {parameter.annotation}" if parameter.annotation is not None else ""
        default = f" = {parameter.default}" if parameter.default is not None else ""
        words.append(f"{parameter.name}{annotation}{default}")
    returns = f" -> {function.returns}" if function.returns is not None and str(function.returns) != "None" else ""
    return f"({', '.join(words)}){returns}"


def _text(thing: griffe.Object | griffe.Alias) -> str:
    return thing.docstring.value if thing.docstring is not None else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
