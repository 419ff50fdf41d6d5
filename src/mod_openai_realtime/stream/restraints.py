"""What keeps audio back: pause, mutes, and the channel's being on hold."""

from __future__ import annotations

import time

from .._media import StreamMemory
from ..audio.control import Control
from ..audio.outgoing import Outgoing
from ..audio.playback import Playback
from ..conversation.turn import TurnFigures

ALL = Control.PAUSED | Control.CAPTURE_MUTED | Control.PLAYBACK_MUTED | Control.ON_HOLD
_OF_CAPTURE = Control.PAUSED | Control.CAPTURE_MUTED | Control.ON_HOLD
_OF_PLAYBACK = Control.PAUSED | Control.ON_HOLD


class Restraints:
    """Of one stream. The media thread, and an engine that comes after this one, read them in the stream's memory."""

    def __init__(
        self, memory: StreamMemory, outgoing: Outgoing | None, playback: Playback | None, turns: TurnFigures
    ) -> None:
        """Begins with what the memory has."""
        self._memory = memory
        self._outgoing = outgoing
        self._playback = playback
        self._turns = turns
        self._now = Control(memory.control) & ALL
        self._hushed = False
        self._apply()

    def __contains__(self, restraint: Control) -> bool:
        return restraint in self._now

    @property
    def caller_is_wanted(self) -> bool:
        """Nothing keeps the caller's audio back."""
        return not self._now & _OF_CAPTURE

    def set(self, restraint: Control, on: bool) -> None:
        """What the caller has said up to a restraint is the stream's to send before."""
        self._now = self._now | restraint if on else self._now & ~restraint
        self._apply()

    def hush(self, hushed: bool) -> None:
        """Playback alone waits, for a moment; nobody has asked for it, and nobody is told."""
        self._hushed = hushed
        self._apply()

    def _apply(self) -> None:
        published = self._now | Control.HUSHED if self._hushed else self._now
        self._memory.set_control(published, ~published & (ALL | Control.HUSHED))
        self._turns.playback_waits(bool(published & (_OF_PLAYBACK | Control.HUSHED)), time.monotonic_ns())
        if self._outgoing is not None:
            self._outgoing.want(self.caller_is_wanted)
        if self._playback is not None:
            self._playback.muted = Control.PLAYBACK_MUTED in self._now
