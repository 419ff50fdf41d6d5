"""Whether caller audio may flow: what is known, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum


class Gate(IntEnum):
    """What becomes of caller audio; native/media/packetizer.c has the same numbers."""

    SHUT = 0  # it is passed over
    HELD = 1  # something is to be decided about each frame
    OPEN = 2  # it is sent as it comes


class CallerGate:
    """Facts, one by one; `state` is what they come to, and whoever needs it is shown each change."""

    wanted = True
    """Neither paused, nor muted, nor on hold."""
    connected = False
    keeps = False
    """Without a connection: what the caller says is for the next one."""
    settled = False
    """It is known in which format the audio goes, and that it follows upon what it should."""
    congested = False
    """The network takes no more. A backlog would only become delay."""
    holds = False
    """Something is held that goes first."""
    owed = False
    """What is held goes out, whatever becomes of what follows."""

    def __init__(self, show: Callable[[Gate, Gate], None]) -> None:
        """`show` gets what the state was, and what it is."""
        self._show = show
        self.state = Gate.SHUT

    def __setattr__(self, name: str, value: object) -> None:
        """A fact that has changed has the outcome computed; to read one, with each frame, takes no call."""
        changed = name in _FACTS and getattr(self, name) != value
        super().__setattr__(name, value)
        if changed:
            self.decide()

    def decide(self) -> None:
        state = self._decided()
        if state is not self.state:
            before, self.state = self.state, state
            self._show(before, state)

    def _decided(self) -> Gate:
        if self.owed and self.connected:
            return Gate.HELD
        if not self.wanted or self.congested:
            return Gate.SHUT
        if not self.connected:
            return Gate.HELD if self.keeps else Gate.SHUT
        return Gate.OPEN if self.settled and not self.holds else Gate.HELD


_FACTS = frozenset({"wanted", "connected", "keeps", "settled", "congested", "holds", "owed"})
