"""What a server is told when the caller has interrupted it: what was heard, and that its answer is over."""

from __future__ import annotations

import orjson

from ..realtime.messages import Kind, ServerMessage
from .heard import Heard

_TRUNCATE = "conversation.item.truncate"
_CANCEL = "response.cancel"
CANCEL_MESSAGE = orjson.dumps({"type": _CANCEL})


class Interruption:
    """Decides; sends nothing. Keeps still for good where it is off, or once the application sends the like itself."""

    def __init__(self, enabled: bool) -> None:
        self._truncates = enabled
        self._cancels = enabled
        self._server_cancels = True
        self._active: set[str | None] = set()

    def server_said(self, message: ServerMessage) -> None:
        """Follow the session's turn detection, and which responses are under way."""
        kind = message.kind
        if kind is Kind.RESPONSE_CREATED:
            self._active.add(message.response_id)
        elif kind is Kind.RESPONSE_DONE:
            self._active.discard(message.response_id)
        elif kind is Kind.SESSION_CREATED or kind is Kind.SESSION_UPDATED:
            if kind is Kind.SESSION_CREATED:
                self._active.clear()
            self._server_cancels = _interrupts(message.fields.get("session"))

    def application_sent(self, payload: bytes) -> None:
        """A message of the application goes out: whoever truncates or cancels by hand does so alone."""
        if _TRUNCATE.encode() in payload:
            self._truncates = False
        if _CANCEL.encode() in payload:
            self._cancels = False

    def cancel(self) -> bytes | None:
        """At barge-in: `response.cancel`, where a response is active and the server will not cancel it by itself."""
        if self._cancels and self._active and not self._server_cancels:
            return CANCEL_MESSAGE
        return None

    def truncate(self, heard: Heard, rate: int) -> bytes | None:
        """`conversation.item.truncate` for a part that was heard to some point; None where nothing of it was."""
        audio_end_ms = heard.audio_end_ms(rate)
        if not self._truncates or audio_end_ms == 0:
            return None
        return orjson.dumps(
            {
                "type": _TRUNCATE,
                "item_id": heard.part.item_id,
                "content_index": heard.part.content_index,
                "audio_end_ms": audio_end_ms,
            }
        )


def _interrupts(session: object) -> bool:
    """Whether the session's turn detection cancels a response when the caller speaks; that is its default."""
    for step in ("audio", "input"):
        if isinstance(session, dict) and isinstance(session.get(step), dict):
            session = session[step]
    if not isinstance(session, dict) or "turn_detection" not in session:
        return True
    detection = session["turn_detection"]
    return isinstance(detection, dict) and detection.get("interrupt_response") is not False
