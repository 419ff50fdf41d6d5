"""What a tool gave, as the test sees it: by what its annotation says, where the model is told no difference."""

from typing import Any

import pytest

from mod_openai_realtime.agent import Agent, tool
from mod_openai_realtime.agent.testing.tool_runs import text_tools, tool_runs
from mod_openai_realtime.local.recording import ConnectionRecord, Message


class Counter(Agent):
    instructions = "Count."

    @tool
    async def text(self) -> str:
        return "123"

    @tool(name="perhaps")
    async def text_or_nothing(self) -> str | None:
        return None

    @tool
    async def number(self) -> int:
        return 123


def test_tools_that_give_a_text() -> None:
    assert text_tools(Counter) == {"text", "perhaps"}


@pytest.mark.parametrize(
    ("name", "output", "result", "error"),
    [
        ("text", "123", "123", None),
        ("number", "123", 123, None),
        ("perhaps", '{"ok":true}', {"ok": True}, None),
        ("text", '{"error": "no"}', None, "no"),
        ("text", "Ann Miller", "Ann Miller", None),
    ],
)
def test_results(name: str, output: str, result: Any, error: str | None) -> None:
    record = ConnectionRecord(0, "/v1/realtime", {})
    item = {"type": "function_call", "call_id": "c1", "name": name, "arguments": "{}"}
    record.sent.append(Message(1.0, event={"type": "response.output_item.done", "item": item}))
    given = {"type": "function_call_output", "call_id": "c1", "output": output}
    record.received.append(Message(2.0, event={"type": "conversation.item.create", "item": given}))
    ((at, run),) = tool_runs([record], text_tools(Counter))
    assert (at, run.name, run.result, run.error) == (2.0, name, result, error)
