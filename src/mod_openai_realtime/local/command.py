"""`openai-realtime local`: the endpoint for a developer's own calls."""

import asyncio
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from .behaviour import GOOD, Behaviours
from .faults import behaviours, parsed
from .model_source import for_each_call, source_of
from .parts import require
from .script import Script, transcripts_from_file
from .server import LocalEndpoint
from .transcribers import transcriber_of
from .voice import HibariVoice, hibari

_BACKLOG = 1024


class CannotServeError(Exception):
    """The endpoint can't serve as it was told to; the text says why, and what to do."""


@dataclass(frozen=True)
class LocalOptions:
    """What the command line says; the same in each worker."""

    host: str = "127.0.0.1"
    port: int = 8765
    tls_cert: Path | None = None
    tls_key: Path | None = None
    """None: the key is in the file of the certificate."""
    api_key: str | None = field(default=None, repr=False)
    agent_file: Path | str | None = None
    """A script's, or FILE.py:NAME."""
    transcripts: Path | None = None
    transcriber: str | None = None
    llm: str | None = None
    llm_model: str | None = None
    llm_key: str | None = field(default=None, repr=False)
    faults: tuple[str, ...] = ()
    latency_ms: tuple[int, int] = (0, 0)
    dialect: str = "openai"
    """The server that it plays."""
    vad: bool = True


Counter = Callable[[], int]
"""How many connections there were before, in all workers."""


def endpoint_of(
    options: LocalOptions,
    sockets: Sequence[socket.socket],
    *,
    secrets: Path | None = None,
    counter: Counter | None = None,
) -> LocalEndpoint:
    """Raises MissingPartsError, ScriptError, LoadError, TranscriberError, FaultError, CannotServeError, OSError."""
    require("hibari", "its voice")
    # It tells of each connection what this package does, and less.
    logging.getLogger("websockets.server").setLevel(logging.WARNING)
    context = _tls(options.tls_cert, options.tls_key) if options.tls_cert is not None else None
    source = source_of(options.agent_file, options.llm, options.llm_model, options.llm_key)
    transcripts = transcripts_from_file(options.transcripts) if options.transcripts else ()
    endpoint = LocalEndpoint(
        options.host,
        options.port,
        ssl=context,
        api_key=options.api_key,
        agent_for=for_each_call(source, transcripts),
        behaviour=_behaviour(options, counter),
        transcriber=transcriber_of(options.transcriber) if options.transcriber else None,
        dialect=options.dialect,
        vad=options.vad,
        keep="counts",
        sockets=sockets,
        secrets=secrets,
    )
    warm(hibari(), source.texts if isinstance(source, Script) else [])
    return endpoint


def warm(voice: HibariVoice, texts: list[str]) -> None:
    """So that not even the first call waits for it; a call's own rate may be 8 kHz."""
    voice.warm(texts, (24000, 8000))


def _behaviour(options: LocalOptions, counter: Counter | None) -> Behaviours:
    faults = [parsed(each) for each in options.faults]
    usual = GOOD.with_latency(*options.latency_ms)
    made = behaviours(faults, usual)
    if counter is None or not callable(made):
        return made
    return lambda _index: made(counter())


def bound(host: str, port: int) -> list[socket.socket]:
    """Listening sockets, one for each address of the host. Raises CannotServeError."""
    made: list[socket.socket] = []
    try:
        for family, _, _, _, address in socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            # The port that the first was given, where any will do.
            number = made[0].getsockname()[1] if made and not port else address[1]
            where = (address[0], number, *address[2:])
            made.append(socket.create_server(where, family=family, backlog=_BACKLOG))
    except (OSError, UnicodeError) as error:
        for each in made:
            each.close()
        raise CannotServeError(_not_listening(host, port, error)) from None
    return made


def warn_of_others(sockets: Iterable[socket.socket], api_key: str | None) -> None:
    """In the log, where other machines may reach it, and no key is asked of them."""
    if api_key is None and not all(ip_address(each.getsockname()[0]).is_loopback for each in sockets):
        logging.getLogger(__name__).warning("whoever reaches this machine may use it: --api-key-file keeps others out")


async def serve(endpoint: LocalEndpoint, ready: Callable[[], object], stop: asyncio.Event | None = None) -> None:
    """Until SIGINT or SIGTERM, or `stop`."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        async with endpoint:
            ready()
            await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def run_local(
    host: str = "127.0.0.1", port: int = 8765, *, echo: Callable[[str], object] = print, **more: Any
) -> None:
    """Serves until SIGINT or SIGTERM; what happens is logged, where it listens is told to `echo`.

    `more` as LocalOptions has it. Raises as `endpoint_of`.
    """
    options = LocalOptions(host, port, **more)
    sockets = bound(options.host, options.port)
    warn_of_others(sockets, options.api_key)
    try:
        endpoint = endpoint_of(options, sockets)
        await serve(endpoint, lambda: echo(f"The local Realtime endpoint listens on {endpoint.url}"))
    finally:
        for each in sockets:
            each.close()


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
