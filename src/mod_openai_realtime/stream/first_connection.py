"""Whether a stream that a dialplan waits for may still hope for its first connection."""

from __future__ import annotations

from collections.abc import Callable

from ..later import Later, Timer
from ..realtime.backoff import FATAL_HTTP_STATUSES


class FirstConnection:
    """Once there has been a connection, it gives no reason any more."""

    def __init__(self, within_s: int) -> None:
        """`within_s`: how long it may take; 0 for as long as the call lasts."""
        self.within_s = within_s
        self._made = False
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

    def made(self) -> None:
        self._made = True
        self.settle()

    def failed(self, error: str, http_status: int, *, last: bool) -> str | None:
        """An attempt failed, the `last` one or not. Returns why no connection will come; None: it is tried again."""
        self._last_error = error
        if self._made or not (last or http_status in FATAL_HTTP_STATUSES):
            return None
        return f"No connection: {error}"

    def overdue(self) -> str | None:
        """The time is up. Returns why there will be no connection; None where there is one."""
        if self._made:
            return None
        why = f": {self._last_error}" if self._last_error else ""
        return f"No connection within {self.within_s} s{why}"
