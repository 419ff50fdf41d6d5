"""Every field of every client event that the official SDK knows, with values that are taken and that are refused.

The corpus is in tests/data/local/client-events; its README says what the files hold.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import official_types
import pytest
from openai.types.realtime import RealtimeClientEvent
from pydantic import BaseModel

MakeBench = Callable[..., Any]
FOLDER = Path(__file__).parents[2] / "data" / "local" / "client-events"
SECOND_OF_AUDIO = "AAAA" * 16_000
PRESENT = [
    {"type": "message", "id": "item_user", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
    {
        "type": "message",
        "id": "item_said",
        "role": "assistant",
        "content": [{"type": "output_audio", "transcript": "Hello there.", "audio": SECOND_OF_AUDIO}],
    },
    {"type": "function_call", "id": "item_call", "name": "hours", "arguments": "{}", "call_id": "call_1"},
    {"type": "mcp_approval_request", "id": "mcpr_1", "arguments": "{}", "name": "ask", "server_label": "wiki"},
]
"""What is in the conversation before an event of the corpus comes."""

REFERENCES = [{"type": "item_reference", "id": "item_user"}]

# Whatever they hold is the client's own.
FREE = {
    "session.tracing.metadata",
    *(f"{place}.tools[].{name}" for place in ("item", "response.input[]") for name in ("annotations", "input_schema")),
}


@dataclass(frozen=True)
class Case:
    event: dict[str, Any]
    field: str
    """Its whole path, with [] for any index."""
    code: str | None = None
    """Of the error; None: it is taken."""
    param: str | None = None


def _cases() -> Iterator[tuple[str, Case]]:
    for file in sorted(FOLDER.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        for place, base in content["events"].items():
            for entry in content["fields"]:
                yield from _of_field(file.stem, place, base, entry)


def _of_field(file: str, place: str, base: dict[str, Any], entry: dict[str, Any]) -> Iterator[tuple[str, Case]]:
    def whole(path: str) -> str:
        return ".".join(part for part in (place, path) if part)

    base = deepcopy(base)
    for path, value in entry.get("with", {}).items():
        _put(base, whole(path), value)
    path = whole(entry["field"])
    field = re.sub(r"\[\d+\]", "[]", path)
    for value in entry.get("accepted", []):
        event = deepcopy(base)
        _put(event, path, value)
        yield f"{file}: {path} may be {_short(value)}", Case(event, field)
    for refused in entry.get("refused", []):
        event = deepcopy(base)
        if refused.get("absent"):
            _remove(event, path)
        else:
            _put(event, path, refused["value"])
        param = refused.get("param", entry["field"])
        name = "absent" if refused.get("absent") else _short(refused["value"])
        yield f"{file}: {path} may not be {name}", Case(event, field, refused["code"], param and whole(param))


def _steps(path: str) -> list[str | int]:
    return [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]


def _put(event: Any, path: str, value: Any) -> None:
    *steps, last = _steps(path)
    for step in steps:
        event = event.setdefault(step, {}) if isinstance(step, str) else event[step]
    event[last] = _made(value)


def _remove(event: Any, path: str) -> None:
    *steps, last = _steps(path)
    for step in steps:
        event = event[step]
    del event[last]


def _made(value: Any) -> Any:
    """A value of the corpus; long ones are described there."""
    if isinstance(value, list):
        return [_made(each) for each in value]
    if not isinstance(value, dict):
        return deepcopy(value)
    if "$repeat" in value:
        return value["$repeat"] * value["times"]
    if "$keys" in value:
        return {f"key_{number}": "x" for number in range(value["$keys"])}
    if "$key" in value:
        return {_made(value["$key"]): "x"}
    return {name: _made(each) for name, each in value.items()}


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _by_field(*, taken: bool) -> dict[str, dict[str, Case]]:
    """Of each field of each event, its cases by their names."""
    fields = defaultdict[str, dict[str, Case]](dict)
    for name, case in _cases():
        if (case.code is None) is taken:
            fields[name.partition(" may ")[0]][name] = case
    return dict(fields)


TAKEN = _by_field(taken=True)
REFUSED = _by_field(taken=False)


async def bench_for(case: Case, make_bench: MakeBench) -> Any:
    bench = make_bench(agent=["one two three four five six seven eight nine ten"])
    for item in PRESENT if case.event["type"] != "session.update" else ():
        events = await bench.send("conversation.item.create", item=deepcopy(item))
        assert [event["type"] for event in events] == ["conversation.item.added", "conversation.item.done"]
    if case.event["type"] == "input_audio_buffer.commit":
        await bench.hear(200)
    if case.event["type"] == "response.cancel":
        await bench.send("response.create")
        assert bench.of("response.done") == []
    return bench


@pytest.mark.parametrize("field", TAKEN)
async def test_a_good_value_is_taken(field: str, make_bench: MakeBench) -> None:
    for name, case in TAKEN[field].items():
        official_types.check_client_event(_for_the_judge(case.event))
        bench = await bench_for(case, make_bench)
        events = await bench.send(**_as_arguments(case.event))
        assert [event["error"] for event in events if event["type"] == "error"] == [], name


@pytest.mark.parametrize("field", REFUSED)
async def test_a_bad_value_is_refused_by_its_path_and_changes_nothing(field: str, make_bench: MakeBench) -> None:
    for name, case in REFUSED[field].items():
        bench = await bench_for(case, make_bench)
        (answer,) = await bench.send(**_as_arguments({"event_id": "mine", **case.event}))
        error = answer["error"]
        assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", case.code, case.param), name
        given = case.event.get("event_id", "mine")
        assert error["event_id"] == (given if isinstance(given, str) else None), name
        (updated,) = await bench.update()
        assert updated["session"] == bench.events[0]["session"], name


def _for_the_judge(value: Any) -> Any:
    """Without nulls, which clients send where the SDK's types know only a field that is not there; and without
    references to items, for which the SDK has another event of the same name."""
    if isinstance(value, dict):
        return {name: _for_the_judge(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_for_the_judge(each) for each in value if each not in REFERENCES]
    return value


def _as_arguments(event: dict[str, Any]) -> dict[str, Any]:
    return {"kind": event["type"], **{name: value for name, value in event.items() if name != "type"}}


@pytest.mark.parametrize("kind", sorted(official_types.CLIENT_EVENTS))
def test_the_corpus_has_every_field_that_the_sdk_knows(kind: str) -> None:
    known = FIELDS[kind] - {"type"}  # of the event itself: what other names mean is in test_local_client_events.py
    good, bad = (
        {case.field for cases in fields.values() for case in cases.values() if case.event["type"] == kind}
        for fields in (TAKEN, REFUSED)
    )
    if kind == "output_audio_buffer.clear":  # on WebRTC and SIP only: refused as a whole
        assert not good
        return
    assert known - good == set()
    assert known - bad - FREE == set()


def _models(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models in an annotation, each with [] for every list around it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
    elif get_origin(annotation) is not dict:
        suffix = "[]" if get_origin(annotation) is list else ""
        for argument in get_args(annotation):
            for inner, model in _models(argument):
                yield suffix + inner, model


def _fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        place = f"{path}.{name}" if path else name
        yield place
        for suffix, inner in _models(field.annotation):
            yield from _fields(inner, place + suffix)


FIELDS = {
    name: set(_fields(event))
    for event in get_args(get_args(RealtimeClientEvent)[0])
    for name in get_args(event.model_fields["type"].annotation)
}
