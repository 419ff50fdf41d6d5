"""The dialplan application on the stand-in's channels, under its real clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from contract.clocked import ClockedCall
from mod_openai_realtime.standin import StandIn

APPLICATION = "openai_audio_stream"


class Dialplan:
    """Runs the application on calls, each on a thread that is the session's meanwhile."""

    def __init__(self, switch: StandIn, pool: ThreadPoolExecutor) -> None:
        self._switch = switch
        self._pool = pool

    def call(self, state: str = "answered", variables: Mapping[str, str] | None = None) -> ClockedCall:
        call = self._switch.call(8000, state=state, variables=variables)
        call.set_sends(False)
        return ClockedCall(self._switch, call)

    def run(self, leg: ClockedCall, arguments: str) -> Future[None]:
        """Returns as it begins."""
        begins = threading.Event()

        def execute() -> None:
            begins.set()
            self._switch.execute_app(leg.call, APPLICATION, arguments)

        running = self._pool.submit(execute)
        begins.wait()
        return running

    def hang_up(self, leg: ClockedCall) -> Future[None]:
        """The caller does. The session ends once its thread is out of the application."""
        return self._pool.submit(leg.call.hangup)


@contextmanager
def running_dialplan(switch: StandIn) -> Iterator[Dialplan]:
    """What is left of its calls is hung up at the end."""
    with ThreadPoolExecutor(4) as pool:
        yield Dialplan(switch, pool)
        for call in switch._live_calls():
            call.hangup()


def result(leg: ClockedCall) -> tuple[str | None, str | None]:
    """How the application has ended, and why it failed."""
    return leg.call.variable(f"{APPLICATION}_result"), leg.call.variable(f"{APPLICATION}_reason")
