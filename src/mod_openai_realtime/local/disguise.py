"""Events as a server other than the official one would write them."""

from typing import Any

from .behaviour import Behaviour

_BETA_NAMES = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
    "conversation.item.done": None,  # came with general availability
}
_IDS = ("event_id", "response_id", "item_id", "previous_item_id")


def disguised(event: dict[str, Any], behaviour: Behaviour) -> dict[str, Any] | None:
    """The event as this server sends it, None if it has no such event."""
    if behaviour.beta_names and event["type"] in _BETA_NAMES:
        name = _BETA_NAMES[event["type"]]
        if name is None:
            return None
        event = {**event, "type": name}
    if behaviour.omit_ids:
        event = {name: value for name, value in event.items() if name not in _IDS}
        for holder in ("response", "item"):
            if isinstance(event.get(holder), dict):
                event[holder] = {name: value for name, value in event[holder].items() if name != "id"}
    return event
