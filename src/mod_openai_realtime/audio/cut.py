"""What a barge-in has cut off, until it is known where hearing ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .._media import StreamMemory
from .heard import Heard, HeardLedger
from .utterance import Utterance

# A channel that sends nothing (parked, say) never answers a discard; after so many ticks its last position stands.
CUT_TICKS = 10


@dataclass(slots=True)
class Cut:
    """Positions as in playback.py."""

    discarded_to: int
    ring_tail: int  # what the media thread had taken when it was told
    run_source: int
    run_ring: int
    write_rate: int
    ledger: HeardLedger
    told: HeardLedger
    """Without what the server is not to be told."""
    utterances: list[Utterance]
    unfinished: bool  # of the last of it more was to come
    ticks: int = 0

    def look(self, memory: StreamMemory, rate: int, *, final: bool) -> int | None:
        """Once a tick: the source position where hearing ended, at the playback's present rate; None while the media
        thread has not told. `final`: no frame comes any more that could tell."""
        self.ticks += 1
        tail = memory.playback_tail  # before cut_until: a tail past the cut means that the cut is told of
        until = memory.cut_until
        if until >= self.discarded_to:
            # An answer to a later discard alone: nothing was taken between the two.
            ring = memory.cut_at if until == self.discarded_to else self.ring_tail
        elif tail >= self.discarded_to or self.ticks >= CUT_TICKS or final:
            ring = min(tail, self.discarded_to)
        else:
            return None
        return self.run_source + max(0, ring - self.run_ring) * rate // self.write_rate

    def scale(self, scaled: Callable[[int], int]) -> None:
        """The playback's rate has changed."""
        self.run_source = scaled(self.run_source)
        self.ledger.scale(scaled)
        self.told.scale(scaled)
        for utterance in self.utterances:
            utterance.scale(scaled)

    def heard(self, position: int) -> tuple[list[Heard], list[Heard]]:
        """With hearing ended there: all that was cut short, and what of it the server is to be told."""
        return self.ledger.cut(position, more=self.unfinished), self.told.cut(position, more=self.unfinished)
