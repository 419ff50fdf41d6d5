"""What holds for one connection, and ends with it: a new connection has a new Session, so nothing is taken back."""

from __future__ import annotations

from .conversation import Conversation
from .interruption import Interruption, TurnDetection
from .negotiation import LONGEST_WAIT_MS, Negotiation
from .responses import Responses
from .restoration import Restoration
from .turn import TurnClock

PartName = tuple[str | None, str | None, int]
"""Response, item and content index, as a delta names them."""

LONGEST_RESTORE_MS = 2000
"""Caller audio waits so long for a session to be restored."""


class Session:
    """Lives from the end of the connection before to the end of its own. `number` tells it from others of the stream:
    what the caller has yet to hear remembers it."""

    def __init__(
        self,
        number: int,
        negotiation: Negotiation,
        interruption: Interruption,
        conversation: Conversation | None = None,
        *,
        plays: bool,
        raw: bool,
        restored: bool = False,
    ) -> None:
        """`interruption` and `conversation` are the stream's; None where nothing is restored. `plays`: the stream has
        playback. `restored`: there was a session before."""
        self.number = number
        self.negotiation = negotiation
        self.interruption = interruption
        self.conversation = conversation
        self.restoration = Restoration(conversation) if conversation is not None and restored else None
        self.plays = plays
        self.raw = raw
        self.responses = Responses()
        self.detection = TurnDetection()
        self.clock = TurnClock()
        self.part: PartName | None = None
        """That of the audio that came last."""
        self.part_is_open = False
        """Nothing has come since that audio might depend on."""

    @property
    def waiting(self) -> bool:
        """Caller audio has to wait: for what it follows upon, or to know in which format it is taken."""
        return self.restoring or self.negotiation.waiting

    @property
    def longest_wait_ms(self) -> int:
        return LONGEST_RESTORE_MS if self.restoring else LONGEST_WAIT_MS

    def give_up(self) -> None:
        """It has waited for too long."""
        if self.restoration is not None:
            self.restoration.release_audio()
        self.negotiation.give_up()

    @property
    def restoring(self) -> bool:
        """Caller audio waits for what it follows upon."""
        return self.restoration is not None and self.restoration.holds_audio
