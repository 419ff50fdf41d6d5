"""An agent's hooks, one after the other, so that each sees what those before it have done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .agent import Agent
from .effects import Hook, Tell
from .errors import CallError

if TYPE_CHECKING:
    from .driver import Driver

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""That wait for those before them; past it messages of the server are left out."""

_OWN = frozenset({"on_silence", "on_connect", "warn_of_the_end", "end_by_duration"})
_LAST = frozenset({"on_turn", "on_digits", "on_error", "on_event"})


class Hooks:
    """Of one call. An exception is logged, and that is all."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._waiting: asyncio.Queue[Hook] = asyncio.Queue()
        self._left_out = False
        self.at_work = False

    def add(self, hook: Hook) -> None:
        driver = self._driver
        if hook.name not in _OWN and getattr(type(driver.agent), hook.name, None) is getattr(Agent, hook.name):
            return  # nothing is to be called
        if hook.name == "on_event" and self._waiting.qsize() >= MAX_WAITING:
            if not self._left_out:
                self._left_out = True
                logger.warning("%s: hooks are too slow: messages of the server are left out", driver.call.uuid)
            return
        self._waiting.put_nowait(hook)

    async def run(self) -> None:
        while True:
            hook = await self._waiting.get()
            await self._run(hook)

    async def finish(self) -> None:
        """The call is over: what it still tells of."""
        while not self._waiting.empty():
            hook = self._waiting.get_nowait()
            if hook.name in _LAST:
                await self._run(hook)

    async def run_end(self, agent: Agent, reason: str) -> None:
        with self._told("on_end"):
            await agent.on_end(self._driver.call, reason)

    async def _run(self, hook: Hook) -> None:
        self.at_work = True
        task = asyncio.current_task()
        if task is not None:
            task.set_name(self._driver.tasks.name(f"hooks, {hook.name}"))
        try:
            with self._told(hook.name):
                await self._call(hook)
        finally:
            self.at_work = False

    async def _call(self, hook: Hook) -> None:
        driver = self._driver
        agent, call = driver.agent, driver.call
        assert agent is not None
        if hook.name == "warn_of_the_end":
            await call.tell("The call has to end in a minute. Come to an end; say goodbye in time.")
        elif hook.name == "end_by_duration":
            await call.reply("The call has to end now. Say goodbye in one short sentence.")
            await call.hang_up()
        elif hook.name == "on_silence":
            with driver.nothing_is_silence():
                await agent.on_silence(call, *hook.arguments)
        else:
            try:
                await getattr(agent, hook.name)(call, *hook.arguments)
            finally:
                if hook == Hook("on_connect", (False,)):
                    driver.greet()

    @contextlib.contextmanager
    def _told(self, hook: str) -> Iterator[None]:
        driver = self._driver
        try:
            yield
        except Exception as error:
            if isinstance(error, CallError) and driver.ended:
                return  # it was still at it when the call ended
            logger.exception("%s: %s failed", driver.call.uuid, hook)
            if not driver.ended:
                driver.perform([Tell("error", f"{hook} failed: {type(error).__name__}: {error}")])
