"""An application on FreeSWITCH's Event Socket: it hears of every stream, by events, and acts by commands."""

from __future__ import annotations

import time
from typing import Any

import orjson

from ..conversation.restoration import Outcome
from ..observe.redaction import loggable
from ..realtime.closes import Loss, loss
from ..switch.log_level import LOG_DEBUG, LOG_INFO, LOG_WARNING
from ..weakly import weakly
from .error_event import disconnect_body, error_body
from .event_limit import EventLimit
from .observer import Observer, Stage


class EventSocketPilot(Observer):
    """One of a stream. Every event has its method here, and its row in docs/reference/events.md; what is told is a line
    in FreeSWITCH's log as well, where it is worth one."""

    def __init__(self, stage: Stage, *, quiet: bool) -> None:
        """`quiet`: messages are not logged (STREAM_SUPPRESS_LOG)."""
        self._stage = stage
        self._quiet = quiet
        self._limit = EventLimit(stage.later, weakly(self._left_out))

    def connected(self, cause: str = "") -> None:
        self._stage.log(LOG_INFO, f"connected ({cause})" if cause else "connected")
        self._stage.event("connect", orjson.dumps({"status": "connected", **({"cause": cause} if cause else {})}))

    def disconnected(self, code: int, reason: str) -> None:
        level = LOG_WARNING if loss(code, reason) is Loss.FINAL else LOG_INFO
        self._stage.log(level, f"disconnected ({f'{code} {reason}'.rstrip()})")
        self._stage.event("disconnect", disconnect_body(code, reason))

    def restored(self, cause: str, outcome: Outcome, gap_ms: int) -> None:
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
        # Where it is worth a line in the log, whoever knows more of it writes that.
        self._stage.event("error", error_body(error, retries=retries, wait_ms=wait_ms, http_status=http_status))

    def forward(self, kind: str | None, payload: bytes) -> None:
        if self._limit.admit(kind, len(payload), time.monotonic_ns()):
            if not self._quiet:
                self._stage.log(LOG_DEBUG, f"received {loggable(payload)}")
            self._stage.event("json", payload)

    def sent(self, payload: bytes) -> None:
        if not self._quiet:
            self._stage.log(LOG_DEBUG, f"sent {loggable(payload)}")

    def speech_started(self) -> None:
        self._stage.event("openai_speech_start", b'{"status":"started"}')

    def speech_stopped(self) -> None:
        self._stage.event("openai_speech_stop", b'{"status":"stopped"}')

    def turn(self, turn: dict[str, Any]) -> None:
        self._told("turn", turn)

    def held(self, on_hold: bool) -> None:
        status = "held" if on_hold else "resumed"
        self._stage.log(LOG_INFO, f"channel {status}")
        self._stage.event("hold", orjson.dumps({"status": status}))

    def summary(self, summary: dict[str, Any]) -> None:
        self._limit.finish()
        self._told("summary", {**summary, "events_left_out": self._limit.left_out})

    def _told(self, subclass: str, report: dict[str, Any]) -> None:
        body = orjson.dumps(report)
        self._stage.log(LOG_INFO, f"{subclass} {body.decode()}")
        self._stage.event(subclass, body)

    def _left_out(self, count: int) -> None:
        text = f"{count} messages left out of the events: the server sends more than can be told"
        self._stage.log(LOG_WARNING, text)
        self.error(text)
