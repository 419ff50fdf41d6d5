"""What holds for one connection, and ends with it: a new connection has a new Session, so nothing is taken back."""

from __future__ import annotations

import math

from ..dialect.dialect import Dialect
from ..dialect.profiles import OPENAI
from .barge_in import BargeIn, BargeInTerms
from .conversation import Conversation
from .interruption import Interruption, TurnDetection
from .negotiation import Negotiation
from .quiet import Quiet
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
        dialect: Dialect = OPENAI,
        barge_in: BargeIn = BargeIn.SERVER,
    ) -> None:
        """`interruption` and `conversation` are the stream's; None where nothing is restored. `plays`: the stream has
        playback. `restored`: there was a session before. `dialect`: what the server is taken to speak."""
        self.number = number
        self.dialect = dialect
        self.negotiation = negotiation
        self.interruption = interruption
        self.conversation = conversation
        self.restoration = Restoration(conversation, dialect) if conversation is not None and restored else None
        self.plays = plays
        self.raw = raw
        self.responses = Responses()
        self.barge_in = BargeInTerms(barge_in, dialect, asks=plays and not raw)
        self.detection = TurnDetection(interrupts=dialect.speech_interrupts)
        self.clock = TurnClock()
        self.quiet = Quiet(self.clock, transcripts=conversation is not None and conversation.keeps_items)
        self.greeted = False
        """The server has sent `session.created`."""
        self.expires_at: float | None = None
        """When the server ends it, by its own word, in seconds of Unix time."""
        self.part: PartName | None = None
        """That of the audio that came last."""

    @property
    def waiting(self) -> bool:
        """Caller audio has to wait: for what it follows upon, or to know in which format it is taken."""
        return self.restoring or self.negotiation.waiting

    @property
    def longest_wait_ms(self) -> float:
        """After so long it is to be told to give_up(); infinite where the server can do nothing before."""
        longest = self.negotiation.longest_wait_ms
        return LONGEST_RESTORE_MS if self.restoring and longest < math.inf else longest

    @property
    def truncates(self) -> bool:
        """At a barge-in the server is told, by the engine, how much was heard."""
        return self.interruption.truncates and self.may_truncate

    @property
    def may_truncate(self) -> bool:
        """It can be told at all, and does not find out by itself."""
        return self.dialect.truncates and not self.detection.server_truncates

    def give_up(self) -> None:
        """It has waited for too long."""
        if self.restoration is not None:
            self.restoration.release_audio()
        self.negotiation.give_up()

    @property
    def restoring(self) -> bool:
        """Caller audio waits for what it follows upon."""
        return self.restoration is not None and self.restoration.holds_audio
