"""What a consultation comes to: decided here, carried out by consulting.py. Sans-I/O.

The caller is put on hold, another party is called and told the briefing; where it agrees, the two are connected. Two
things hold whatever happens in whatever order: a party that was called is connected or let go of, and a caller who is
not connected is taken off hold again.
"""

from __future__ import annotations

from enum import Enum, auto

from .values import Consult


class Step(Enum):
    """What is to be done, in this order."""

    CALL = auto()
    """The other party; told by answered() or not_answered()."""
    CONNECT = auto()
    """The two; told by connected() or not_connected()."""
    LET_GO = auto()
    """The other party is hung up on, if it is there."""
    EXCUSE = auto()
    """The other party is told that the caller is gone, and hung up on."""
    UNHOLD = auto()
    """The caller is the agent's again."""
    LEAVE = auto()
    """The caller is the other party's."""


class _Stage(Enum):
    RINGING = auto()
    BRIEFING = auto()
    CONNECTING = auto()
    OVER = auto()


class Consultation:
    """One of these, from the time when the caller is on hold. Each method takes something that has happened, and
    returns what follows from it; once it is over nothing does."""

    def __init__(self) -> None:
        self._stage = _Stage.RINGING
        self.outcome: Consult | None = None
        """None: it is not over, or has failed."""
        self.failure = ""
        """Why it has, where it has."""

    @property
    def over(self) -> bool:
        return self._stage is _Stage.OVER

    def begin(self) -> list[Step]:
        return [Step.CALL]

    def answered(self) -> list[Step]:
        if self._stage is _Stage.RINGING:
            self._stage = _Stage.BRIEFING
        return []

    def not_answered(self, outcome: Consult | None, why: str) -> list[Step]:
        """`outcome` None: nobody could be called at all."""
        return self._fall_back(outcome, why) if self._stage is _Stage.RINGING else []

    def agreed(self) -> list[Step]:
        """The other party takes the call. That it has answered may not have been told yet."""
        if self._stage not in (_Stage.RINGING, _Stage.BRIEFING):
            return []
        self._stage = _Stage.CONNECTING
        return [Step.CONNECT]

    def refused(self) -> list[Step]:
        """The other party does not take the call."""
        return self._fall_back(Consult.declined) if self._stage in (_Stage.RINGING, _Stage.BRIEFING) else []

    def other_gone(self) -> list[Step]:
        """The other party has hung up."""
        return self._fall_back(Consult.hung_up) if self._stage in (_Stage.RINGING, _Stage.BRIEFING) else []

    def agent_gone(self, why: str) -> list[Step]:
        """The agent can't speak to the other party any more."""
        return self._fall_back(None, why) if self._stage in (_Stage.RINGING, _Stage.BRIEFING) else []

    def connected(self) -> list[Step]:
        return self._end(Consult.connected, "", Step.LEAVE) if self._stage is _Stage.CONNECTING else []

    def not_connected(self) -> list[Step]:
        """The other party was gone by then."""
        return self._fall_back(Consult.hung_up) if self._stage is _Stage.CONNECTING else []

    def given_up(self) -> list[Step]:
        """Nobody wants to know any more."""
        return [] if self.over else self._fall_back(None, "it was given up")

    def caller_gone(self) -> list[Step]:
        """Nothing can be done to the caller's channel any more. Where the other party rings FreeSWITCH sees to it."""
        if self.over:
            return []
        return self._end(None, "the call is over", *([] if self._stage is _Stage.RINGING else [Step.EXCUSE]))

    def _fall_back(self, outcome: Consult | None, why: str = "") -> list[Step]:
        return self._end(outcome, why, Step.LET_GO, Step.UNHOLD)

    def _end(self, outcome: Consult | None, why: str, *steps: Step) -> list[Step]:
        self._stage = _Stage.OVER
        self.outcome, self.failure = outcome, why
        return list(steps)
