"""Which of an agent's calls its session allows: a model calls no function that was not declared to it."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from .errors import RequestError
from .turns import Call, Context, FunctionCall, McpCall, ModelError, Piece, Turn, closing, words_of_instructions

log = logging.getLogger(__name__)


class UndeclaredFunctionError(ModelError):
    """The agent would call what the session doesn't declare, and does nothing else."""

    code = "undeclared_function"


def check_choice(tool_choice: Any, tools: list[dict[str, Any]], path: str) -> None:
    """Raises RequestError where a tool is to be called that is not there; `path` is that of tool_choice."""
    if not isinstance(tool_choice, dict):
        return
    name = tool_choice["name"] if tool_choice["type"] == "function" else tool_choice["server_label"]
    key = "name" if tool_choice["type"] == "function" else "server_label"
    if not any(tool["type"] == tool_choice["type"] and tool[key] == name for tool in tools):
        raise RequestError("invalid_value", f"Tool choice '{name}' not found in 'tools' parameter.", path)


class Chooser:
    """Of one response: `turn` or `stream`, once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._choice = context.tool_choice
        self._functions = {tool["name"]: tool for tool in context.tools if tool["type"] == "function"}
        self._servers = {tool["server_label"] for tool in context.tools if tool["type"] == "mcp"}
        self._made = 0
        self._refused: list[str] = []

    def turn(self, turn: Turn) -> Turn:
        """Raises UndeclaredFunctionError."""
        calls = tuple(call for call in turn.calls if self._allows(call))
        if not calls and self._must_call:
            return Turn(calls=(self._invented(),))
        if not calls and turn.calls and not turn.speaks:
            return Turn(text=self._instead())
        return Turn(turn.text, turn.tone, turn.samples, calls)

    async def stream(self, pieces: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
        """Raises UndeclaredFunctionError."""
        spoken = False
        async with closing(pieces):
            async for piece in pieces:
                if isinstance(piece, str):
                    spoken = spoken or bool(piece.strip())
                    yield piece
                elif self._allows(piece):
                    yield piece
        if not self._made and self._must_call:
            yield self._invented()
        elif not self._made and not spoken and self._refused:
            yield self._instead()

    @property
    def _must_call(self) -> bool:
        return isinstance(self._choice, dict) or (self._choice == "required" and bool(self._functions))

    def _allows(self, call: Call) -> bool:
        named = call.name if isinstance(call, FunctionCall) else f"{call.server}.{call.name}"
        reason = self._objection(call)
        if reason is not None:
            log.warning("the agent doesn't call %s: %s", named, reason)
            self._refused.append(named)
            return False
        self._made += 1
        return True

    def _objection(self, call: Call) -> str | None:
        if self._choice == "none":
            return "tool_choice is none"
        if isinstance(call, McpCall):
            if call.server not in self._servers:
                return "the session declares no such MCP server"
        elif call.name not in self._functions:
            return "the session declares no such function"
        if isinstance(self._choice, dict):
            wanted = self._choice.get("server_label") if isinstance(call, McpCall) else self._choice.get("name")
            if wanted != (call.server if isinstance(call, McpCall) else call.name):
                return "tool_choice names another"
        if self._made and not self._context.parallel_tool_calls:
            return "parallel_tool_calls is false"
        return None

    def _instead(self) -> str:
        if self._choice == "none":
            return words_of_instructions(self._context)
        raise UndeclaredFunctionError(
            f"The agent would call {', '.join(self._refused)}, which the session does not declare."
        )

    def _invented(self) -> Call:
        """A call with arguments that fit the function's schema, where one has to be made and the agent made none."""
        if isinstance(self._choice, dict) and self._choice["type"] == "mcp":
            return McpCall(self._choice["server_label"], self._choice.get("name", "tool"))
        name = self._choice["name"] if isinstance(self._choice, dict) else next(iter(self._functions))
        schema = self._functions[name].get("parameters") or {}
        return FunctionCall(name, json.dumps(example(schema)))


def example(schema: Any) -> Any:
    """A value that fits a JSON Schema, in the plain cases: required properties, types, enum, const, default, anyOf."""
    if not isinstance(schema, dict):
        return None
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if schema.get(name):
            return example(schema[name][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: example(properties.get(name, {"type": "string"})) for name in schema.get("required") or ()}
    if kind == "array":
        return [example(schema.get("items") or {"type": "string"}) for _ in range(schema.get("minItems", 0))]
    plain = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1.0), "boolean": True, "null": None}
    return plain.get(kind, "example") if isinstance(kind, str) else None
