"""Whether caller audio may flow: what is known, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Generic, TypeVar


class Gate(IntEnum):
    """What becomes of caller audio; native/media/packetizer.c has the same numbers."""

    SHUT = 0  # it is passed over
    HELD = 1  # something is to be decided about each frame
    OPEN = 2  # it is sent as it comes


_Value = TypeVar("_Value")


class _Fact(Generic[_Value]):
    """An attribute of the gate: setting it has the outcome computed."""

    def __init__(self, value: _Value) -> None:
        self._first = value

    def __set_name__(self, owner: type[CallerGate], name: str) -> None:
        self._name = "_" + name

    def __get__(self, gate: CallerGate, owner: type[CallerGate]) -> _Value:
        value: _Value = getattr(gate, self._name, self._first)
        return value

    def __set__(self, gate: CallerGate, value: _Value) -> None:
        if getattr(gate, self._name, self._first) != value:
            setattr(gate, self._name, value)
            gate.decide()


class CallerGate:
    """Facts, one by one; `state` is what they come to, and whoever needs it is shown each change."""

    wanted = _Fact(True)
    """Neither paused, nor muted, nor on hold."""
    connected = _Fact(False)
    keeps = _Fact(False)
    """Without a connection: what the caller says is for the next one."""
    settled = _Fact(False)
    """It is known in which format the audio goes, and that it follows upon what it should."""
    congested = _Fact(False)
    """The network takes no more. A backlog would only become delay."""
    holds = _Fact(False)
    """Something is held that goes first."""
    owed = _Fact(False)
    """What is held goes out, whatever becomes of what follows."""

    def __init__(self, show: Callable[[Gate, Gate], None]) -> None:
        """`show` gets what the state was, and what it is."""
        self._show = show
        self.state = Gate.SHUT

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
