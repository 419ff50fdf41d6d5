"""What holds for one connection, and ends with it: a new connection has a new Session, so nothing is taken back."""

from __future__ import annotations

from .heard import ItemPart
from .interruption import TurnDetection
from .responses import Responses
from .turn import TurnClock

PartName = tuple[str | None, str | None, int]
"""Response, item and content index, as a delta names them."""


class Session:
    """Lives from the end of the connection before to the end of its own. `number` tells it from others of the stream:
    what the caller has yet to hear remembers it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.responses = Responses()
        self.detection = TurnDetection()
        self.clock = TurnClock()
        # The part whose audio came last, and what follows of it.
        self.part_name: PartName | None = None
        self.part: ItemPart | None = None
        self.law: str | None = None
        self.half = b""  # the first byte of a sample that two messages of that part share
        self.part_is_open = False  # nothing has come since that its audio might depend on
