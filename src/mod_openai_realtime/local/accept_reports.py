"""What asyncio reports of a listening socket for which there is no descriptor left.

It waits a second by itself, but has tried a hundred times by then, and reports each with a trace.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ..accepting import Shortage

log = logging.getLogger(__name__)

_REPORT = "socket.accept() out of system resource"


class AcceptReports:
    """A loop's exception handler in front of the one that it has."""

    def __init__(
        self,
        inner: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None,
        clock: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._shortage = Shortage("a connection")

    @classmethod
    def install(cls, loop: asyncio.AbstractEventLoop) -> None:
        handler = loop.get_exception_handler()
        if not isinstance(handler, cls):
            loop.set_exception_handler(cls(handler, loop.time))

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if context.get("message") == _REPORT and isinstance(error, OSError):
            line = self._shortage.line(error, self._clock())
            if line is not None:
                log.error(line)
        elif self._inner is not None:
            self._inner(loop, context)
        else:
            loop.default_exception_handler(context)
