"""What the application and the server say in a test of the contract, beside audio."""

from __future__ import annotations

import base64
import json
from typing import Any

from audio.g711 import Pcm16

from .far_end import FarEnd
from .switch import API, Leg

SPEECH_STARTED = "input_audio_buffer.speech_started"


def said(far: FarEnd, connection: int = -1) -> list[dict[str, Any]]:
    """What came as text and was no caller audio."""
    return [json.loads(text) for text in far.texts(connection)]


def told(far: FarEnd, kind: str, connection: int = -1) -> list[dict[str, Any]]:
    return [message for message in said(far, connection) if message["type"] == kind]


def encoded(**message: Any) -> str:
    return base64.b64encode(json.dumps(message).encode()).decode()


def send_json(leg: Leg, **message: Any) -> None:
    leg.ok(f"send_json {encoded(**message)}")


def send_at_once(leg: Leg, far: FarEnd, *payloads: str | bytes, api: str = API) -> None:
    """Sends audio that is played once all of it is there: a frame between two small pieces would rightly run short."""
    leg.ok("pause", api)
    far.send(*payloads, '{"type":"test.sent"}')
    leg.event("json")
    leg.ok("resume", api)


def heard_of(leg: Leg, part: Pcm16) -> int:
    """How many ms of this part were heard, in whole frames."""
    everything = leg.heard().tobytes()
    return 20 * sum(part[at : at + 160].tobytes() in everything for at in range(0, len(part), 160))


def until_forwarded(leg: Leg, far: FarEnd, marker: str) -> None:
    """The engine has read all that the far end has said so far."""
    far.say(marker)
    leg.until(lambda: any(marker in event.body for event in leg.events("json")))


def until_said(far: FarEnd, connection: int, count: int) -> list[dict[str, Any]]:
    """So many of what said() gives have come, or more."""

    def there(records: Any) -> bool:
        if len(records) <= connection:
            return False
        return sum(each.text is not None and not each.audio for each in records[connection].received) >= count

    far.until(there)
    return said(far, connection)
