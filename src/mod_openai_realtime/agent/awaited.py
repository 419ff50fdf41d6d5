"""Who of user code waits for what is heard: of a response, of a sound, or until nothing is left to be heard.

Each waits under a number; what they are told is returned as effects.
"""

from __future__ import annotations

from collections import OrderedDict

from . import actions as a
from . import messages as m
from .effects import Effect, Resolve
from .errors import CallError
from .values import Heard

MAX_RESULTS = 32  # what was heard of responses, for those who learn late that it was theirs
NOTHING = Heard("", 0, True)


class Awaited:
    """Of one call."""

    def __init__(self) -> None:
        self._requests: dict[str, int] = {}
        self._responses: dict[str, int] = {}
        self._results: OrderedDict[str, Heard] = OrderedDict()
        self._plays: dict[int, int | None] = {}
        self._quiet: dict[int, float | None] = {}

    @property
    def deadline(self) -> float | None:
        """When late() has something to say."""
        return min((until for until in self._quiet.values() if until is not None), default=None)

    # -- a response

    def request(self, token: str, waiter: int) -> None:
        """Waits for what is heard of the response that is asked for under this token."""
        self._requests[token] = waiter

    def over(self, over: a.Over) -> list[Effect]:
        """The request came to something, or to nothing."""
        waiter = self._requests.pop(over.token, None)
        if waiter is None:
            return []
        if over.status in ("failed", "refused"):
            return [Resolve(waiter, CallError(over.reason or "the model could not be asked"))]
        if over.response_id is None:
            return [Resolve(waiter, NOTHING)]
        if over.response_id in self._results:
            return [Resolve(waiter, self._results[over.response_id])]
        self._responses[over.response_id] = waiter
        return []

    def heard(self, response_id: str, heard: Heard) -> list[Effect]:
        self._results[response_id] = heard
        if len(self._results) > MAX_RESULTS:
            self._results.popitem(last=False)
        waiter = self._responses.pop(response_id, None)
        return [] if waiter is None else [Resolve(waiter, heard)]

    # -- a sound

    @property
    def plays(self) -> bool:
        """Sounds are to be played."""
        return bool(self._plays)

    def play(self, number: int, waiter: int | None) -> None:
        """None: nobody waits for it."""
        self._plays[number] = waiter

    def played(self, message: m.Played) -> list[Effect]:
        waiter = self._plays.pop(message.id, None)
        if waiter is None:
            return []
        heard = Heard("", message.heard_ms, message.interrupted)
        return [Resolve(waiter, CallError(message.error) if message.error is not None else heard)]

    def none_is_played(self) -> list[Effect]:
        """Nobody knows of them any more."""
        effects: list[Effect] = [Resolve(waiter, NOTHING) for waiter in self._plays.values() if waiter is not None]
        self._plays.clear()
        return effects

    # -- nothing more

    def until_quiet(self, waiter: int, until: float | None) -> None:
        """Is told `heard`, `interrupted`, `late` (at the time `until`), or `over`."""
        self._quiet[waiter] = until

    @property
    def waits_for_quiet(self) -> bool:
        return bool(self._quiet)

    def end_wait_for_quiet(self, why: str) -> list[Effect]:
        effects: list[Effect] = [Resolve(waiter, why) for waiter in self._quiet]
        self._quiet.clear()
        return effects

    def late(self, now: float) -> list[Effect]:
        late = [waiter for waiter, until in self._quiet.items() if until is not None and now >= until]
        for waiter in late:
            del self._quiet[waiter]
        return [Resolve(waiter, "late") for waiter in late]

    # -- all of it

    def forget(self, waiter: int) -> None:
        """Nobody waits for quiet under this number any more."""
        self._quiet.pop(waiter, None)

    def end(self) -> list[Effect]:
        waiters = {*self._requests.values(), *self._responses.values()}
        self._requests.clear()
        self._responses.clear()
        effects: list[Effect] = [Resolve(waiter, NOTHING) for waiter in waiters]
        return effects + self.none_is_played() + self.end_wait_for_quiet("over")
