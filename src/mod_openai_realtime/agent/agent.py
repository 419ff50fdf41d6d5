"""`Agent`: what a user's class is made of."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, Unpack

from .call import Call
from .errors import AgentError
from .settings import NAMES, Settings, check_settings
from .tools import Tool, options_of

if TYPE_CHECKING:
    from .values import Turn

HOOKS = ("on_start", "on_connect", "on_turn", "on_digits", "on_event", "on_error", "on_silence", "on_end")


class Agent:
    """A telephone agent. One instance is made for each call, without arguments; `self.call` is the call.

    What it is like is said by class attributes, or by the same names as arguments of the constructor, which win. All
    but `instructions` may be left out, and what is left out is not None: `transcription = None` turns it off.

    >>> class Bakery(Agent):
    ...     instructions = "You answer the phone of a bakery. Be brief."
    ...     voice = "marin"

    An attribute that can't be, a tool without a schema, and a hook that is no `async def` raise AgentError where the
    class is made.
    """

    instructions: Any
    """What the model is told to be: text, or a method `async def instructions(self, call: Call) -> str`, asked once,
    after on_start."""
    greeting: str | None = None
    """What the model is told to open with, at each call's first session; None: the caller begins."""
    greeting_interruptible: bool = True
    """False: what the caller says meanwhile does not stop it."""
    url: str | None
    """Of the endpoint, ws:// or wss://. Unset: the engine's, else OpenAI's."""
    model: str | None
    """Put into the URL, in place of a `model` that is there."""
    key: str = "env:OPENAI_API_KEY"
    """Where the key is: `env:NAME`, `file:PATH` or `variable:NAME` of the channel. Never the key."""
    voice: str | dict[str, Any]
    """As in the session of the API, as the following three. Unset: the API's."""
    turn_detection: dict[str, Any] | None
    """None: off, the model answers when it is asked to."""
    transcription: dict[str, Any] | None
    """Unset: on, with `gpt-transcribe`; None: what the caller says is in no `call.turns`."""
    noise_reduction: dict[str, Any] | None
    """None: off."""
    session: dict[str, Any] = {}  # noqa: RUF012 - it is not changed, and may be an attribute of an instance
    """Merged over all of that: whatever else a session of the API has. `tools` in it (MCP servers) come beside the
    agent's own."""
    audio: Literal["auto", "pcm", "pcmu", "pcma"] = "auto"
    """What the endpoint is sent, and sends."""
    record: str | None = None
    """A path, as STREAM_RECORD; None: no recording."""
    tool_timeout_s: float = 15.0
    """Seconds, for every tool that names none."""
    digits: Literal["tell", "ignore"] = "tell"
    """`tell`: the model is told what the caller keyed in, after 2 s without another key or at `#`."""
    silence_s: float | None = 20.0
    """After so many seconds in which neither side speaks comes on_silence; None: never."""
    barge_in: Literal["server", "off", "confirm"] = "server"
    """What the caller's voice does to the agent's: stop it as the server's turn detection says; nothing; stop it once
    it is sure to be speech."""
    connect_timeout_s: float = 10.0
    """Seconds to wait for the endpoint; then the application returns `failed`."""
    failure_prompt: str | None = None
    """What the caller hears in that case: the path of an audio file."""
    max_duration_s: float | None = None
    """Seconds; a minute before, the model is told, then it says goodbye, then the call is hung up. None: no limit."""

    call: Call
    """The call of this instance; there from on_start on."""

    _tools: ClassVar[dict[str, Tool] | None] = None
    _made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *arguments: Any, **settings: Any) -> Self:
        made = super().__new__(cls)
        made._made_with = arguments, settings
        return made

    def __init__(self, **settings: Unpack[Settings]) -> None:
        """Raises AgentError where a setting can't be."""
        try:
            check_settings(settings)
        except AgentError as error:
            raise AgentError(f"{type(self).__name__}: {error}") from None
        for name, value in settings.items():
            setattr(self, name, value)

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        own = {name: value for name, value in vars(cls).items() if name in NAMES}
        try:
            check_settings(own)
        except AgentError as error:
            raise AgentError(f"{where(cls)}: {error}") from None
        for name in (*HOOKS, "instructions"):
            hook = vars(cls).get(name)
            if inspect.isfunction(hook) and not inspect.iscoroutinefunction(hook):
                raise AgentError(f"{where(hook)}: {name} has to be `async def`")
        _check_overrides(cls)
        try:
            cls._tools = _tools_of(cls)
        except NameError:
            cls._tools = None  # of something further down in the file: tools_of() looks again

    # -- hooks, all optional

    async def on_start(self, call: Call) -> None:
        """Before the session is set up: look the caller up, change settings of this instance. An exception ends the
        agent: the application returns `failed`."""

    async def on_connect(self, call: Call, restored: bool) -> None:
        """With each new session, before the greeting. `restored`: it goes on where one before it was lost, or this
        instance takes the place of one whose process died."""

    async def on_turn(self, call: Call, turn: Turn) -> None:
        """Somebody's turn is over: the caller's once its transcript is there, the agent's once it was heard."""

    async def on_digits(self, call: Call, digits: str) -> None:
        """The caller has keyed in a group of digits, up to `#` (which is not in it) or a pause of 2 s. Not during
        `call.digits()`."""

    async def on_event(self, call: Call, event: dict[str, Any]) -> None:
        """Every message of the server, but audio."""

    async def on_error(self, call: Call, error: str) -> None:
        """The server told of an error, or no connection came up. The call goes on."""

    async def on_silence(self, call: Call, times: int) -> None:
        """Neither side has spoken for `silence_s`, for the `times`th time since the caller last did."""
        if times == 1:
            await call.reply(
                "The caller has been silent for a while. Ask, in a few words, whether they are still there."
            )
        else:
            await call.reply("The caller does not answer any more. Say goodbye in one short sentence.")
            await call.hang_up()

    async def on_end(self, call: Call, reason: str) -> None:
        """The agent's part is over, whatever the channel does: `hang_up` (by the agent), `caller`, `transferred`,
        `handed_over`, `stopped`, `failed`. `call.turns` and `call.usage` are final. 60 s at most."""


