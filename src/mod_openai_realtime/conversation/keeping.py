"""What an engine that comes after this one needs to know is kept by the module: private, and gone with the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ..later import Later, Timer

KEEP_AFTER_S = 0.25
"""Changes of so long are told at once. What comes in between is lost with the engine."""


class Keeping:
    """Tells when what is kept has changed, and only then."""

    def __init__(
        self,
        later: Later,
        state: Callable[[], dict[str, Any]],
        send: Callable[[bytes], None],
    ) -> None:
        self._later = later
        self._state = state
        self._send = send
        self._version = 0
        self._timer: Timer | None = None

    def changed(self, version: int) -> None:
        """May be called at any time; nothing happens where it is the version of the last call."""
        if version != self._version:
            self._version = version
            if self._timer is None:
                self._timer = self._later(KEEP_AFTER_S, self._tell)

    def finish(self, *, tell: bool) -> None:
        """Nothing more is told; where `tell`, what has changed is told now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if tell:
                self._tell()

    def _tell(self) -> None:
        self._timer = None
        self._send(orjson.dumps(self._state()))
