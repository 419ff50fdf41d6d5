"""Events as a server other than the official one would write them."""

from typing import Any

from .behaviour import Behaviour
from .beta import BETA_NAMES

_IDS = ("event_id", "response_id", "item_id", "previous_item_id")


def disguised(event: dict[str, Any], behaviour: Behaviour) -> dict[str, Any] | None:
    """The event as this server sends it, None if it has no such event."""
    if behaviour.beta_names and event["type"] in BETA_NAMES:
        name = BETA_NAMES[event["type"]]
        if name is None:
            return None
        event = {**event, "type": name}
    if behaviour.omit_ids:
        event = {name: value for name, value in event.items() if name not in _IDS}
        for holder in ("response", "item"):
            if isinstance(event.get(holder), dict):
                event[holder] = {name: value for name, value in event[holder].items() if name != "id"}
    return event
