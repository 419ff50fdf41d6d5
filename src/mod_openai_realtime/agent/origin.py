"""Where an agent comes from, so that another process can make it again."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from .agent import Agent
from .errors import AgentError

logger = logging.getLogger(__name__)


class Origin(msgspec.Struct):
    """Of an instance. `arguments` and `settings`: those of its constructor."""

    module: str
    name: str
    arguments: list[Any] = []
    settings: dict[str, Any] = {}


def origin_of(agent: Agent) -> Origin:
    """Arguments that are no JSON are left out: another process has none of them."""
    cls = type(agent)
    arguments, settings = agent._made_with
    try:
        orjson.dumps([arguments, settings])
    except TypeError:
        return Origin(cls.__module__, cls.__qualname__)
    return Origin(cls.__module__, cls.__qualname__, list(arguments), dict(settings))


def kept_origin(kept: Any) -> Origin | None:
    """What another process has kept of it; None where there is nothing that makes sense."""
    try:
        return msgspec.convert(kept, Origin | None)
    except msgspec.ValidationError:
        return None


def made_again(origin: Origin, instead: Callable[[], Agent]) -> Agent:
    """Where that can't be, the log says why, and it is another agent: the call goes on with what it began with."""
    try:
        return _class_of(origin)(*origin.arguments, **origin.settings)
    except Exception:
        logger.exception("%s.%s can't be made again in this process", origin.module, origin.name)
        return instead()


def _class_of(origin: Origin) -> type[Agent]:
    """Raises AgentError, ImportError or AttributeError."""
    found: Any = sys.modules.get(origin.module) or importlib.import_module(origin.module)
    for name in origin.name.split("."):
        found = getattr(found, name)
    if not isinstance(found, type) or not issubclass(found, Agent):
        raise AgentError("it is no agent")
    return found
