"""A part of a benchmark in a process of its own, so that its CPU time is told apart."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self


class Child:
    """Runs `run(*args, owner)` in a fresh process until `owner`, the pipe's other end, is closed; a context manager."""

    def __init__(self, run: Callable[..., None], *args: object) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection: Connection
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=run, args=(*args, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        self.join()
        self.kill()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def join(self) -> None:
        """Wait until it ends by itself, but not for ever."""
        self._process.join(10)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def finish(self) -> Any:
        """What a child that ends when it is told so says last."""
        self.tell(None)
        said = self.hear()
        self.join()
        return said

    def tell(self, message: object) -> None:
        self.connection.send(message)

    def hear(self) -> Any:
        """What the child sends next; waits for it."""
        return self.connection.recv()
