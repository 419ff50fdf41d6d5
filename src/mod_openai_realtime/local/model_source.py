"""Who answers, as the command line names it."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from .agent import Source, new_model
from .chat import ChatModel
from .g711 import Samples
from .loading import loaded, names_python
from .recording import ConnectionRecord
from .script import DEFAULT_SCRIPT, Script
from .turns import Context, Model, Piece, Turn


def source_of(agent: Path | str | None, llm: str | None, model: str | None, key: str | None) -> Source:
    """A script's file, `FILE.py:NAME` of a hook or a Model, a language model's URL, or the default script.

    Raises ScriptError, LoadError, OSError.
    """
    if llm is not None:
        return ChatModel(llm, model, key)
    if agent is None:
        return DEFAULT_SCRIPT
    if names_python(str(agent)) and not Path(agent).exists():
        found: Source = loaded(str(agent))
        return found
    return Script.from_file(Path(agent))


class Told(Model):
    """Another model, with what the caller says given: turn by turn, in a circle."""

    def __init__(self, model: Model, transcripts: Sequence[str]) -> None:
        self._model = model
        self._transcripts = transcripts
        self._next = 0

    @property
    def wants_words(self) -> bool:
        return self._model.wants_words

    async def answer(self, context: Context) -> Turn | AsyncIterator[Piece]:
        return await self._model.answer(context)

    async def transcribe(self, samples: Samples, rate: int) -> str | None:
        text = self._transcripts[self._next % len(self._transcripts)]
        self._next += 1
        return text

    def mcp_tools(self, server_label: str) -> list[dict[str, Any]] | None:
        return self._model.mcp_tools(server_label)


def for_each_call(source: Source, transcripts: Sequence[str]) -> Callable[[ConnectionRecord], Source]:
    """What `agent_for` of the endpoint is: a class makes an agent for each call, an agent is for all of them."""

    def agent_for(_record: ConnectionRecord) -> Source:
        made: Any = source
        each: Source = made() if isinstance(made, type) and issubclass(made, Model) else source
        return Told(new_model(each), transcripts) if transcripts else each

    return agent_for
