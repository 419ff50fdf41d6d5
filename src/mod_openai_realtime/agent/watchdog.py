"""Sees when an event loop is blocked by what runs on it, and by whom: a thread beside it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable

logger = logging.getLogger(__name__)

BLOCKED_S = 1.0
LOOK_S = 0.2
MAX_FRAMES = 15  # of the stack that is logged, the innermost


class Watchdog:
    """Of one loop, on whose thread it is made and closed. `blocked_s` grows with each block that was told of; from any
    thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        blocked_s: float = BLOCKED_S,
        look_s: float = LOOK_S,
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`tell` gets the seconds of each block that was told of, on the loop's thread, once it is over."""
        self._loop = loop
        self._limit_s = blocked_s
        self._look_s = look_s
        self._clock = clock
        self._tell = tell
        self._thread_id = threading.get_ident()
        self._beat = clock()
        self._told = False
        self.blocked_s = 0.0
        self._closed = threading.Event()
        self._timer = loop.call_later(look_s, self._tick)
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._timer.cancel()
        self._closed.set()
        self._thread.join()

    def _tick(self) -> None:
        """On the loop."""
        now = self._clock()
        blocked_s = now - self._beat - self._look_s
        self._beat = now
        if self._told:
            self._told = False
            self.blocked_s += blocked_s
            self._tell(blocked_s)
            logger.error("the event loop was blocked for %.1f s", blocked_s)
        self._timer = self._loop.call_later(self._look_s, self._tick)

    def _watch(self) -> None:
        while not self._closed.wait(self._look_s):
            self.look()

    def look(self) -> None:
        """On the watchdog's thread."""
        if self._told or self._clock() - self._beat < self._limit_s + self._look_s:
            return
        self._told = True
        frame = sys._current_frames().get(self._thread_id)
        stack = "".join(traceback.format_stack(frame)[-MAX_FRAMES:]) if frame is not None else "(unknown)\n"
        # Another thread's task: a look into a table, which changes nothing.
        task = asyncio.current_task(self._loop)
        who = task.get_name() if task is not None else "no task"
        logger.error(
            "the event loop is blocked for more than %g s by %s: no other call of this process goes on; "
            "what computes or waits long belongs in a plain `def` tool\n%s",
            self._limit_s,
            who,
            stack.rstrip(),
        )
