"""Carries out what confirmation.py decides: the agent waits when the server hears the caller, goes on, or is cut."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..conversation.confirmation import LEAD_FRAMES, Act, Confirmation
from ..later import Timer
from ..weakly import weakly
from .observer import Controls, Observer

LOOK_S = 0.04
"""So often it is looked at what the caller's side sends, while the server hears them."""

_STARTED, _STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"


class ConfirmedBargeIn(Observer):
    """Of one stream, where STREAM_BARGE_IN is `confirm`."""

    def __init__(self, stream: Controls, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds, monotonic."""
        self._stream = stream
        self._clock = clock
        self._confirmation = Confirmation()
        self._timer: Timer | None = None

    def forward(self, kind: str | None, payload: bytes) -> None:
        if kind == _STARTED and self._stream.confirms:
            before = self._stream.caller_voice.look_back(LEAD_FRAMES)
            interruptible = self._stream.may_be_interrupted
            self._follow(self._confirmation.speech_started(before, self._now_ms(), interruptible=interruptible))
        elif kind == _STOPPED:
            self._follow(self._confirmation.speech_stopped(self._now_ms()))

    def disconnected(self, code: int, reason: str) -> None:
        self._follow(self._confirmation.lost())

    def summary(self, summary: dict[str, object]) -> None:
        self._stop_looking()

    def _now_ms(self) -> float:
        return self._clock() * 1000

    def _look(self) -> None:
        self._timer = None
        voice, frames, interruptible = self._stream.caller_voice, [], self._stream.may_be_interrupted
        if interruptible or self._confirmation.waiting:
            frames = voice.frames()
        else:
            voice.skip()  # the caller's turn, as ever
        self._follow(self._confirmation.heard(frames, self._now_ms(), interruptible=interruptible))

    def _follow(self, act: Act | None) -> None:
        if act is Act.WAIT:
            self._stream.hush(True)
        elif act is not None:
            if act is Act.STOP:
                self._stream.interrupt()
            self._stream.hush(False)
        if not self._confirmation.listening:
            self._stop_looking()
        elif self._timer is None:
            self._timer = self._stream.later(LOOK_S, weakly(self._look))

    def _stop_looking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
