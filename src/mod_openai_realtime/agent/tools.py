"""`@tool`: methods that the model can call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints, overload

from pydantic_core import to_json

from .errors import AgentError
from .schema import Arguments, parameters_of

NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")
MAX_RESULT_BYTES = 1 << 20
"""Of what a tool gives back; a model that is to read so much answers late, and costs."""
OK = '{"ok":true}'
_OPTIONS = "__openai_realtime_tool__"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """What `@tool(…)` says; None: not given."""

    name: str | None
    description: str | None
    timeout_s: float | None
    reply: bool
    filler: str | None


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float | None = None,
    reply: bool = True,
    filler: str | None = None,
) -> Callable[[F], F]: ...
def tool(
    function: F | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout_s: float | None = None,
    reply: bool = True,
    filler: str | None = None,
) -> F | Callable[[F], F]:
    """A method of an Agent that the model can call, `async def` or plain `def`, which runs in a thread of its own.

    The JSON schema comes from the annotations, by pydantic: `Literal`, enums, lists, models, `X | None`, defaults,
    `Annotated[str, Field(description=…)]`. A parameter that is annotated `Call` is given the call, and is not in the
    schema. Arguments that don't fit never reach the method; the model is told what is wrong.

    What it returns is told to the model: text as it is, anything else as JSON, `None` as `{"ok": true}`. To say why
    not, raise ToolError. Any other exception is logged, and the model is told that the tool failed.

    - `name`: what the model calls it; the method's name where it is None. 1 to 64 letters, digits, `_` and `-`.
    - `description`: what the model is told that it does; the docstring where it is None.
    - `timeout_s`: seconds after which it is cancelled, and the model told so (a thread can't be cancelled: its result
      comes too late); the agent's `tool_timeout_s` where it is None. Time in which it waits for a method of the call
      does not count.
    - `reply`: False where the model is not to answer once it knows the result.
    - `filler`: said where it takes longer than 1.5 s: what is said, or the path of a WAV file that is played.
    """
    options = Options(name, description, timeout_s, reply, filler)

    def mark(marked: F) -> F:
        if not inspect.isfunction(marked):
            raise AgentError(f"@tool is for methods, and goes below any other decorator; this is {marked!r}")
        setattr(marked, _OPTIONS, options)
        return marked

    return mark if function is None else mark(function)


class Tool:
    """A tool of an agent's class."""

    def __init__(self, attribute: str, function: Callable[..., Any], options: Options, call_type: type) -> None:
        """Raises AgentError, and NameError where an annotation names what is not there, or not yet."""
        self.attribute = attribute
        self.name = options.name if options.name is not None else attribute
        if not NAME.match(self.name):
            raise AgentError(f"the name '{self.name}' is not 1 to 64 letters, digits, '_' and '-'")
        self.description = options.description if options.description is not None else inspect.getdoc(function) or ""
        self.timeout_s = options.timeout_s
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise AgentError(f"timeout_s is {self.timeout_s}; it has to be more than 0")
        self.reply = options.reply
        self.filler = options.filler
        self.is_async = inspect.iscoroutinefunction(function)
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            raise AgentError("a tool returns its result, and yields nothing")
        try:
            hints = get_type_hints(function, include_extras=True)
        except NameError:
            raise
        except Exception as error:
            raise AgentError(f"its annotations can't be read: {error}") from error
        parameters, self._handed_in = parameters_of(function, hints, call_type)
        self.arguments = Arguments(self.name, parameters)

    @property
    def definition(self) -> dict[str, Any]:
        """As the API has it in a session's `tools`."""
        parameters = self.arguments.schema
        return {"type": "function", "name": self.name, "description": self.description, "parameters": parameters}

    def bind(self, agent: object, call: object, arguments: str) -> Callable[[], Any]:
        """The call of the method. Raises ValueError, for the model, where the arguments don't fit."""
        values = self.arguments.parse(arguments)
        values.update(dict.fromkeys(self._handed_in, call))
        method = getattr(agent, self.attribute)
        return lambda: method(**values)


def options_of(attribute: object) -> Options | None:
    """None where it is no tool."""
    found = getattr(attribute, _OPTIONS, None) if inspect.isfunction(attribute) else None
    return found if isinstance(found, Options) else None


def written(result: object) -> str:
    """What a tool gives back, as the model is told. Raises TypeError or ValueError where it can't be."""
    if result is None:
        return OK
    text = result if isinstance(result, str) else to_json(result, inf_nan_mode="null").decode()
    if len(text) > MAX_RESULT_BYTES:
        raise ValueError(f"a tool's result has {len(text)} characters; {MAX_RESULT_BYTES} at most can be told")
    return text
