"""`openai-realtime local`: the endpoint for a developer's own calls."""

import asyncio
import os
import signal
import ssl
from collections.abc import Callable
from pathlib import Path

from .agent import Script
from .parts import require
from .server import LocalEndpoint


class CannotServeError(Exception):
    """The endpoint can't serve as it was told to; the text says why, and what to do."""


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

    `tls_key` None: the key is in the file of the certificate. Raises MissingPartsError, ScriptError, CannotServeError,
    and OSError where the script can't be read.
    """
    require("hibari", "its voice")
    context = _tls(tls_cert, tls_key) if tls_cert is not None else None
    script = Script.from_file(agent_file) if agent_file else None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    endpoint = LocalEndpoint(host, port, ssl=context, api_key=api_key, agent=script, vad=vad, keep="counts")
    try:
        try:
            await endpoint.start()
        except (OSError, UnicodeError) as error:
            raise CannotServeError(_not_listening(host, port, error)) from None
        try:
            echo(f"The local Realtime endpoint listens on {endpoint.url}")
            await stop.wait()
        finally:
            await endpoint.stop()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _not_listening(host: str, port: int, error: OSError | UnicodeError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number is not None and number > 0:
        return f"cannot listen on {host}, port {port}: {os.strerror(number)}; give another --port or --host"
    return f"cannot listen on {host}: no address of this machine has that name; give another --host"


def _tls(cert: Path, key: Path | None) -> ssl.SSLContext:
    """Raises CannotServeError."""
    named = f"the certificate {cert}" + (f" with the key {key}" if key else "")

    def passphrase() -> str:
        raise CannotServeError(f"cannot use {named}: the key is encrypted; `openssl pkey` makes one that is not")

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key, password=passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CannotServeError(f"cannot use {named}: the key is another certificate's; give its own") from None
        reason = "one of the two is not PEM" if key else "it is not PEM, or holds no key: give that, --tls-key"
        raise CannotServeError(f"cannot use {named}: {reason}") from None
    except OSError as error:
        raise CannotServeError(f"cannot use {named}: {error.strerror}") from None
    return context
