"""What the eleven events of a client may contain."""

from typing import Any

from .errors import RequestError
from .item_schema import ITEM
from .schema import Check, anything, array, choice, fields, integer, short_text, text
from .session_schema import METADATA, RESPONSE_OUTPUT, SESSION, SHARED

_REFERENCE = fields({"type": anything, "id": text}, ["id"])
_LARGEST = 2**31 - 1


def _input_item(value: Any, path: str) -> Any:
    if isinstance(value, dict) and value.get("type") == "item_reference":
        return _REFERENCE(value, path)
    return ITEM(value, path)


_RESPONSE = fields(
    {
        "conversation": choice("auto", "none"),
        "metadata": METADATA,
        "audio": fields({"output": RESPONSE_OUTPUT}),
        "input": array(_input_item),
        **SHARED,
    }
)


def _event(required: tuple[str, ...] = (), **checks: Check) -> Check:
    return fields({"type": anything, "event_id": short_text(512), **checks}, required)


_EVENTS: dict[str, Check] = {
    "session.update": _event(("session",), session=SESSION),
    "input_audio_buffer.append": _event(("audio",), audio=text),
    "input_audio_buffer.commit": _event(),
    "input_audio_buffer.clear": _event(),
    "output_audio_buffer.clear": _event(),
    "conversation.item.create": _event(("item",), item=ITEM, previous_item_id=text),
    "conversation.item.retrieve": _event(("item_id",), item_id=text),
    "conversation.item.delete": _event(("item_id",), item_id=text),
    "conversation.item.truncate": _event(
        ("item_id", "content_index", "audio_end_ms"),
        item_id=text,
        content_index=integer(0, _LARGEST),
        audio_end_ms=integer(0, _LARGEST),
    ),
    "response.create": _event(response=_RESPONSE),
    "response.cancel": _event(response_id=text),
}
CLIENT_EVENTS = frozenset(_EVENTS)


def checked(event: Any) -> dict[str, Any]:
    """The event without fields that were given as null and mean nothing so.

    Raises RequestError if the event is not one that a client may send.
    """
    if not isinstance(event, dict):
        raise RequestError("invalid_event", "An event must be a JSON object.")
    kind = event.get("type")
    if kind is None:
        raise RequestError("missing_required_parameter", "Missing required parameter: 'type'.", "type")
    if not isinstance(kind, str) or kind not in _EVENTS:
        names = ", ".join(f"'{name}'" for name in _EVENTS)
        raise RequestError("invalid_value", f"Invalid value: {kind!r}. Supported values are: {names}.", "type")
    result: dict[str, Any] = _EVENTS[kind](event, "")
    return result
