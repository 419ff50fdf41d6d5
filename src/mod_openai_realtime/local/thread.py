"""The local endpoint in a thread of its own, for code without an event loop."""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from .recording import ConnectionRecord
from .server import LocalEndpoint

Result = TypeVar("Result")
_START_TIMEOUT_S = 60.0


class LocalEndpointThread:
    """Takes the arguments of LocalEndpoint. Listens while it is entered (`with`), or between `start` and `stop`.

    Functions given to `call` and `wait_for` run in the endpoint's thread and get the endpoint.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._arguments = arguments
        self._options = options
        self._thread = threading.Thread(target=self._run, name="local-endpoint", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._endpoint: LocalEndpoint | None = None
        self._stop: asyncio.Event | None = None
        self.url = ""
        self.base_url = ""
        self.port = 0

    def start(self) -> None:
        """Returns once it listens; raises what LocalEndpoint's start raises."""
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT_S):
            raise TimeoutError("the endpoint has not started")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Returns once all its connections and its thread have ended. May be called twice."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def call(self, function: Callable[[LocalEndpoint], Result], timeout_s: float = 10.0) -> Result:
        """What the function returns. Raises what it raises, or TimeoutError."""

        async def run() -> Result:
            return function(self._running())

        return asyncio.run_coroutine_threadsafe(run(), self._running_loop()).result(timeout_s)

    def wait_for(self, condition: Callable[[LocalEndpoint], object], timeout_s: float = 10.0) -> None:
        """Returns once the condition holds; raises TimeoutError."""
        endpoint = self._running()
        waiting = endpoint.wait_for(lambda: condition(endpoint), timeout_s)
        asyncio.run_coroutine_threadsafe(waiting, self._running_loop()).result()

    def snapshot(self) -> list[ConnectionRecord]:
        """All connections as they are now."""
        return self.call(lambda endpoint: [record.snapshot() for record in endpoint.connections])

    def _running(self) -> LocalEndpoint:
        if self._endpoint is None:
            raise RuntimeError("the endpoint is not running")
        return self._endpoint

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the endpoint is not running")
        return self._loop

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with LocalEndpoint(*self._arguments, **self._options) as endpoint:
            self._endpoint = endpoint
            self.url, self.base_url, self.port = endpoint.url, endpoint.base_url, endpoint.port
            self._ready.set()
            await self._stop.wait()
