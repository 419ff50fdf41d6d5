"""Who waits for what happens in a call, by number."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

from .errors import CallError


class Waiters:
    """Of one call, on the event loop that runs when it is made."""

    def __init__(self, first: int = 0) -> None:
        """`first`: where numbers begin: answers to what another process has asked for mean nothing here."""
        self._loop = asyncio.get_running_loop()
        self._number = first
        self._futures: dict[int, asyncio.Future[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._futures)

    def new(self) -> tuple[int, asyncio.Future[Any]]:
        """Forgotten once it is done."""
        self._number += 1
        future = self._futures[self._number] = self._loop.create_future()
        future.add_done_callback(partial(self._forget, self._number))
        return self._number, future

    def _forget(self, number: int, future: asyncio.Future[Any]) -> None:
        self._futures.pop(number, None)
        if not future.cancelled():
            future.exception()  # whoever gave up waiting need not hear of it

    def resolve(self, number: int, value: Any) -> None:
        """An exception is raised there. Nothing happens where nobody waits under that number."""
        future = self._futures.get(number)
        if future is None or future.done():
            return
        if isinstance(value, Exception):
            future.set_exception(value)
        else:
            future.set_result(value)

    def fail(self, why: str, numbers: Iterable[int] | None = None) -> None:
        """A CallError for these; None: for all."""
        for number in list(self._futures if numbers is None else numbers):
            self.resolve(number, CallError(why))
