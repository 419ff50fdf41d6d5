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
        if not isinstance(value, dict) or set(value) - {"greeting", "turns"} or not value.get("turns"):
            raise ScriptError("a script has a list `turns` that is not empty, and may have a `greeting`")
        turns = tuple(_turn(each, f"turns[{index}]") for index, each in enumerate(value["turns"]))
        return cls(turns, _turn(value["greeting"], "greeting") if value.get("greeting") else None)

    @classmethod
    def from_file(cls, file: Path) -> "Script":
        """Raises ScriptError, OSError."""
        try:
            return cls.from_json(json.loads(file.read_text(encoding="utf-8")))
        except ValueError as error:
            raise ScriptError(f"{file}: {error}") from error


def _turn(value: Any, where: str) -> Turn:
    if isinstance(value, str):
        return Turn(text=value)
    if not isinstance(value, dict) or not value or set(value) - {"say", "tone_hz", "ms", "level", "call"}:
        raise ScriptError(f"{where} is neither a text nor an object of say, tone_hz, ms, level, call")
    try:
        tone = None
        if "tone_hz" in value:
            length = value.get("ms")
            tone = Tone(int(value["tone_hz"]), None if length is None else int(length), float(value.get("level", 0.5)))
        calls = value.get("call", [])
        named = [calls] if isinstance(calls, dict) else calls
        made = tuple(FunctionCall(str(each["name"]), json.dumps(each.get("arguments", {}))) for each in named)
        return Turn(text=str(value.get("say", "")), tone=tone, calls=made)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ScriptError(f"{where}: {error!r}") from error


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
