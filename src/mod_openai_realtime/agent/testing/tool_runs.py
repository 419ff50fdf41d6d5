"""The tools that the model has called, from what went over the connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, get_args, get_type_hints, overload

from ...local.recording import ConnectionRecord
from ..agent import Agent, tools_of
from ..wording import outcome

_NOTHING = {"ok": True}  # what the model is told of None


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool that the model called. `error` None: it has not failed; then `result` is what the model was told."""

    name: str
    arguments: dict[str, Any]
    result: Any
    error: str | None

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.name}({given}) " + (f"failed: {self.error}" if self.error is not None else f"-> {self.result!r}")


class ToolRuns(list[ToolRun]):
    """A list, whose IndexError says what happened instead."""

    def __init__(self, runs: Iterable[ToolRun], story: Callable[[], str]) -> None:
        super().__init__(runs)
        self._story = story

    @overload
    def __getitem__(self, index: SupportsIndex) -> ToolRun: ...
    @overload
    def __getitem__(self, index: slice) -> list[ToolRun]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> ToolRun | list[ToolRun]:
        __tracebackhide__ = True
        try:
            return super().__getitem__(index)
        except IndexError:
            count = "no tool has" if not self else "one tool has" if len(self) == 1 else f"{len(self)} tools have"
            raise IndexError(f"{count} been called and answered so far.\n{self._story()}") from None


def text_tools(agent: type[Agent]) -> frozenset[str]:
    """The names of those that give a text: what looks like JSON is none."""
    found = set()
    for name, tool in tools_of(agent).items():
        returned = get_type_hints(getattr(agent, tool.attribute)).get("return")
        if returned is str or set(get_args(returned)) == {str, type(None)}:
            found.add(name)
    return frozenset(found)


def tool_runs(records: Sequence[ConnectionRecord], texts: frozenset[str]) -> list[tuple[float, ToolRun]]:
    """Those that have been answered, in the order of their answers, and when that was, as Message.at. `texts`: of
    text_tools()."""
    calls = {
        event["item"]["call_id"]: event["item"]
        for each in records
        for event in each.sent_events("response.output_item.done")
        if event["item"]["type"] == "function_call"
    }
    runs = []
    for each in records:
        for message in each.received:
            item = (message.event or {}).get("item") or {}
            call = calls.get(item.get("call_id"))
            if message.type == "conversation.item.create" and item.get("type") == "function_call_output" and call:
                result, error = _outcome(item["output"], is_text=call["name"] in texts)
                runs.append((message.at, ToolRun(call["name"], _arguments(call["arguments"]), result, error)))
    return runs


def _arguments(text: str) -> dict[str, Any]:
    """A language model may send what is no object: then the tool's error says so."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _outcome(output: str, *, is_text: bool) -> tuple[Any, str | None]:
    result, error = outcome(output)
    return (output if is_text and error is None and result != _NOTHING else result), error
