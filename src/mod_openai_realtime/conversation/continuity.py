"""What survives a connection, and an engine: the conversation, and what the caller says in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..later import Later, Timer
from .conversation import Conversation
from .keeping import Keeping
from .session import Session

FIRST = "first"
"""The cause of a connection before which there was none."""

RESTORE_WITHIN_S = 5.0
"""What a new session is given the server has answered by then, or it never will. Caller audio waits for 2 s only."""


class Continuity:
    """Of one stream. Times, handed in, are CLOCK_MONOTONIC in ns."""

    def __init__(
        self,
        conversation: Conversation | None,
        later: Later,
        playing: Callable[[], dict[str, Any] | None],
        keep: Callable[[bytes], None],
        lost_ns: int,
        *,
        began: bool,
        keeps: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """`playing`: what is being played, for an engine that comes after this one, and `keep` has it kept. `lost_ns`:
        when the connection before the first one was lost. `began`: there was no engine before this one. `keeps`: what
        is kept besides (JSON)."""
        self._conversation = conversation
        self._later = later
        self._playing = playing
        self._keeping = Keeping(later, self._state, keep) if conversation is not None else None
        self._overdue: Timer | None = None  # runs while answers to a restoration are waited for
        self._server = 0
        self._keeps = keeps
        self._changes = 0
        self._was_connected = not began
        self.cause = ""
        """Of the present connection."""
        self.lost_ns = lost_ns
        self.keeps_caller = False
        """The caller was speaking when the connection was lost: what they say is for the next one."""

    def _state(self) -> dict[str, Any]:
        assert self._conversation is not None
        others = self._keeps() if self._keeps is not None else {}
        return {**self._conversation.kept(), "playing": self._playing(), **others}

    def look(self) -> None:
        """Something may have been said; what has changed is kept."""
        if self._keeping is not None and self._conversation is not None:
            self._keeping.changed(self._conversation.version + self._changes)

    def changed(self) -> None:
        """What is kept besides has."""
        self._changes += 1
        self.look()

    def lost(self, session: Session, now_ns: int, *, keep: bool) -> None:
        """Its connection was; `keep`: what the caller says is for the next one whether they were speaking or not."""
        self.settled()
        self.lost_ns = now_ns
        self.keeps_caller = self._conversation is not None and (keep or session.clock.speaking)

    def connected(self, session: Session, server: int, overdue: Callable[[], None], cause: str = "") -> None:
        """`server` tells one from another. `overdue` is called where the session has not answered for too
        long; settled() ends that. `cause`: another than the loss of the one before."""
        self.cause = cause or ("reconnect" if server == self._server else "failover")
        if not self._was_connected:
            self.cause, self._was_connected = FIRST, True
        self._server = server
        if session.restoration is not None:

            def give_up() -> None:
                self._overdue = None
                overdue()

            self._overdue = self._later(RESTORE_WITHIN_S, give_up)

    def settled(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def finish(self, *, goes_on: bool) -> None:
        """The stream ends; where it `goes_on` with another engine, what has changed is kept at once."""
        self.settled()
        if self._keeping is not None:
            self._keeping.finish(tell=goes_on)
