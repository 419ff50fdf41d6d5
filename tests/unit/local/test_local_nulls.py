"""Real clients send null for what they don't set: it is as if it were not there, unless it turns something off."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai.types.realtime import RealtimeResponseCreateParams, RealtimeSessionCreateRequest
from pydantic import BaseModel

from mod_openai_realtime.local.client_events import checked

MakeBench = Callable[..., Any]
TURNS_OFF = {"audio.input.turn_detection", "audio.input.transcription", "audio.input.noise_reduction", "include"}


def optional_fields(model: type[BaseModel], inside: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all fields that may be null, those of the objects in them too."""
    for name, field in model.model_fields.items():
        path = (*inside, name)
        if not field.is_required():
            yield path
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel) and name in ("audio", "input", "output"):
                yield from optional_fields(part, path)


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    return dict(value)


SESSION = list(optional_fields(RealtimeSessionCreateRequest))
RESPONSE = list(optional_fields(RealtimeResponseCreateParams))


def test_the_types_have_as_many_as_real_clients_send() -> None:
    assert len(SESSION) + len(RESPONSE) >= 33


@pytest.mark.parametrize("path", SESSION, ids=".".join)
async def test_null_in_a_session_changes_nothing_or_turns_it_off(make_bench: MakeBench, path: tuple[str, ...]) -> None:
    bench = make_bench()
    before = bench.events[0]["session"]
    (updated,) = await bench.update(**nested(path, None))
    after = updated["session"]
    if ".".join(path) in TURNS_OFF:
        before = _with(before, path, None)
    assert after == before


@pytest.mark.parametrize("path", RESPONSE, ids=".".join)
async def test_null_in_a_response_is_as_if_it_were_not_there(make_bench: MakeBench, path: tuple[str, ...]) -> None:
    bench = make_bench(agent=["one"])
    events = await bench.send("response.create", response=nested(path, None))
    assert events[0]["type"] == "response.created"
    assert events[0]["response"]["max_output_tokens"] == "inf"


@pytest.mark.parametrize(
    "item",
    [
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": None},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA", "transcript": None}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x", "audio": None}]},
    ],
    ids=lambda item: item.get("role", item["type"]),
)
async def test_items_may_have_nulls(make_bench: MakeBench, item: dict[str, Any]) -> None:
    if item.get("role") == "assistant":
        item["content"][0].pop("audio")
    bench = make_bench()
    nulls = {"id": None, "status": None, "object": None}
    events = await bench.send("conversation.item.create", item={**item, **nulls}, event_id=None, previous_item_id=None)
    assert [event["type"] for event in events] == ["conversation.item.added", "conversation.item.done"]
    assert events[0]["item"]["id"].startswith("item_")


def test_nulls_of_the_client_s_own_are_left_alone() -> None:
    schema = {"type": "object", "properties": {"x": {"default": None, "enum": ["a", None]}}}
    tool = {"type": "function", "name": "f", "parameters": schema, "description": None}
    event = {"type": "session.update", "session": {"type": "realtime", "tools": [tool]}}
    assert checked(event)["session"]["tools"] == [{"type": "function", "name": "f", "parameters": schema}]


def _with(value: dict[str, Any], path: tuple[str, ...], new: Any) -> dict[str, Any]:
    first, *rest = path
    return {**value, first: _with(value[first], tuple(rest), new) if rest else new}
