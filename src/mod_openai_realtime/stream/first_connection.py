"""Whether a stream that a dialplan waits for may still hope for its first connection."""

from __future__ import annotations

from collections.abc import Callable

from ..later import Later, Timer
from ..realtime.backoff import FATAL_HTTP_STATUSES, BackoffLimits
from ..realtime.closes import Loss, loss

_PROVED_AFTER_S = BackoffLimits().proved_after_s


class FirstConnection:
    """Once there has been a connection, it gives no reason any more.

    One that the server has closed again without a session was none: many refuse a model, a key or a project so.
    """

    def __init__(self, within_s: int) -> None:
        """`within_s`: how long it may take; 0 for as long as the call lasts."""
        self.within_s = within_s
        self._made_at_s: float | None = None
        self._proved = False
        self._is_overdue = False
        self._last_error = ""
        self._timer: Timer | None = None

    def begin(self, later: Later, fail: Callable[[str], None]) -> None:
        """The time begins. `fail` gets why there will be no connection, when it is up; settle() ends it."""
        if self.within_s > 0:
            self._timer = later(self.within_s, lambda: self._run_out(fail))

    def _run_out(self, fail: Callable[[str], None]) -> None:
        self._timer = None
        why = self.overdue()
        if why is not None:
            fail(why)

    def settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def made(self, now_s: float) -> None:
        self._made_at_s = now_s

    def failed(self, error: str, http_status: int, *, last: bool) -> str | None:
        """An attempt failed, the `last` one or not. Returns why no connection will come; None: it is tried again."""
        if self._proved:
            return None
        self._last_error = error
        return self._given_up(final=last or http_status in FATAL_HTTP_STATUSES)

    def lost(self, code: int, reason: str, now_s: float, *, greeted: bool, others: bool) -> str | None:
        """The server has closed it, and `greeted` with a session before; `others`: another server may take the next.
        Returns as failed() does."""
        made_at_s, self._made_at_s = self._made_at_s, None
        lasted = made_at_s is not None and now_s - made_at_s >= _PROVED_AFTER_S
        if self._proved or greeted or lasted:
            self._proved = True
            self.settle()
            return None
        self._last_error = f"{code} {reason}".rstrip()
        return self._given_up(final=loss(code, reason) is Loss.FINAL and not others)

    def _given_up(self, *, final: bool) -> str | None:
        if final:
            return f"No connection: {self._last_error}"
        return self._too_late() if self._is_overdue else None

    def overdue(self) -> str | None:
        """The time is up. Returns why there will be no connection; None where there is one."""
        self._is_overdue = True
        return None if self._proved or self._made_at_s is not None else self._too_late()

    def _too_late(self) -> str:
        why = f": {self._last_error}" if self._last_error else ""
        return f"No connection within {self.within_s} s{why}"
