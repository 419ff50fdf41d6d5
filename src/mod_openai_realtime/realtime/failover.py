"""Which of several servers is called. Sans-I/O."""

from __future__ import annotations

from dataclasses import replace

from .settings import EndpointSettings

FAILURES = 2
"""So many attempts at one fail in a row, or so many connections do not last, and the next one is called."""


class Failover:
    """In turn, round and round. One that was reached stays the one that is called until it fails."""

    def __init__(self, settings: EndpointSettings) -> None:
        self._choices = [settings, *(replace(settings, uri=uri) for uri in settings.failover)]
        self._failures = 0
        self._short = 0
        self.index = 0
        """Of the one that is called; 0: the first."""

    @property
    def settings(self) -> EndpointSettings:
        """To call the one whose turn it is."""
        return self._choices[self.index]

    @property
    def has_others(self) -> bool:
        return len(self._choices) > 1

    def opened(self) -> None:
        self._failures = 0

    def lost(self, *, lasted: bool) -> None:
        """A connection was, which was a good one or not."""
        self._short = 0 if lasted else self._short + 1
        self._move_on()

    def failed(self) -> None:
        """An attempt did."""
        self._failures += 1
        self._move_on()

    def _move_on(self) -> None:
        if max(self._failures, self._short) >= FAILURES:
            self._failures = self._short = 0
            self.index = (self.index + 1) % len(self._choices)
