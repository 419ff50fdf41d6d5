"""Who hears of a stream, and acts on it: an application on FreeSWITCH's Event Socket. It hears by events and acts by
commands. Audio reaches it never."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson

from ..conversation.restoration import Outcome
from ..later import Later
from ..observe.redaction import loggable
from ..switch.log_level import LOG_DEBUG, LOG_INFO, LOG_WARNING
from ..weakly import weakly
from .error_event import disconnect_body, error_body
from .event_limit import EventLimit

Emit = Callable[[str, bytes], None]
"""Fires an event: its subclass and body."""
Log = Callable[[int, str], None]


class EventSocketPilot:
    """One of a stream. Every event has its method here, and its row in docs/reference/events.md; what is told is a line
    in FreeSWITCH's log as well, where it is worth one."""

    def __init__(self, emit: Emit, log: Log, later: Later, *, quiet: bool) -> None:
        """`quiet`: messages are not logged (STREAM_SUPPRESS_LOG)."""
        self._emit = emit
        self._log = log
        self._quiet = quiet
        self._limit = EventLimit(later, weakly(self._left_out))

    @property
    def left_out(self) -> int:
        """How many of the server's messages were no events, being too many."""
        return self._limit.left_out

    def connected(self) -> None:
        self._log(LOG_INFO, "connected")
        self._emit("connect", b'{"status":"connected"}')

    def disconnected(self, code: int, reason: str) -> None:
        self._log(LOG_INFO, f"disconnected ({f'{code} {reason}'.rstrip()})")
        self._emit("disconnect", disconnect_body(code, reason))

    def restored(self, cause: str, outcome: Outcome, gap_ms: int) -> None:
        """A new session knows what the one before it knew. `gap_ms`: of the caller's audio, which no session got."""
        body = {
            "status": "restored",
            "cause": cause,
            "session": outcome.session,
            "items": outcome.items,
            "left_out": outcome.left_out,
            "gap_ms": gap_ms,
        }
        self._told("restored", body)

    def error(self, error: str, *, retries: int = 0, wait_ms: float = 0, http_status: int = 0) -> None:
        """Of a connection; where it is worth a line in the log, whoever knows more of it writes that."""
        self._emit("error", error_body(error, retries=retries, wait_ms=wait_ms, http_status=http_status))

    def forward(self, kind: str | None, payload: bytes) -> None:
        """A message of the server. `kind`: its `type`."""
        if self._limit.admit(kind, len(payload), time.monotonic_ns()):
            if not self._quiet:
                self._log(LOG_DEBUG, f"received {loggable(payload)}")
            self._emit("json", payload)

    def sent(self, payload: bytes) -> None:
        """A message has gone out."""
        if not self._quiet:
            self._log(LOG_DEBUG, f"sent {loggable(payload)}")

    def speech_started(self) -> None:
        self._emit("openai_speech_start", b'{"status":"started"}')

    def speech_stopped(self) -> None:
        self._emit("openai_speech_stop", b'{"status":"stopped"}')

    def turn(self, turn: dict[str, Any]) -> None:
        self._told("turn", turn)

    def held(self, on_hold: bool) -> None:
        status = "held" if on_hold else "resumed"
        self._log(LOG_INFO, f"channel {status}")
        self._emit("hold", orjson.dumps({"status": status}))

    def finish(self) -> None:
        """The stream ends: what was not told yet is told now."""
        self._limit.finish()

    def summary(self, summary: dict[str, Any]) -> None:
        self._told("summary", summary)

    def _told(self, subclass: str, report: dict[str, Any]) -> None:
        body = orjson.dumps(report)
        self._log(LOG_INFO, f"{subclass} {body.decode()}")
        self._emit(subclass, body)

    def _left_out(self, count: int) -> None:
        text = f"{count} messages left out of the events: the server sends more than can be told"
        self._log(LOG_WARNING, text)
        self.error(text)
