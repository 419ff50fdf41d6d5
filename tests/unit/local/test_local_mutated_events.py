"""Events that are nearly right: each is carried out or refused, and whatever the endpoint then sends is valid."""

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

MakeBench = Callable[..., Any]
Path = tuple[str | int, ...]
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "required": ["a"]}}
MCP = {"type": "mcp", "server_label": "wiki", "server_url": "https://x.invalid", "require_approval": "never"}
MCP_CALL = {"type": "mcp_call", "id": "m", "name": "n", "arguments": "{}", "server_label": "wiki"}
SESSION = {
    "type": "realtime",
    "tools": [FUNCTION, MCP],
    "tool_choice": "required",
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
    "tracing": "auto",
    "audio": {
        "input": {"turn_detection": {"type": "server_vad", "threshold": 0.5}, "transcription": {"model": "whisper-1"}},
        "output": {"voice": {"id": "v"}, "format": {"type": "audio/pcmu"}},
    },
}
RESPONSE = {
    "conversation": "none",
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA"}]},
        {"type": "item_reference", "id": "i"},
    ],
    "tools": [FUNCTION],
    "tool_choice": {"type": "function", "name": "f"},
    "output_modalities": ["text"],
    "max_output_tokens": 3,
    "metadata": {"a": "b"},
}
ITEMS: list[dict[str, Any]] = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}], "id": "i"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "audio": "AAAA", "transcript": "a"}]},
    {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
    {"type": "function_call_output", "call_id": "c", "output": "{}"},
    {"type": "mcp_approval_response", "approval_request_id": "q", "approve": True},
    {**MCP_CALL, "error": {"type": "http_error", "code": 500, "message": "m"}},
]
EVENTS: list[dict[str, Any]] = [
    {"type": "session.update", "session": SESSION},
    {"type": "response.create"},
    {"type": "response.create", "response": RESPONSE},
    {"type": "response.cancel", "response_id": "r"},
    {"type": "input_audio_buffer.append", "audio": "AAAA" * 2000},
    {"type": "input_audio_buffer.commit"},
    {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 10},
    {"type": "conversation.item.delete", "item_id": "i"},
    {"type": "conversation.item.retrieve", "item_id": "i"},
    *({"type": "conversation.item.create", "item": item} for item in ITEMS),
]
VALUES: list[Any] = [None, 0, 1, -1, 1.5, 2**40, "", "x", "inf", "a" * 600, True, [], {}, [None], {"type": None}]
GONE = object()


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from places(part, (*path, name))


def mutated(event: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    event = copy.deepcopy(event)
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        path = chance.choice([each for each in places(event) if each] or [("type",)])
        value: Any = event
        for name in path[:-1]:
            value = value[name]
        new = chance.choice([*VALUES, GONE])
        if new is GONE:
            value.pop(path[-1], None) if isinstance(value, dict) else value.pop()
        else:
            value[path[-1]] = copy.deepcopy(new)
    return event


@pytest.mark.parametrize("seed", range(20))
async def test_nearly_right_events_are_carried_out_or_refused(make_bench: MakeBench, seed: int) -> None:
    chance = random.Random(seed)
    script = ["one two three", {"call": {"name": "f"}}, {"mcp": {"server": "wiki", "name": "ask"}}]
    bench = make_bench(agent={"turns": script, "mcp": {"wiki": ["ask"]}})
    for _ in range(40):
        event = mutated(chance.choice(EVENTS), chance)
        ids = [each["item"]["id"] for each in bench.events if "item" in each]
        if ids and "item_id" in event and chance.random() < 0.8:
            event["item_id"] = chance.choice(ids)
        await bench.session.handle(event)
        if chance.random() < 0.3:
            await bench.clock.move(chance.choice((0, 0.1, 1)))
    await bench.session.close()
