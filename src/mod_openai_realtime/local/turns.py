"""What an agent is asked, and what it may do about it."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .g711 import Samples
from .sounds import Tone


class ModelError(Exception):
    """The response is to fail, and the client is told this text and this code."""

    code = "server_error"


@dataclass(frozen=True)
class FunctionCall:
    name: str
    arguments: str = "{}"
    """JSON text."""


@dataclass(frozen=True)
class McpCall:
    """A tool of an MCP server, which the endpoint only pretends to call.

    `error` None: the call succeeds with `output`. With `approval` the client is asked first; the call follows at once
    on its consent. It takes `ms` milliseconds.
    """

    server: str
    name: str
    arguments: str = "{}"
    output: str = ""
    error: str | None = None
    approval: bool = False
    ms: int = 0


Call = FunctionCall | McpCall


@dataclass(frozen=True)
class Turn:
    """What the agent does in one response: says something, and then calls functions.

    `text` is spoken, and is the transcript; `tone` sounds in place of the speech, and so does `samples` (24 kHz).
    """

    text: str = ""
    tone: Tone | None = None
    samples: Samples | None = None
    calls: tuple[Call, ...] = ()

    @property
    def speaks(self) -> bool:
        return bool(self.text) or self.tone is not None or self.samples is not None


@dataclass(frozen=True)
class Result:
    """What the client said a tool of its own gave back."""

    name: str
    """The function's; empty where the call is not in the conversation."""
    output: str


@dataclass(frozen=True)
class Context:
    """What an agent knows when it has to answer."""

    number: int
    """How many responses this session had before."""
    items: Sequence[dict[str, Any]]
    """What the response is made from, oldest first: the conversation, or the `input` of its `response.create`.

    What the caller said is there as `transcript` where it is known, whether the client asked for transcription or not.
    """
    instructions: str
    """The session's, or the response's own."""
    heard: Samples | None
    """The audio committed last, unless it has been answered."""
    heard_rate: int
    asked: str | None = None
    """The response's own instructions, None where the `response.create` had none."""
    turn: int = 0
    """How many turns the caller had, spoken or written."""
    said: str | None = None
    """The words of the caller's last turn, unless it has been answered; None where nobody knows them."""
    results: Sequence[Result] = ()
    """What tools gave back, and no response has been told yet but such with instructions of their own."""
    tools: Sequence[dict[str, Any]] = ()
    """The functions and MCP servers of the session, or of the response."""
    tool_choice: Any = "auto"
    parallel_tool_calls: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)
    modality: str = "audio"
    """`audio` or `text`."""
    input: Sequence[dict[str, Any]] | None = None
    """The response's own, as the client sent it; None where the response is made from the conversation."""
    model: str = ""
    max_output_tokens: int | str = "inf"


Piece = str | Call
"""Of an answer that comes bit by bit: more text, or a call."""
Answer = Turn | str
Stream = AsyncIterator[Piece] | Iterator[Piece]


class Model:
    """What the model does in one session, or in several one after the other. To be subclassed."""

    @property
    def wants_words(self) -> bool:
        """Whether an answer waits until it is known what the caller has said."""
        return True

    async def answer(self, context: Context) -> Turn | AsyncIterator[Piece]:
        """The turn, or its pieces as they come. What it raises fails the response, and no more."""
        raise NotImplementedError

    async def transcribe(self, samples: Samples, rate: int) -> str | None:
        """What the caller has just said; None: the endpoint's transcriber is asked."""
        return None

    def mcp_tools(self, server_label: str) -> list[dict[str, Any]] | None:
        """What an MCP server of the session offers; None: it can't be reached."""
        return None


@contextlib.asynccontextmanager
async def closing(pieces: AsyncIterator[Piece]) -> AsyncIterator[None]:
    """Ends what makes the pieces, where not all of them are wanted: a request under way, for one."""
    try:
        yield
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


def words_of_instructions(context: Context) -> str:
    """What an agent says that has nothing to say: the words that it was told to follow."""
    return context.asked or context.instructions or "I have nothing to say."
