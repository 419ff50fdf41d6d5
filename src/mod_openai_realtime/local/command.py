"""`openai-realtime local`: the endpoint for a developer's own calls."""

import asyncio
import signal
import ssl
from collections.abc import Callable
from pathlib import Path

from .agent import Script
from .parts import require
from .server import LocalEndpoint


async def run_local(
    host: str = "127.0.0.1",
    port: int = 8765,
    *,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    api_key: str | None = None,
    agent_file: Path | None = None,
    vad: bool = True,
    echo: Callable[[str], object] = print,
) -> None:
    """Serves until SIGINT or SIGTERM; what happens is logged, where it listens is told to `echo`.

    `tls_key` None: the key is in the file of the certificate. Raises MissingPartsError, ScriptError, OSError (of which
    ssl.SSLError is one).
    """
    require("hibari", "its voice")
    context = None
    if tls_cert is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls_cert, tls_key)
    script = Script.from_file(agent_file) if agent_file else None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with LocalEndpoint(
            host, port, ssl=context, api_key=api_key, agent=script, vad=vad, keep="counts"
        ) as endpoint:
            echo(f"The local Realtime endpoint listens on {endpoint.url}")
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
