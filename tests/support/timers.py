"""Timers that a test lets run out."""

from __future__ import annotations

from collections.abc import Callable


class Timer:
    def __init__(self, timers: Timers, delay_s: float, function: Callable[[], None]) -> None:
        self._timers = timers
        self.delay_s = delay_s
        self.function = function

    def cancel(self) -> None:
        self._timers.running.remove(self)


class Timers:
    def __init__(self) -> None:
        self.running: list[Timer] = []

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        self.running.append(Timer(self, delay_s, function))
        return self.running[-1]

    def run_out(self) -> list[float]:
        """All that are running; how long each was, in seconds."""
        ran, self.running = self.running, []
        for timer in ran:
            timer.function()
        return [timer.delay_s for timer in ran]
