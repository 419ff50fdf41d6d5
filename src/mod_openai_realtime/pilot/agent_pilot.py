"""Tells an agent of its stream: from what observers hear to the messages of agent/messages.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from ..agent.messages import (
    MAX_EVENT_BYTES,
    AttemptFailed,
    Connected,
    Event,
    Held,
    Lost,
    Playback,
    Speech,
    TurnHeard,
)
from ..switch.log_level import LOG_WARNING
from ..weakly import weakly
from .agent_call import AgentCall
from .event_limit import EventLimit
from .observer import Controls, Observer


class AgentPilot(Observer):
    """Of one stream, for the call that it is of."""

    def __init__(self, stream: Controls, call: AgentCall, over: Callable[[str, str], None]) -> None:
        """`over` gets the reason of the stream's summary, and its error, or ""."""
        self._stream = stream
        self._call = call
        self._over = over
        self._sounding = False
        self._told_of_size = False
        # A host has many calls: one whose server floods it would have the host given up, and all of them with it.
        self._limit = EventLimit(stream.later, weakly(self._left_out))

    def settled(self, cause: str) -> None:
        self._call.connected(True)
        self._call.tell(Connected, restored=cause != "first", cause=cause)

    def disconnected(self, code: int, reason: str) -> None:
        self._call.connected(False)
        self._call.tell(Lost, code, reason)

    def error(self, error: str, *, retries: int = 0, wait_ms: float = 0, http_status: int = 0) -> None:
        if retries:
            self._call.tell(AttemptFailed, error, retries, wait_ms, http_status)

    def forward(self, kind: str | None, payload: bytes) -> None:
        self.look()
        if kind is None:
            return  # no JSON object with a type
        if len(payload) <= MAX_EVENT_BYTES:
            if self._limit.admit(kind, len(payload), time.monotonic_ns()):
                self._call.tell(Event, msgspec.Raw(payload))
        elif not self._told_of_size:
            self._told_of_size = True
            self._stream.log(LOG_WARNING, f"a message of {len(payload)} bytes is too large for the agent: {kind}")

    def speech_started(self) -> None:
        self.look()
        self._call.tell(Speech, True)

    def speech_stopped(self) -> None:
        self._call.tell(Speech, False)

    def turn(self, turn: dict[str, Any]) -> None:
        self._call.tell(
            TurnHeard,
            turn["response_id"],
            turn["heard_ms"],
            turn["received_ms"],
            turn["interrupted"],
            turn["item_ids"],
            turn["latency_ms"],
        )

    def played_on(self) -> None:
        self.look()

    def summary(self, summary: dict[str, Any]) -> None:
        self._limit.finish()
        self._over(summary["reason"], summary.get("error") or "")

    def _left_out(self, count: int) -> None:
        text = f"{count} messages not told to the agent: the server sends more than it can be told"
        self._stream.log(LOG_WARNING, text)

    def look(self) -> None:
        """Whether something sounds may have changed."""
        sounding = self._stream.sounding
        if sounding is not self._sounding:
            self._sounding = sounding
            self._call.tell(Playback, not sounding)

    def held(self, on_hold: bool) -> None:
        self._call.tell(Held, on_hold)
