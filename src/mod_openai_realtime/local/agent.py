"""Who answers: a script of turns, or a function of the user's own."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from .script import DEFAULT_SCRIPT, Script, ScriptError, ScriptModel
from .turns import Answer, Context, FunctionCall, McpCall, Model, ModelError, Piece, Result, Stream, Turn

__all__ = [
    "DEFAULT_SCRIPT",
    "Context",
    "FunctionCall",
    "Hook",
    "HookModel",
    "McpCall",
    "Model",
    "ModelError",
    "Piece",
    "Result",
    "Script",
    "ScriptError",
    "ScriptModel",
    "Source",
    "Turn",
    "new_model",
    "texts_of",
]

Hook = Callable[[Context], Answer | Stream | Awaitable[Answer]]
"""A function of the user's own. It may be async, and may yield its text and its calls bit by bit, async or not."""


class HookModel(Model):
    """Asks a function."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    async def answer(self, context: Context) -> Turn | AsyncIterator[Piece]:
        given: Any = self._hook(context)
        if inspect.isawaitable(given):
            given = await given
        if isinstance(given, str):
            return Turn(text=given)
        if isinstance(given, Turn | AsyncIterator):
            return given
        if isinstance(given, Iterator):
            return _async(given)
        raise TypeError(f"an agent's function gives a text, a Turn, or pieces, not {type(given).__name__}")


async def _async(pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    for piece in pieces:
        yield piece


Source = Script | Hook | Model | dict[str, Any] | list[Any] | None


def new_model(source: Source) -> Model:
    """A session's model: from a script, a script's JSON, a function, or None for the default script.

    A `Model` is taken as it is, so that all its sessions share it.
    """
    if isinstance(source, Model):
        return source
    if callable(source):
        return HookModel(source)
    if source is None:
        return ScriptModel()
    return ScriptModel(source if isinstance(source, Script) else Script.from_json(source))


def texts_of(source: Source) -> list[str]:
    """What a script may say; nothing of what is none. Raises ScriptError."""
    model = new_model(source)
    return model.script.texts if isinstance(model, ScriptModel) else []
