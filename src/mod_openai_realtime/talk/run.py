"""The parts of `openai-realtime talk` put together, from the start to Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine_process import EngineProcess
from ..standin import StandIn
from .door import Door
from .house import Dialled, House
from .server import listener, serving

if TYPE_CHECKING:
    from ..local.command import LocalOptions

AGENT = "agent"
"""The agent's name in the engine; there is only one."""
_LOOK_S = 0.5


class TalkError(Exception):
    """It can't be talked to, or no longer; the text says why."""


@dataclass(frozen=True, slots=True)
class TalkOptions:
    """What the command line says. `engine`: further options of the engine."""

    agent: str
    """FILE[:CLASS], as the engine has it."""
    dialled: Dialled
    engine: tuple[str, ...]
    port: int
    browser: bool
    local: LocalOptions | None = None
    """The local endpoint that the agent talks to, whatever it names itself."""


async def run_talk(options: TalkOptions, echo: Callable[[str], object]) -> None:
    """Until SIGINT, SIGTERM or SIGHUP. Raises TalkError, EngineStartError, StandInError, OSError, and what
    local.command.endpoint_of does."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        try:
            listening = stack.enter_context(contextlib.closing(listener(options.port)))
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise TalkError(f"cannot listen on 127.0.0.1, port {options.port}: {why}; give another --port") from None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="talk-")))  # short: a Unix socket's path
        engine = EngineProcess(folder / "engine.sock", None)
        engine_options: tuple[str, ...] = (f"--agent={AGENT}={options.agent}", *options.engine)
        if options.local is not None:
            from ..local.command import endpoint_of

            endpoint = await stack.enter_async_context(endpoint_of(options.local, ()))
            engine_options += ("--all-agents-at", endpoint.url)
        # Off the loop: the local endpoint, which is on it, has to say goodbye to the engine.
        stack.push_async_callback(asyncio.to_thread, engine.stop)
        engine.start(*engine_options)  # in the main thread: it dies with the one that starts it
        switch = StandIn(engine_socket=engine.socket, temp_dir=folder, recordings_dir=Path.cwd())
        stack.push_async_callback(asyncio.to_thread, switch.close)
        switch.run()
        door = Door(listening.getsockname()[1], Path(options.agent).name)
        await stack.enter_async_context(serving(listening, door, House(switch, options.dialled)))
        echo(f"Talk to the agent on {door.url}\nCtrl-C ends it.")
        if options.browser and _has_screen():
            await asyncio.to_thread(webbrowser.open, door.ticket_url)
        while not stop.is_set():
            if engine.pid is None:
                raise TalkError("the engine has ended")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_S)


def _has_screen() -> bool:
    """Without one there is no browser with a microphone, only such that take over the terminal."""
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
