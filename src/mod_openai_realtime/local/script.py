"""A script: what the agent says and calls, turn by turn, or when something was said."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from .conditions import When
from .g711 import Samples
from .sounds import Tone
from .turns import Call, Context, FunctionCall, McpCall, Model, Turn, words_of_instructions

Made = TypeVar("Made")


class ScriptError(ValueError):
    """An agent's script doesn't have the form that `Script.from_json` describes; the text says where."""


@dataclass(frozen=True)
class Rule:
    """A turn for when its condition holds."""

    when: When
    turn: Turn
    once: bool = False


@dataclass(frozen=True)
class Script:
    """A greeting for a response that is asked for before the user has said anything; then the first rule that holds;
    where none does, the turns, in a circle. Without turns, the agent says its instructions."""

    turns: tuple[Turn, ...]
    greeting: Turn | None = None
    rules: tuple[Rule, ...] = ()
    transcripts: tuple[str, ...] = ()
    """What the caller says, turn by turn, in a circle; none: it is not known."""
    mcp: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What each MCP server offers; others can't be reached."""

    @property
    def wants_words(self) -> bool:
        return any(rule.when.wants_words for rule in self.rules)

    @property
    def texts(self) -> list[str]:
        """All that may be spoken."""
        said = [self.greeting] if self.greeting else []
        return [turn.text for turn in (*said, *(rule.turn for rule in self.rules), *self.turns) if turn.text]

    @classmethod
    def from_json(cls, value: Any) -> "Script":
        """`{"greeting": turn, "turns": [turn, ...], "transcripts": [text, ...], "mcp": {label: [tool, ...]}}`, or just
        the list of turns.

        A turn is a text, or an object of `say`, `tone_hz` with `ms` (none: without an end) and `level`,
        `call`: `{"name": ..., "arguments": {...}}` or a list of those, `mcp`, `when` and `once`. Raises ScriptError.
        """
        if isinstance(value, list):
            value = {"turns": value}
        turns = value.get("turns") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(turns, list) or not turns:
            raise ScriptError("a script has a list `turns` that is not empty, and may have a `greeting`")
        unknown = sorted(str(name) for name in set(value) - {"greeting", "turns", "transcripts", "mcp"})
        if unknown:
            raise ScriptError(f"a script has greeting, turns, transcripts and mcp, but no {', '.join(unknown)}")
        greeting = _turn(value["greeting"], "greeting") if value.get("greeting") else None
        if greeting is not None and isinstance(value["greeting"], dict) and _has(value["greeting"], "when", "once"):
            raise ScriptError("greeting: it has no `when` and no `once`: it comes first, and one time")
        plain, rules = [], []
        for index, each in enumerate(turns):
            where = f"turns[{index}]"
            turn = _turn(each, where)
            if isinstance(each, dict) and "when" in each:
                rules.append(Rule(_when(each["when"], where), turn, _once(each, where)))
            elif isinstance(each, dict) and "once" in each:
                raise ScriptError(f"{where}: once belongs to a turn with `when`")
            else:
                plain.append(turn)
        transcripts = _texts(value.get("transcripts", []), "transcripts")
        return cls(tuple(plain), greeting, tuple(rules), transcripts, _servers(value.get("mcp", {})))

    @classmethod
    def from_file(cls, file: Path) -> "Script":
        """YAML where the file's name ends so, else JSON. Raises ScriptError, OSError."""
        return _from_file(file, cls.from_json)


def transcripts_from_file(file: Path) -> tuple[str, ...]:
    """What the caller says, turn by turn: a list in YAML or JSON, or a text with a turn on each line.

    Raises ScriptError, OSError.
    """
    if file.suffix in _YAML or file.suffix == ".json":
        return _from_file(file, lambda value: _texts(value, "transcripts", at_least=1))
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except UnicodeError as error:
        raise ScriptError(f"{file} is no text in UTF-8: {error}") from error
    return _named(file, lambda value: _texts(value, "transcripts", at_least=1), [line for line in lines if line])


_YAML = (".yaml", ".yml")


def _from_file(file: Path, make: Callable[[Any], Made]) -> Made:
    kind = "YAML" if file.suffix in _YAML else "JSON"
    try:
        content = file.read_text(encoding="utf-8")
        value = yaml.safe_load(content) if kind == "YAML" else json.loads(content)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ScriptError(f"{file} is no {kind} in UTF-8: {' '.join(str(error).split())}") from error
    return _named(file, make, value)


def _named(file: Path, make: Callable[[Any], Made], value: Any) -> Made:
    try:
        return make(value)
    except ScriptError as error:
        raise ScriptError(f"{file}: {error}") from error


_MEMBERS = ("say", "tone_hz", "ms", "level", "call", "mcp", "when", "once")


def _turn(value: Any, where: str) -> Turn:
    if isinstance(value, str) and value.strip():
        return Turn(text=value)
    if not isinstance(value, dict) or not _has(value, "say", "tone_hz", "ms", "level", "call", "mcp"):
        raise ScriptError(f"{where} is neither a text nor an object of {', '.join(_MEMBERS)}")
    unknown = sorted(str(name) for name in set(value) - set(_MEMBERS))
    if unknown:
        raise ScriptError(f"{where}: a turn has no {', '.join(unknown)}; it has {', '.join(_MEMBERS)}")
    text = value.get("say", "")
    if not isinstance(text, str):
        raise ScriptError(f"{where}: say is a text")
    calls: list[Call] = [_call(each, where) for each in _listed(value.get("call", []))]
    calls += [_mcp_call(each, where) for each in _listed(value.get("mcp", []))]
    return Turn(text=text, tone=_tone(value, where), calls=tuple(calls))


