"""Agents in Python: a telephone agent is a class, its tools are methods, and it can do with the call what a person at a
desk can."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import Agent
    from .call import Call
    from .errors import AgentError, CallError, Interrupted, ToolError
    from .tools import tool
    from .values import Consult, Heard, Turn

__all__ = [
    "Agent",
    "AgentError",
    "Call",
    "CallError",
    "Consult",
    "Heard",
    "Interrupted",
    "ToolError",
    "Turn",
    "tool",
]

# Workers want the messages only, and pydantic is large: the rest is imported when it is asked for.
_WHERE = {
    "Agent": "agent",
    "AgentError": "errors",
    "Call": "call",
    "CallError": "errors",
    "Consult": "values",
    "Heard": "values",
    "Interrupted": "errors",
    "ToolError": "errors",
    "Turn": "values",
    "tool": "tools",
}


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{where}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