def setting(agent: Agent, name: str, default: Any = None) -> Any:
    """An attribute; `default` where it is unset."""
    return getattr(agent, name, default)


def tools_of(cls: type[Agent]) -> dict[str, Tool]:
    """By the name that the model calls them. Raises AgentError."""
    found = vars(cls).get("_tools")
    if found is None:
        try:
            found = _tools_of(cls)
        except NameError as error:
            raise AgentError(f"{where(cls)}: {error}") from None
        cls._tools = found
    return dict(found)


def check_agent(cls: type[Agent]) -> None:
    """What can only be said of a whole class. Raises AgentError."""
    if getattr(cls, "instructions", None) is None:
        raise AgentError(f"{where(cls)}: it has no instructions")
    tools_of(cls)
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        raise AgentError(f"{where(cls)}: it is made without arguments, once for each call, but {error}") from None


def _tools_of(cls: type[Agent]) -> dict[str, Tool]:
    tools: dict[str, Tool] = {}
    for attribute in dict.fromkeys(name for each in reversed(cls.__mro__) for name in vars(each)):
        function = inspect.getattr_static(cls, attribute, None)
        options = options_of(function)
        if options is None or not inspect.isfunction(function):
            continue
        try:
            tool = Tool(attribute, function, options, Call)
        except AgentError as error:
            raise AgentError(f"{where(function)}: {error}") from None
        if tool.name in tools:
            raise AgentError(f"{where(function)}: there is another tool '{tool.name}', {tools[tool.name].attribute}")
        tools[tool.name] = tool
    return tools


def _check_overrides(cls: type[Agent]) -> None:
    for name, value in vars(cls).items():
        above = inspect.getattr_static(cls.__mro__[1], name, None) if len(cls.__mro__) > 1 else None
        if inspect.isfunction(value) and options_of(value) is None and options_of(above) is not None:
            raise AgentError(f"{where(value)}: it takes the place of a tool: decorate it with @tool, or set it to None")


def where(thing: Any) -> str:
    """A class or a method, with its file and line."""
    name = getattr(thing, "__qualname__", repr(thing)).replace("<locals>.", "")
    try:
        file, line = inspect.getsourcefile(thing), inspect.getsourcelines(thing)[1]
    except (OSError, TypeError):
        return name
    return f"{name} ({Path(file).name}, line {line})" if file else name
