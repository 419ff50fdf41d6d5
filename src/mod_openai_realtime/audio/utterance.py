"""The audio of one response in the playback, and what the caller hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


class Speech(Enum):
    STARTED = auto()
    STOPPED = auto()


@dataclass(slots=True)
class Utterance:
    """The audio of one response, from the first sample that was queued to the drain after its last."""

    response: str | None
    session: int
    interruptible: bool
    source_start: int
    source_end: int  # known once something else is queued, or nothing more
    finished: bool = False
    started: bool = False
    doomed: bool = False  # not to be heard any more; goes as soon as it is the first
    heard_at_ns: int = 0  # CLOCK_MONOTONIC of the first frame heard

    def scale(self, scaled: Callable[[int], int]) -> None:
        """The playback's rate has changed."""
        self.source_start, self.source_end = scaled(self.source_start), scaled(self.source_end)


Chosen = Callable[[Utterance], bool]
