"""MCP servers, as a script pretends them: what they offer, calls of their tools, and the client's consent."""

import asyncio
from typing import Any, Protocol

from .clock import Clock
from .ids import new_id
from .items import Conversation, Item
from .outlet import Outlet
from .output import Output
from .turns import McpCall, Model


class Maker(Protocol):
    """The response that makes items."""

    def open_item(self, data: dict[str, Any], *, plain: bool = False) -> Output: ...
    def close_open(self, status: str) -> None: ...
    def emit(self, event: dict[str, Any]) -> None: ...
    def place(self, opened: Output) -> dict[str, Any]: ...


class McpCalls:
    """Of one session."""

    def __init__(self, model: Model, conversation: Conversation, outlet: Outlet, clock: Clock) -> None:
        self._model = model
        self._conversation = conversation
        self._outlet = outlet
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()
        """Calls outside of a response."""
        self._listed: set[str] = set()
        self._asked: dict[str, McpCall] = {}

    def list_tools(self, tools: list[dict[str, Any]]) -> None:
        """Asks each MCP server of the session once what it offers, and tells the client."""
        for tool in tools:
            if tool["type"] == "mcp" and tool["server_label"] not in self._listed:
                self._listed.add(tool["server_label"])
                self._list(tool["server_label"])

    def _list(self, label: str) -> None:
        item = Item({"id": new_id("mcpl"), "type": "mcp_list_tools", "server_label": label, "tools": []})
        before = self._conversation.add(item)
        self._outlet.emit({"type": "conversation.item.added", "previous_item_id": before, "item": item.shown()})
        self._outlet.emit({"type": "mcp_list_tools.in_progress", "item_id": item.id})
        offered = self._model.mcp_tools(label)
        if offered is None:
            self._outlet.emit({"type": "mcp_list_tools.failed", "item_id": item.id})
            return
        item.data["tools"] = offered
        self._outlet.emit({"type": "conversation.item.done", "previous_item_id": before, "item": item.shown()})
        self._outlet.emit({"type": "mcp_list_tools.completed", "item_id": item.id})

    def answered(self, response: dict[str, Any]) -> None:
        """The client's `mcp_approval_response` item. With its consent the call is carried out at once, in no response:
        clients wait for the item before they ask for one."""
        request_id = response["approval_request_id"]
        call = self._asked.pop(request_id, None)
        if call is None or not response["approve"]:
            return
        made = _new_call(call) | {"arguments": call.arguments, "approval_request_id": request_id}
        item = Item({"id": new_id("mcp"), **made})
        before = self._conversation.add(item)
        self._outlet.emit({"type": "conversation.item.added", "previous_item_id": before, "item": item.shown()})
        at = {"item_id": item.id, "output_index": 0}
        self._outlet.emit({"type": "response.mcp_call.in_progress", **at})

        async def run() -> None:
            await self._take_time(call)
            item.data |= _outcome(call)
            self._outlet.emit({"type": _ended(call), **at})
            self._outlet.emit({"type": "conversation.item.done", "previous_item_id": before, "item": item.shown()})

        task = asyncio.create_task(run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """What runs is given up; nothing is sent."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_time(self, call: McpCall) -> None:
        if call.ms:
            await self._clock.sleep_until(self._clock.now() + call.ms / 1000)

    async def carry_out(self, call: McpCall, maker: Maker) -> None:
        if call.approval:
            asked = {"server_label": call.server, "name": call.name, "arguments": call.arguments}
            opened = maker.open_item({"type": "mcp_approval_request", **asked}, plain=True)
            self._asked[opened.id] = call
            maker.close_open("completed")
            return
        opened = maker.open_item(_new_call(call), plain=True)
        place = maker.place(opened)
        maker.emit({"type": "response.mcp_call_arguments.delta", **place, "delta": call.arguments})
        opened.put(arguments=call.arguments)
        maker.emit({"type": "response.mcp_call_arguments.done", **place, "arguments": call.arguments})
        at = {"item_id": opened.id, "output_index": place["output_index"]}
        maker.emit({"type": "response.mcp_call.in_progress", **at})
        await self._take_time(call)
        opened.put(**_outcome(call))
        maker.emit({"type": _ended(call), **at})
        maker.close_open("completed")


def _new_call(call: McpCall) -> dict[str, Any]:
    """An item of which nothing is known yet; clients expect the nulls."""
    head = {"type": "mcp_call", "server_label": call.server, "name": call.name, "arguments": ""}
    return {**head, "approval_request_id": None, "output": None, "error": None}


def _outcome(call: McpCall) -> dict[str, Any]:
    if call.error is None:
        return {"output": call.output}
    return {"error": {"type": "tool_execution_error", "message": call.error}}


def _ended(call: McpCall) -> str:
    return f"response.mcp_call.{'completed' if call.error is None else 'failed'}"