def _tone(value: dict[str, Any], where: str) -> Tone | None:
    if "tone_hz" not in value:
        if "ms" in value or "level" in value:
            raise ScriptError(f"{where}: ms and level are those of a tone, and there is no tone_hz")
        return None
    hertz, length, level = value["tone_hz"], value.get("ms"), value.get("level", 0.5)
    if not _is(hertz, int) or hertz < 1:
        raise ScriptError(f"{where}: tone_hz is a whole number from 1")
    if length is not None and (not _is(length, int) or length < 1):
        raise ScriptError(f"{where}: ms is a whole number from 1; without it the tone has no end")
    if not _is(level, int, float) or not 0 <= level <= 1:
        raise ScriptError(f"{where}: level is a number from 0 to 1")
    return Tone(hertz, length, float(level))


def _call(value: Any, where: str) -> FunctionCall:
    if not isinstance(value, dict) or set(value) - {"name", "arguments"} or not _is(value.get("name"), str):
        raise ScriptError(f"{where}: call is an object with a name, and may have arguments, or a list of those")
    return FunctionCall(value["name"], _arguments(value, where))


def _mcp_call(value: Any, where: str) -> McpCall:
    known = {"server", "name", "arguments", "output", "error", "approval", "ms"}
    if not isinstance(value, dict) or set(value) - known or not all(_is(value.get(n), str) for n in ("server", "name")):
        raise ScriptError(
            f"{where}: mcp is an object with server and name, and may have arguments, output, error, approval "
            "and ms, or a list of those"
        )
    output, error, approval = value.get("output", ""), value.get("error"), value.get("approval", False)
    if not isinstance(output, str) or not (error is None or isinstance(error, str)):
        raise ScriptError(f"{where}: output and error of {value['name']} are texts")
    if not isinstance(approval, bool):
        raise ScriptError(f"{where}: approval of {value['name']} is true or false")
    takes_ms = value.get("ms", 0)
    if not _is(takes_ms, int) or takes_ms < 0:
        raise ScriptError(f"{where}: ms of {value['name']} is a whole number from 0")
    return McpCall(value["server"], value["name"], _arguments(value, where), output, error, approval, takes_ms)


def _arguments(value: dict[str, Any], where: str) -> str:
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict):
        raise ScriptError(f"{where}: the arguments of {value['name']} are an object")
    try:
        return json.dumps(arguments)
    except TypeError as error:  # YAML has dates, for one
        raise ScriptError(f"{where}: the arguments of {value['name']} are not JSON: {error}") from None


def _when(value: Any, where: str) -> When:
    try:
        return When.from_json(value)
    except ValueError as error:
        raise ScriptError(f"{where}: {error}") from None


def _once(value: dict[str, Any], where: str) -> bool:
    once = value.get("once", False)
    if not isinstance(once, bool):
        raise ScriptError(f"{where}: once is true or false")
    return once


def _texts(value: Any, where: str, *, at_least: int = 0) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value) or len(value) < at_least:
        raise ScriptError(f"{where}: what the caller says is a list of texts, one a turn")
    return tuple(value)


def _servers(value: Any) -> dict[str, list[dict[str, Any]]]:
    if not isinstance(value, dict) or not all(isinstance(tools, list) for tools in value.values()):
        raise ScriptError("mcp: an object of the servers' labels, each with the list of its tools")
    return {str(label): [_tool(each, f"mcp.{label}") for each in tools] for label, tools in value.items()}


def _tool(value: Any, where: str) -> dict[str, Any]:
    tool = {"name": value} if isinstance(value, str) else value
    if not isinstance(tool, dict) or not _is(tool.get("name"), str) or set(tool) - {"name", "description", "schema"}:
        raise ScriptError(f"{where}: a tool is its name, or an object of name, description and schema")
    made = {"name": tool["name"], "input_schema": tool.get("schema", {"type": "object", "properties": {}})}
    return made | ({"description": str(tool["description"])} if "description" in tool else {})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _has(value: dict[str, Any], *names: str) -> bool:
    return any(name in value for name in names)


def _is(value: Any, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


DEFAULT_SCRIPT = Script(
    greeting=Turn("Hello, this is the local agent. How can I help you today?"),
    turns=(
        Turn("I see. Could you tell me a little more about that?"),
        Turn("Thank you, I have made a note of it. Is there anything else you would like to add?"),
        Turn("That is good to know. Let me repeat: I am a script, so I have heard you, but I can not understand you."),
    ),
)


class ScriptModel(Model):
    """Goes through a script."""

    def __init__(self, script: Script = DEFAULT_SCRIPT) -> None:
        self.script = script
        self._next = 0
        self._heard = 0
        self._used: set[int] = set()

    @property
    def wants_words(self) -> bool:
        return self.script.wants_words

    async def answer(self, context: Context) -> Turn:
        user_spoke = any(item.get("role") == "user" for item in context.items)
        if self.script.greeting and context.number == 0 and not user_spoke:
            return self.script.greeting
        for index, rule in enumerate(self.script.rules):
            if index not in self._used and rule.when.holds(context):
                if rule.once:
                    self._used.add(index)
                return rule.turn
        if not self.script.turns:
            return Turn(words_of_instructions(context))
        turn = self.script.turns[self._next % len(self.script.turns)]
        self._next += 1
        return turn

    async def transcribe(self, samples: Samples, rate: int) -> str | None:
        if not self.script.transcripts:
            return None
        text = self.script.transcripts[self._heard % len(self.script.transcripts)]
        self._heard += 1
        return text

    def mcp_tools(self, server_label: str) -> list[dict[str, Any]] | None:
        return self.script.mcp.get(server_label)
