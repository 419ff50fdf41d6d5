"""Threads of a test. What one of them raises is raised in the test, so that a failure is its own cause."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
LIMIT_S = 60.0


def in_thread(action: Callable[[], T]) -> Future[T]:
    """Runs it in a thread of its own. The future's `result` returns what it returns and raises what it raises.

    One that is stuck does not keep the process from ending.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(action())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def at_once(*actions: Callable[[], object]) -> list[object]:
    """Runs all of them at the same moment, each in a thread of its own; their results, in order.

    Raises what the first of them raised, TimeoutError where one is stuck.
    """
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        barrier.wait(LIMIT_S)
        return action()

    futures = [in_thread(lambda action=action: run(action)) for action in actions]  # type: ignore[misc]
    return [future.result(LIMIT_S) for future in futures]


@contextmanager
def beside(action: Callable[[], object], end: Callable[[], object] | None = None) -> Iterator[None]:
    """Runs it in a thread while the body runs. Behind the body calls `end`, waits for it, and raises what it raised.

    The body's own exception, which may follow from it, is then its context.
    """
    future = in_thread(action)
    try:
        yield
    finally:
        if end is not None:
            end()
        future.result(LIMIT_S)
