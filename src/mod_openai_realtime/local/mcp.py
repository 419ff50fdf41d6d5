"""MCP servers, as a script pretends them: what they offer, calls of their tools, and the client's consent."""

from typing import Any, Protocol

from .ids import new_id
from .items import Conversation, Item
from .outlet import Outlet
from .output import Output
from .turns import Agent, McpCall


class Maker(Protocol):
    """The response that makes items."""

    def open_item(self, data: dict[str, Any], *, plain: bool = False) -> Output: ...
    def close_open(self, status: str) -> None: ...
    def emit(self, event: dict[str, Any]) -> None: ...
    def place(self, opened: Output) -> dict[str, Any]: ...


class McpCalls:
    """Of one session."""

    def __init__(self, agent: Agent, conversation: Conversation, outlet: Outlet) -> None:
        self._agent = agent
        self._conversation = conversation
        self._outlet = outlet
        self._listed: set[str] = set()
        self._asked: dict[str, McpCall] = {}
        self._approved: list[McpCall] = []

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
        offered = self._agent.mcp_tools(label)
        if offered is None:
            self._outlet.emit({"type": "mcp_list_tools.failed", "item_id": item.id})
            return
        item.data["tools"] = offered
        self._outlet.emit({"type": "conversation.item.done", "previous_item_id": before, "item": item.shown()})
        self._outlet.emit({"type": "mcp_list_tools.completed", "item_id": item.id})

    def answered(self, response: dict[str, Any]) -> None:
        """The client's `mcp_approval_response` item."""
        call = self._asked.pop(response["approval_request_id"], None)
        if call is not None and response["approve"]:
            self._approved.append(call)

    def take_approved(self) -> tuple[McpCall, ...]:
        """What the next response calls."""
        taken, self._approved = tuple(self._approved), []
        return taken

    def carry_out(self, call: McpCall, maker: Maker) -> None:
        data = {"server_label": call.server, "name": call.name}
        if call.approval:
            opened = maker.open_item({"type": "mcp_approval_request", **data, "arguments": call.arguments}, plain=True)
            self._asked[opened.id] = McpCall(call.server, call.name, call.arguments, call.output, call.error)
            maker.close_open("completed")
            return
        opened = maker.open_item({"type": "mcp_call", **data, "arguments": ""}, plain=True)
        place = maker.place(opened)
        maker.emit({"type": "response.mcp_call_arguments.delta", **place, "delta": call.arguments})
        opened.put(arguments=call.arguments)
        maker.emit({"type": "response.mcp_call_arguments.done", **place, "arguments": call.arguments})
        at = {"item_id": opened.id, "output_index": place["output_index"]}
        maker.emit({"type": "response.mcp_call.in_progress", **at})
        if call.error is None:
            opened.put(output=call.output)
        else:
            opened.put(error={"type": "tool_execution_error", "message": call.error})
        maker.emit({"type": f"response.mcp_call.{'completed' if call.error is None else 'failed'}", **at})
        maker.close_open("completed")
