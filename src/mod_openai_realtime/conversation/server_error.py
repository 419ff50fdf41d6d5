"""What a server says that went wrong: the `error` message, a response or a transcription that failed."""

from __future__ import annotations

from dataclasses import dataclass

from ..dialect.messages import Kind, ServerMessage
from ..observe.mask import Mask

MAX_NAME, MAX_MESSAGE = 100, 500
BURST, PER_S = 10, 1

_SUBJECTS = {Kind.ERROR: "server error", Kind.RESPONSE_DONE: "response failed"}
TRANSCRIPTION_FAILED = "conversation.item.input_audio_transcription.failed"


@dataclass(frozen=True, slots=True)
class ServerError:
    """Texts are the server's own, fit for a log line; empty where it told none."""

    subject: str
    type: str
    code: str
    message: str

    @property
    def word(self) -> str:
        """The shortest there is to name it."""
        return self.code or self.type or "error"

    def line(self, *, suppressed: bool) -> str:
        """For the log; `suppressed`: what the server writes freely, which may repeat what it was sent, is left out."""
        told = ", ".join(f"{name} {text}" for name, text in (("type", self.type), ("code", self.code)) if text)
        message = "" if suppressed else self.message
        return ": ".join(text for text in (self.subject, told, message) if text)


def server_error(message: ServerMessage, mask: Mask) -> ServerError | None:
    """None where the message tells of none."""
    subject = _SUBJECTS.get(message.kind)
    if message.type == TRANSCRIPTION_FAILED:
        subject = "transcription failed"
    if subject is None:
        return None
    error = message.fields.get("error")
    if message.kind is Kind.RESPONSE_DONE:
        response = message.fields.get("response")
        details = response.get("status_details") if isinstance(response, dict) else None
        if not isinstance(response, dict) or response.get("status") != "failed":
            return None
        error = details.get("error") if isinstance(details, dict) else None
    if isinstance(error, str):
        return ServerError(subject, "", "", mask.excerpt(error, MAX_MESSAGE))
    fields = error if isinstance(error, dict) else message.fields if message.kind is Kind.ERROR else {}
    # An error that stands in the message itself: its `type` is the message's.
    kind = fields.get("type") if fields is not message.fields else None
    return ServerError(
        subject,
        mask.excerpt(_text(kind), MAX_NAME),
        mask.excerpt(_text(fields.get("code")), MAX_NAME),
        mask.excerpt(_text(fields.get("message")), MAX_MESSAGE),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if type(value) is int else ""


class LogLimit:
    """How many lines may be logged: BURST at once, then PER_S a second. A server may answer each of fifty messages a
    second with an error. Times are CLOCK_MONOTONIC in ns."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at_ns = 0
        self._left_out = 0

    def admit(self, now_ns: int) -> int | None:
        """None: not now. Otherwise how many were left out before this one."""
        self._left = min(BURST, self._left + PER_S * (now_ns - self._at_ns) / 1e9)
        self._at_ns = now_ns
        if self._left < 1:
            self._left_out += 1
            return None
        self._left -= 1
        left_out, self._left_out = self._left_out, 0
        return left_out
