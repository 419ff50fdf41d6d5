"""A barge-in that is confirmed first: a cough, a «mhm», a key tone or music makes the agent pause, and no more.

The server is told not to interrupt by itself (`interrupt_response: false`). When it hears the caller, playback waits at
once. Where they still speak after CONFIRM_S that is a barge-in, with what was heard by then; where they have stopped,
playback goes on from there: no sample is lost or comes twice, and nothing was cancelled.
"""

from __future__ import annotations

from ..later import Timer
from ..weakly import weakly
from .observer import Controls, Observer

CONFIRM_S = 1.0
"""From `speech_started`. A server tells the end of speech after some 500 ms of silence: a sound of up to as much is no
barge-in."""

_STARTED, _STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"


class ConfirmedBargeIn(Observer):
    """Of one stream."""

    def __init__(self, stream: Controls) -> None:
        self._stream = stream
        self._timer: Timer | None = None
        self.paused = 0
        """How often it has."""
        self.confirmed = 0
        """How often that was a barge-in."""

    def forward(self, kind: str | None, payload: bytes) -> None:
        if kind == _STARTED:
            self._begin()
        elif kind == _STOPPED:
            self._go_on()

    def disconnected(self, code: int, reason: str) -> None:
        self._go_on()

    def summary(self, summary: dict[str, object]) -> None:
        self._cancel()

    def _begin(self) -> None:
        if self._timer is None and self._stream.may_be_interrupted:
            self.paused += 1
            self._stream.hush(True)
            self._timer = self._stream.later(CONFIRM_S, weakly(self._confirm))

    def _go_on(self) -> None:
        if self._timer is not None:
            self._cancel()
            self._stream.hush(False)

    def _confirm(self) -> None:
        self._timer = None
        self.confirmed += 1
        self._stream.interrupt()
        self._stream.hush(False)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
