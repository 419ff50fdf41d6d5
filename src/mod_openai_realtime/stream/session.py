"""What holds for one connection, and ends with it: a new connection has a new Session, so nothing is taken back."""

from __future__ import annotations

from .interruption import Interruption, TurnDetection
from .negotiation import Negotiation
from .responses import Responses
from .turn import TurnClock

PartName = tuple[str | None, str | None, int]
"""Response, item and content index, as a delta names them."""


class Session:
    """Lives from the end of the connection before to the end of its own. `number` tells it from others of the stream:
    what the caller has yet to hear remembers it."""

    def __init__(
        self, number: int, negotiation: Negotiation, interruption: Interruption, *, plays: bool, raw: bool
    ) -> None:
        """`interruption` is the stream's. `plays`: the stream has playback."""
        self.number = number
        self.negotiation = negotiation
        self.interruption = interruption
        self.plays = plays
        self.raw = raw
        self.responses = Responses()
        self.detection = TurnDetection()
        self.clock = TurnClock()
        self.part: PartName | None = None
        """That of the audio that came last."""
        self.part_is_open = False
        """Nothing has come since that audio might depend on."""
