"""Schemas, arguments and results of tools."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field

from mod_openai_realtime.agent import Agent, AgentError, Call, tool
from mod_openai_realtime.agent.agent import tools_of
from mod_openai_realtime.agent.tools import Tool, written


class Size(enum.Enum):
    small = "s"
    large = "l"


class Topping(BaseModel):
    """Something on top."""

    name: str
    grams: int = 10


class Cake(BaseModel):
    title: str
    size: Size
    toppings: list[Topping] = []


class Tree(BaseModel):
    left: Tree | None = None


class Kitchen(Agent):
    instructions = "Bake."

    @tool
    async def bake(self, call: Call, cake: Cake, times: int = 1) -> None:
        """Bakes it.

        At once."""

    @tool
    async def nothing(self) -> None: ...

    @tool
    async def mixed(
        self,
        day: Literal["monday", "sunday"],
        note: str | None,
        size: Optional[Size] = None,  # noqa: UP045
        guests: Annotated[int, Field(description="How many come", ge=1, le=20)] = 2,
        tags: list[str] = Field(default_factory=list, max_length=3),  # noqa: B008
        copy: str = "",
        json: float = 0.5,
        title: str = "",
    ) -> dict[str, Any]:
        return {}

    @tool(name="slow-one", description="Slow.", timeout_s=60, reply=False, filler="One moment.")
    def slow(self, n: int) -> int:
        """Not this."""
        return n


TOOLS = tools_of(Kitchen)


def parameters(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = TOOLS[name].definition["parameters"]
    return schema


def test_a_tool_without_parameters() -> None:
    assert TOOLS["nothing"].definition == {
        "type": "function",
        "name": "nothing",
        "description": "",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
    }


def test_models_and_enums_stand_in_their_place_and_the_call_does_not() -> None:
    assert "$ref" not in json.dumps(parameters("bake")) and "$defs" not in parameters("bake")
    assert parameters("bake") == {
        "type": "object",
        "properties": {
            "cake": {
                "type": "object",
                "properties": {
                    "title": {"type": "string"},
                    "size": {"type": "string", "enum": ["s", "l"]},
                    "toppings": {
                        "type": "array",
                        "default": [],
                        "items": {
                            "type": "object",
                            "description": "Something on top.",
                            "properties": {
                                "name": {"type": "string"},
                                "grams": {"type": "integer", "default": 10},
                            },
                            "required": ["name"],
                        },
                    },
                },
                "required": ["title", "size"],
            },
            "times": {"type": "integer", "default": 1},
        },
        "required": ["cake"],
        "additionalProperties": False,
    }


def test_literals_defaults_and_what_may_be_null() -> None:
    schema = parameters("mixed")
    assert schema["required"] == ["day", "note"]
    properties = schema["properties"]
    assert properties["day"] == {"type": "string", "enum": ["monday", "sunday"]}
    assert properties["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert properties["guests"] == {
        "type": "integer", "minimum": 1, "maximum": 20, "default": 2, "description": "How many come",
    }  # fmt: skip
    assert properties["tags"] == {"type": "array", "items": {"type": "string"}, "maxItems": 3}
    assert list(properties) == ["day", "note", "size", "guests", "tags", "copy", "json", "title"]


def test_names_and_descriptions() -> None:
    assert TOOLS["bake"].description == "Bakes it.\n\nAt once."
    slow = TOOLS["slow-one"]
    assert (slow.description, slow.timeout_s, slow.reply, slow.filler) == ("Slow.", 60, False, "One moment.")
    assert not slow.is_async and TOOLS["bake"].is_async


def parsed(name: str, **arguments: Any) -> dict[str, Any]:
    return TOOLS[name].arguments.parse(json.dumps(arguments))


def test_arguments_become_what_the_annotations_say() -> None:
    values = parsed("bake", cake={"title": "x", "size": "l", "toppings": [{"name": "nuts"}]}, times="2")
    assert values == {"cake": Cake(title="x", size=Size.large, toppings=[Topping(name="nuts")]), "times": 2}
    assert parsed("mixed", day="monday", note=None)["size"] is None
    assert parsed("nothing") == {} == TOOLS["nothing"].arguments.parse("")


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("mixed", {"day": "friday", "note": None}, "day: Input should be 'monday' or 'sunday'"),
        ("mixed", {"day": "monday"}, "note: Field required"),
        ("mixed", {"day": "monday", "note": None, "guests": 0}, "guests: Input should be greater than or equal to 1"),
        ("nothing", {"more": 1}, "more: Extra inputs are not permitted"),
        ("bake", {"cake": {"title": "x", "size": "xl"}}, "cake.size: Input should be 's' or 'l'"),
        ("bake", {"cake": {"title": "x", "size": "s"}, "call": "x"}, "call: Extra inputs are not permitted"),
    ],
)
def test_the_model_is_told_what_does_not_fit(name: str, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("(", r"\(")):
        parsed(name, **arguments)


@pytest.mark.parametrize("text", ["{", "[]", "null", "5", '{"n":1,}', "\ud800"])
def test_what_is_no_json_object_does_not_fit(text: str) -> None:
    with pytest.raises(ValueError):
        TOOLS["slow-one"].arguments.parse(text)


def test_what_is_told_of_bad_arguments_is_bounded() -> None:
    many = json.dumps({f"x{index}": 1 for index in range(1000)})
    with pytest.raises(ValueError) as caught:
        TOOLS["nothing"].arguments.parse(many)
    assert len(str(caught.value)) < 1100


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, '{"ok":true}'),
        ("as it is", "as it is"),
        ("", ""),
        ({"a": [1, Size.small]}, '{"a":[1,"s"]}'),
        (Topping(name="nuts"), '{"name":"nuts","grams":10}'),
        (Point(3), '{"x":3}'),
        ([Topping(name="ü")], '[{"name":"ü","grams":10}]'),
        (True, "true"),
        (float("nan"), "null"),
    ],
)
def test_results(result: Any, text: str) -> None:
    assert written(result) == text


def test_results_that_cannot_be_told() -> None:
    with pytest.raises((TypeError, ValueError)):
        written(object())
    with pytest.raises(ValueError, match="characters"):
        written("x" * (2 << 20))


class Opaque:
    pass


def made(**body: Any) -> None:
    type("Made", (Agent,), {"instructions": "x", **body})


async def _unannotated(self: Any, day) -> None: ...  # type: ignore[no-untyped-def]
async def _starred(self: Any, *days: str) -> None: ...
async def _recursive(self: Any, tree: Tree) -> None: ...
async def _opaque(self: Any, thing: Opaque) -> None: ...
async def _good(self: Any) -> None: ...
async def _generator(self: Any) -> Any:
    yield 1


@pytest.mark.parametrize(
    ("function", "options", "reason"),
    [
        (_unannotated, {}, "parameter 'day' has no annotation"),
        (_starred, {}, "can't be given by name"),
        (_recursive, {}, "type Tree contains itself"),
        (_good, {"name": "two words"}, "the name 'two words'"),
        (_good, {"name": "x" * 65}, "is not 1 to 64"),
        (_good, {"name": ""}, "is not 1 to 64"),
        (_good, {"timeout_s": 0}, "timeout_s is 0"),
        (_generator, {}, "yields nothing"),
        (_opaque, {}, "Unable to generate pydantic-core schema"),
    ],
)
def test_a_tool_that_cannot_be_is_refused_where_the_class_is_made(function: Any, options: Any, reason: str) -> None:
    marked = tool(**options)(type(function)(function.__code__, function.__globals__, function.__name__))
    marked.__annotations__ = function.__annotations__
    with pytest.raises(AgentError, match=reason) as caught:
        made(method=marked)
    assert "test_tools.py, line" in str(caught.value)


def test_an_annotation_that_is_not_there_is_told_once_the_class_is_used() -> None:
    class Late(Agent):
        instructions = "x"

        @tool
        async def strange(self, thing: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(AgentError, match="Nowhere"):
        tools_of(Late)


def test_two_tools_of_one_name() -> None:
    async def other(self: Any) -> None: ...

    with pytest.raises(AgentError, match="another tool 'one'"):
        made(one=tool(name="one")(other), two=tool(name="one")(_good))


def test_a_tool_of_a_base_class_is_one_of_its_own() -> None:
    class Quiet(Kitchen):
        nothing = None  # type: ignore[assignment]

        @tool
        async def extra(self) -> None: ...

    assert set(tools_of(Quiet)) == {"bake", "mixed", "slow-one", "extra"}


def test_a_method_that_takes_a_tools_place_has_to_say_what_it_is() -> None:
    with pytest.raises(AgentError, match="takes the place of a tool"):

        class Silent(Kitchen):
            async def nothing(self) -> None: ...


def test_the_decorator_goes_to_methods_only() -> None:
    with pytest.raises(AgentError, match="below any other decorator"):
        tool(staticmethod(_good))  # type: ignore[type-var]


def test_tools_are_what_is_exported() -> None:
    assert all(isinstance(each, Tool) for each in TOOLS.values())
