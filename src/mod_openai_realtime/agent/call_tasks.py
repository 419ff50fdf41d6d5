"""User code of one call, as tasks of the event loop: what it raises ends there, and is logged with the call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class CallTasks:
    """Those that have not come to their end."""

    def __init__(self, agent: str, uuid: str) -> None:
        self._whose = f"{agent} in call {uuid}"
        self._tasks: set[asyncio.Task[Any]] = set()

    def name(self, what: str) -> str:
        """For whoever looks at what blocks the loop."""
        return f"{what} of {self._whose}"

    def begin(self, coroutine: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine, name=self.name(what))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def cancel(self, *names: str) -> None:
        """Those whose names begin with one of these."""
        for task in list(self._tasks):
            if task.get_name().startswith(names):
                task.cancel()

    def cancel_all(self, but: asyncio.Task[Any] | None = None) -> None:
        for task in list(self._tasks):
            if task is not but:
                task.cancel()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("%s failed", task.get_name(), exc_info=task.exception())
