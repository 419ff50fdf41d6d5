"""What a server tells of itself, beside the conversation: that it is there, what went wrong, what it charges for."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..conversation.server_error import TRANSCRIPTION_FAILED, LogLimit, ServerError, server_error
from ..dialect.dialect import Dialect, Gate
from ..dialect.messages import Kind, ServerMessage
from ..dialect.profiles import OPENAI
from ..later import Later, Timer
from ..observe.mask import Mask
from ..observe.summary import Summary
from .settings import Settings

GREETING_S = 5.0  # so long after the connection `session.created` is not missed yet

_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_BETA_GREETING = "transcription_session.created"
_TOLD = frozenset({_TRANSCRIBED, _BETA_GREETING, TRANSCRIPTION_FAILED})
"""What of those that are of no other consequence tells something here."""


class Reports:
    """Listens to all of a server's messages that are no audio; it warns, and adds to the stream's summary."""

    def __init__(
        self, settings: Settings, mask: Mask, summary: Summary, later: Later, warn: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._mask = mask
        self._summary = summary
        self._later = later
        self._warn = warn
        self._limit = LogLimit()
        self._greeting: Timer | None = None  # runs while the session's first word is waited for
        self._greeting_missed = False
        self._first_word = Kind.SESSION_CREATED

    def connected(self, dialect: Dialect = OPENAI, *, greeted: bool = False) -> None:
        """`greeted`: it has been, already."""
        self._summary.connections += 1
        self._stop_waiting()
        self._first_word = Kind.SESSION_UPDATED if dialect.gate is Gate.CONFIGURED else Kind.SESSION_CREATED
        if not self._settings.raw and not greeted:
            self._greeting = self._later(GREETING_S, self._miss_greeting)

    def connect_failed(self, peer: str, error: str, retries: int, wait_ms: float, body: str) -> None:
        """`peer`: host and port; `body`: what the server answered, of which nothing secret is left."""
        self._summary.error = error
        then = f"again in {wait_ms / 1000:.1f} s" if wait_ms else "no other follows"
        text = f"failed: {error} (try {retries}, {then})"
        if self._settings.suppress_log:
            self._warn(f"connecting {text}")
        else:
            self._warn(f"connecting to {peer} {text}{': ' if body else ''}{body}")

    def disconnected(self) -> None:
        """May be called again."""
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._greeting is not None:
            self._greeting.cancel()
            self._greeting = None

    def server_said(self, message: ServerMessage) -> None:
        kind = message.kind
        if kind is Kind.OTHER and message.type not in _TOLD:
            return  # which is most of what a server says
        if kind is self._first_word or message.type == _BETA_GREETING:
            self._greeting_missed = False
            self._stop_waiting()
        elif kind is Kind.RESPONSE_DONE:
            response = message.fields.get("response")
            self._summary.usage.response(response.get("usage") if isinstance(response, dict) else None)
        elif message.type == _TRANSCRIBED:
            self._summary.usage.transcription(message.fields.get("usage"))
        error = server_error(message, self._mask)
        if error is not None:
            self._tell(error)

    def _miss_greeting(self) -> None:
        self._greeting = None
        if not self._greeting_missed:
            self._greeting_missed = True
            after = f"within {GREETING_S:.0f} s of the connection"
            if self._first_word is Kind.SESSION_UPDATED:
                self._warn(f"no session.updated {after}: the server wants a session.update, and gets no audio before")
            else:
                self._warn(f"no session.created {after}: is this a Realtime endpoint?")

    def _tell(self, error: ServerError) -> None:
        self._summary.error = error.word
        left_out = self._limit.admit(time.monotonic_ns())
        if left_out is not None:
            before = f" ({left_out} before it left out)" if left_out else ""
            self._warn(error.line(suppressed=self._settings.suppress_log) + before)
