"""What a response is made from: the session's settings and conversation, or what its `response.create` has instead."""

from dataclasses import dataclass
from typing import Any

from .choosing import check_choice
from .formats import AudioFormat, format_of
from .ids import new_id
from .items import Conversation, Item, created_item
from .settings import SessionSettings
from .turns import Result
from .usage import InputCache, Part, Tokens, input_parts


@dataclass(frozen=True)
class Prompt:
    instructions: str
    asked: str | None
    """The instructions of the `response.create` itself."""
    items: list[Item]
    input: list[dict[str, Any]] | None
    """The items as the `response.create` has them, if it has."""
    tools: list[dict[str, Any]]
    tool_choice: Any
    parallel_tool_calls: bool
    modality: str
    audio_format: AudioFormat
    voice: Any
    speed: float
    max_output_tokens: int | str
    metadata: dict[str, str] | None

    @classmethod
    def of(cls, asked: dict[str, Any], settings: SessionSettings, conversation: Conversation) -> "Prompt":
        """Raises RequestError for a reference to an item that is not there, or a choice of a tool that is not."""
        values = {**settings.for_responses, **asked}
        output = asked.get("audio", {}).get("output", {})
        check_choice(values["tool_choice"], values["tools"], "response.tool_choice")
        return cls(
            instructions=values["instructions"],
            asked=asked.get("instructions"),
            items=_items(asked, settings, conversation),
            input=asked.get("input"),
            tools=values["tools"],
            tool_choice=values["tool_choice"],
            parallel_tool_calls=values.get("parallel_tool_calls", True),
            modality=values["output_modalities"][0],
            audio_format=format_of(output["format"]) if "format" in output else settings.output_format,
            voice=output.get("voice", settings.voice),
            speed=settings.speed,
            max_output_tokens=values["max_output_tokens"],
            metadata=asked.get("metadata"),
        )

    def tokens(self, cache: InputCache) -> tuple[Tokens, Tokens]:
        """What is given, and how much of it is cached."""
        parts: list[Part] = input_parts(self.instructions, self.tools, self.items)
        return sum((each for _, each in parts), Tokens()), cache.meet(parts)

    def results(self, told: set[str]) -> list[Result]:
        """What tools gave back, but for the items of these ids. They are added to, unless it is an aside: a response
        with instructions of its own."""
        names = {item.data["call_id"]: item.data["name"] for item in self.items if "call_id" in _call(item)}
        new = [item for item in self.items if item.data["type"] == "function_call_output" and item.id not in told]
        if self.asked is None:
            told.update(item.id for item in new)
        return [Result(names.get(item.data["call_id"], ""), item.data["output"]) for item in new]


def _call(item: Item) -> dict[str, Any]:
    return item.data if item.data["type"] == "function_call" else {}


def _items(asked: dict[str, Any], settings: SessionSettings, conversation: Conversation) -> list[Item]:
    if "input" not in asked:
        return conversation.items
    items = []
    for index, each in enumerate(asked["input"]):
        if each["type"] == "item_reference":
            items.append(conversation.get(each["id"], "retrieve", f"response.input[{index}].id"))
        else:
            items.append(created_item({"id": new_id("item"), **each}, settings.input_format))
    return items
