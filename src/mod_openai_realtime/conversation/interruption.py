"""What a server is told when it was interrupted: what was heard, and that its answer is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from ..audio.heard import Heard
from ..dialect.client_messages import ClientKind
from ..dialect.dialect import Dialect
from .turn import Played

_CANCEL = ClientKind.CANCEL.value
_UNSTATED = object()


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """Of a session: what the caller's speech does to a response. The defaults are the protocol's."""

    interrupts: bool = True
    """It ends what is played."""
    server_cancels: bool = True
    """The server cancels what it has under way by itself."""
    server_truncates: bool = False
    """It cuts its answer by itself, to what it takes for heard."""


def turn_detection(session: Any, *, speech_interrupts: bool = True) -> TurnDetection | None:
    """As a session states it; None where it does not. The older protocol has it at the top, the present one in
    `audio.input`. `speech_interrupts`: also where the session has none."""
    detection: Any = _UNSTATED
    for place in (_inner(_inner(session, "audio"), "input"), session):
        if detection is _UNSTATED and isinstance(place, dict):
            detection = place.get("turn_detection", _UNSTATED)
    if detection is _UNSTATED:
        return None
    if not isinstance(detection, dict):
        # There is none: speech that is told of all the same still interrupts, and nobody else will cancel.
        return TurnDetection(interrupts=speech_interrupts, server_cancels=False)
    return TurnDetection(
        interrupts=detection.get("interrupt_response") is not False,
        server_truncates=detection.get("auto_truncate") is True,
    )


def _inner(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


class Interruption:
    """Decides; sends nothing. Keeps still where it is off. An application that truncates or cancels by hand does so
    alone at barge-ins, from then on: `truncates`, `cancels`."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.truncates = enabled
        self.cancels = enabled

    def application_sent(self, kind: ClientKind) -> None:
        if kind is ClientKind.TRUNCATE:
            self.truncates = False
        elif kind is ClientKind.CANCEL:
            self.cancels = False

    def cancel(self, responses: list[str | None], *, others: bool) -> list[bytes]:
        """`response.cancel` for these, which are under way; `others`: so are some that shall go on."""
        if not self.enabled or not responses:
            return []
        if not others:
            return [orjson.dumps({"type": _CANCEL})]
        return [orjson.dumps({"type": _CANCEL, "response_id": name}) for name in responses if name is not None]

    @staticmethod
    def acknowledge(dialect: Dialect, played: Played, session: int) -> bytes | None:
        """What tells the server how much of a response was heard; None where it does not want to know, or it is of
        another session than this."""
        if not dialect.playback_ack or played.response is None or played.session != session:
            return None
        return orjson.dumps(
            {"type": dialect.playback_ack, "response_id": played.response, "played_ms": played.heard_ms}
        )

    def truncate(self, heard: Heard, rate: int, session: int) -> bytes | None:
        """`conversation.item.truncate` for a part that was heard to some point; None where nothing of it was, or it is
        of another session than this, which does not know it."""
        audio_end_ms = heard.audio_end_ms(rate)
        if not self.enabled or audio_end_ms == 0 or heard.part.session != session:
            return None
        return orjson.dumps(
            {
                "type": ClientKind.TRUNCATE.value,
                "item_id": heard.part.item_id,
                "content_index": heard.part.content_index,
                "audio_end_ms": audio_end_ms,
            }
        )
