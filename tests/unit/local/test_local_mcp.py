"""MCP servers as a script pretends them."""

from collections.abc import Callable
from typing import Any

from mod_openai_realtime.local.behaviour import Behaviour, Pacing

MakeBench = Callable[..., Any]
ONE_PIECE = Behaviour(pacing=Pacing(speed=None))
WIKI = {"type": "mcp", "server_label": "wiki", "server_url": "https://wiki.invalid/mcp"}


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


async def test_what_a_server_offers_is_listed_once(make_bench: MakeBench) -> None:
    bench = make_bench(agent={"turns": ["one"], "mcp": {"wiki": ["ask"]}})
    assert types(await bench.update(tools=[WIKI])) == [
        "session.updated",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
        "conversation.item.done",
        "mcp_list_tools.completed",
    ]
    item = bench.only("conversation.item.done")["item"]
    assert (item["type"], item["server_label"], item["tools"][0]["name"]) == ("mcp_list_tools", "wiki", "ask")
    assert types(await bench.update(tools=[WIKI])) == ["session.updated"]


async def test_a_server_that_the_script_does_not_know_can_not_be_reached(make_bench: MakeBench) -> None:
    bench = make_bench(agent=["one"])
    assert types(await bench.update(tools=[WIKI]))[-1] == "mcp_list_tools.failed"
    item_id = bench.only("mcp_list_tools.failed")["item_id"]
    # Clients ask for it as soon as they hear of it.
    assert types(await bench.send("conversation.item.retrieve", item_id=item_id)) == ["conversation.item.retrieved"]


async def test_a_tool_of_a_server_is_called(make_bench: MakeBench) -> None:
    call = {"server": "wiki", "name": "ask", "arguments": {"q": 1}, "output": "42"}
    broken = {"server": "wiki", "name": "ask", "error": "no answer"}
    bench = make_bench(agent={"turns": [{"mcp": [call, broken]}], "mcp": {"wiki": ["ask"]}}, behaviour=ONE_PIECE)
    await bench.update(tools=[WIKI])
    events = types(await bench.send("response.create"))
    first = events.index("response.mcp_call_arguments.delta")
    assert events[first - 2 : first + 6] == [
        "response.output_item.added",
        "conversation.item.added",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.output_item.done",
        "conversation.item.done",
    ]
    assert "response.mcp_call.failed" in events
    begun = bench.of("response.output_item.added")[0]["item"]
    # Clients take a null for what is not known yet, and not that it is missing.
    assert {begun[name] for name in ("output", "error", "approval_request_id")} == {None}
    good, bad = bench.only("response.done")["response"]["output"]
    assert (good["output"], good["arguments"]) == ("42", '{"q": 1}')
    assert bad["error"] == {"type": "tool_execution_error", "message": "no answer"}


async def test_a_call_that_needs_consent_waits_for_it(make_bench: MakeBench) -> None:
    call = {"server": "wiki", "name": "ask", "output": "42", "approval": True}
    bench = make_bench(agent={"turns": [{"mcp": call}], "mcp": {"wiki": ["ask"]}}, behaviour=ONE_PIECE)
    await bench.update(tools=[WIKI])
    await bench.send("response.create")
    (request,) = bench.only("response.done")["response"]["output"]
    assert request["type"] == "mcp_approval_request"
    wrong = {"type": "mcp_approval_response", "approval_request_id": "none", "approve": True}
    (refused,) = await bench.send("conversation.item.create", item=wrong)
    assert refused["error"]["param"] == "item.approval_request_id"
    consent = {**wrong, "id": "yes", "approval_request_id": request["id"], "reason": None}
    events = await bench.send("conversation.item.create", item=consent)
    # Clients ask for a response once the call is done, so it can't wait for one.
    assert types(events) == [
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.added",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "conversation.item.done",
    ]
    made = events[-1]["item"]
    assert (made["type"], made["output"], made["approval_request_id"]) == ("mcp_call", "42", request["id"])
    assert events[-1]["previous_item_id"] == "yes"
    await bench.send("response.create")
    assert bench.of("response.done")[1]["response"]["status"] == "completed"


async def test_a_call_takes_the_time_that_the_script_says(make_bench: MakeBench) -> None:
    slow = {"server": "wiki", "name": "ask", "output": "42", "ms": 700}
    bench = make_bench(
        agent={"turns": [{"mcp": slow}, {"mcp": {**slow, "approval": True}}], "mcp": {"wiki": ["ask"]}},
        behaviour=ONE_PIECE,
    )
    await bench.update(tools=[WIKI])
    assert "response.mcp_call.in_progress" in types(await bench.send("response.create"))
    assert bench.of("response.mcp_call.completed") == bench.of("response.done") == []
    await bench.clock.move(0.699)
    assert bench.of("response.mcp_call.completed") == []
    await bench.clock.move(0.001)
    assert len(bench.of("response.mcp_call.completed")) == len(bench.of("response.done")) == 1
    # With the client's consent, outside of a response.
    await bench.send("response.create")
    request = bench.of("response.done")[1]["response"]["output"][0]
    yes = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": True}
    await bench.send("conversation.item.create", item=yes)
    assert len(bench.of("response.mcp_call.completed")) == 1
    await bench.clock.move(0.7)
    assert len(bench.of("response.mcp_call.completed")) == 2


async def test_a_call_that_the_user_does_not_want_is_not_made(make_bench: MakeBench) -> None:
    call = {"server": "wiki", "name": "ask", "output": "42", "approval": True}
    bench = make_bench(agent={"turns": [{"mcp": call}], "mcp": {"wiki": ["ask"]}}, behaviour=ONE_PIECE)
    await bench.update(tools=[WIKI])
    await bench.send("response.create")
    request = bench.only("response.done")["response"]["output"][0]
    no = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": False}
    assert types(await bench.send("conversation.item.create", item=no)) == [
        "conversation.item.added",
        "conversation.item.done",
    ]
