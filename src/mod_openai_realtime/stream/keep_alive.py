"""What a server wants to hear now and then, in its own words."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from ..dialect.dialect import Dialect
from ..later import Later, Timer


class KeepAlive:
    """From a session's beginning to the end of its connection."""

    def __init__(self, later: Later, send: Callable[[bytes], None]) -> None:
        self._later = later
        self._send = send
        self._timer: Timer | None = None

    def begin(self, dialect: Dialect) -> None:
        """Nothing happens where it wants none, or has begun."""
        if dialect.keep_alive and self._timer is None:
            self._wait(orjson.dumps({"type": dialect.keep_alive}), dialect.keep_alive_s)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, message: bytes, every_s: int) -> None:
        def due() -> None:
            self._wait(message, every_s)
            self._send(message)

        self._timer = self._later(every_s, due)
