"""Who answers: a script of turns, or a function of the user's own."""

import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .g711 import Samples
from .sounds import Tone


class ScriptError(ValueError):
    """An agent's script doesn't have the form that `Script.from_json` describes; the text says where."""


@dataclass(frozen=True)
class FunctionCall:
    name: str
    arguments: str = "{}"
    """JSON text."""


@dataclass(frozen=True)
class Turn:
    """What the agent does in one response: says something, and then calls functions.

    `text` is spoken, and is the transcript; `tone` sounds in place of the speech, and so does `samples` (24 kHz).
    """

    text: str = ""
    tone: Tone | None = None
    samples: Samples | None = None
    calls: tuple[FunctionCall, ...] = ()

    @property
    def speaks(self) -> bool:
        return bool(self.text) or self.tone is not None or self.samples is not None


@dataclass(frozen=True)
class Context:
    """What an agent knows when it has to answer."""

    number: int
    """How many responses this session had before."""
    items: Sequence[dict[str, Any]]
    """The conversation, oldest first."""
    instructions: str
    heard: Samples | None
    """The audio committed last, unless it has been answered."""
    heard_rate: int


class Agent(Protocol):
    """One for each session."""

    async def answer(self, context: Context) -> Turn: ...


Answer = Turn | str
Hook = Callable[[Context], Answer | Awaitable[Answer]]


@dataclass(frozen=True)
class Script:
    """A greeting for a response that is asked for before the user has said anything; then the turns, in a circle."""

    turns: tuple[Turn, ...]
    greeting: Turn | None = None

    @classmethod
    def from_json(cls, value: Any) -> "Script":
        """`{"greeting": turn, "turns": [turn, ...]}` or just the list of turns.

        A turn is a text, or an object of `say`, `tone_hz` with `ms` (none: without an end) and `level`, and
        `call`: `{"name": ..., "arguments": {...}}` or a list of those. Raises ScriptError.
        """
        if isinstance(value, list):
            value = {"turns": value}
        turns = value.get("turns") if isinstance(value, dict) else None
        if (
            not isinstance(value, dict)
            or set(value) - {"greeting", "turns"}
            or not isinstance(turns, list)
            or not turns
        ):
            raise ScriptError("a script has a list `turns` that is not empty, and may have a `greeting`")
        greeting = _turn(value["greeting"], "greeting") if value.get("greeting") else None
        return cls(tuple(_turn(each, f"turns[{index}]") for index, each in enumerate(turns)), greeting)

    @classmethod
    def from_file(cls, file: Path) -> "Script":
        """Raises ScriptError, OSError."""
        try:
            return cls.from_json(json.loads(file.read_text(encoding="utf-8")))
        except ScriptError as error:
            raise ScriptError(f"{file}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise ScriptError(f"{file} is no JSON in UTF-8: {error}") from error


def _turn(value: Any, where: str) -> Turn:
    if isinstance(value, str):
        return Turn(text=value)
    if not isinstance(value, dict) or not value or set(value) - {"say", "tone_hz", "ms", "level", "call"}:
        raise ScriptError(f"{where} is neither a text nor an object of say, tone_hz, ms, level, call")
    text, calls = value.get("say", ""), value.get("call", [])
    if not isinstance(text, str):
        raise ScriptError(f"{where}: say is a text")
    named = calls if isinstance(calls, list) else [calls]
    return Turn(text=text, tone=_tone(value, where), calls=tuple(_call(each, where) for each in named))


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
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict):
        raise ScriptError(f"{where}: the arguments of {value['name']} are an object")
    return FunctionCall(value["name"], json.dumps(arguments))


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


@dataclass
class ScriptedAgent:
    """Goes through a script."""

    script: Script = DEFAULT_SCRIPT
    _next: int = field(default=0, init=False)

    async def answer(self, context: Context) -> Turn:
        user_spoke = any(item.get("role") == "user" for item in context.items)
        if self.script.greeting and context.number == 0 and not user_spoke:
            return self.script.greeting
        turn = self.script.turns[self._next % len(self.script.turns)]
        self._next += 1
        return turn


@dataclass
class HookedAgent:
    """Asks a function, plain or async; it gives a `Turn` or the text to say."""

    hook: Hook

    async def answer(self, context: Context) -> Turn:
        given = self.hook(context)
        made = await given if inspect.isawaitable(given) else given
        return Turn(text=made) if isinstance(made, str) else made


def new_agent(source: Script | Hook | dict[str, Any] | list[Any] | None) -> Agent:
    """A session's agent: from a script, a script's JSON, a function, or None for the default script."""
    if callable(source):
        return HookedAgent(source)
    if source is None:
        return ScriptedAgent()
    return ScriptedAgent(source if isinstance(source, Script) else Script.from_json(source))
