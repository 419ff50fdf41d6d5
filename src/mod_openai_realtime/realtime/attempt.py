"""One attempt to open a WebSocket: name look-up, TCP, TLS and handshake.

Of the library's own way to connect only the handshake's answer is not for us: it refuses much that RFC 6455 allows. So
its protocol is set up here as it does itself, behind one that reads the answer (handshake.py).
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, cast

import aiofastnet
from picows import WSAutoPingStrategy, WSHandshakeError
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in its stub
from picows.url import WSParsedURL, parse_url

from .. import __version__
from .deflate import OFFER, Agreement, InvalidExtensionError, negotiate
from .dial import dial
from .failures import ConnectError, from_exception, from_status
from .handshake import Answer
from .masking import seed_masks
from .resolver import Resolver
from .settings import EndpointSettings
from .share import READ_BYTES
from .websocket import FRAME_ALLOWANCE, LINGER_S, WebSocket, WebSocketOwner

USER_AGENT = f"mod_openai_realtime/{__version__}"

_TLS_BUFFER_BYTES = 16 * 1024 + 512  # A record; the library's default is half a megabyte a connection.
_LONGEST_PONG_WAIT_S = 10
_READ_BUFFER_BYTES = 16 * 1024  # To begin with; the library's own default.
_BODY_WAIT_S = 1.0  # For the body of a refusal, which is only for the log.

_log = logging.getLogger(__name__)

# Not in the logging tree's own register, and far above debug: there the library prints the handshake with its key.
_library_log = logging.Logger("picows", logging.CRITICAL)


# With each read: looked up once, which super() would do each time.
_get_buffer = WSProtocol.get_buffer


class _Protocol(WSProtocol):  # type: ignore[misc]  # not in its stub
    """It reads what there is into a buffer that grows as long as it is filled, and says why a connection was lost."""

    __slots__ = ()

    def get_buffer(self, size_hint: int) -> memoryview:
        return _get_buffer(self, size_hint)[:READ_BYTES]  # type: ignore[no-any-return]

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(self.listener, WebSocket):
            self.listener.lost_by = exc  # the library keeps it from us
        super().connection_lost(exc)


class Attempt:
    """It ends in the owner's `websocket_opened` or `websocket_failed`, unless abandoned."""

    def __init__(
        self, owner: WebSocketOwner, settings: EndpointSettings, tls: ssl.SSLContext | None, resolver: Resolver
    ) -> None:
        """`tls` is the context for wss://, None for ws://."""
        self._owner = owner
        self._settings = settings
        self._tls = tls
        self._resolver = resolver
        self._socket: socket.socket | None = None
        self._agreement: Agreement | None = None
        self._opened = False
        self._abandoned = False
        loop = asyncio.get_running_loop()
        if tls is not None:
            _ReportFilter.install(loop)
        self._task: asyncio.Task[None] | None = loop.create_task(self._run())

    def abandon(self) -> None:
        """End the attempt at once; the owner hears nothing more of it."""
        self._abandoned = True
        if self._task is not None:
            self._task.cancel()
            self._task = None  # what it was cancelled with knows this attempt
        self._hang_up()

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await self._connect()
        except Exception as error:
            self._fail(_failure(error))
            # The future that it came from keeps it, and its trace would keep that future, and the key with it.
            error.__traceback__ = None

    async def _connect(self) -> None:
        url = parse_url(self._settings.uri)
        seed_masks()
        self._socket = await dial(url.host, url.port, self._resolver)
        protocol = self._protocol(url)
        opening = _Opening(protocol, self._agree)
        await aiofastnet.create_connection(
            asyncio.get_running_loop(), lambda: opening, sock=self._socket, **self._tls_options(url.host)
        )
        await opening.answered
        await protocol.wait_until_handshake_complete()
        if protocol.listener is None:
            raise ConnectError("Connection closed during the handshake")

    def _protocol(self, url: WSParsedURL) -> WSProtocol:
        settings = self._settings
        headers = [*settings.headers]
        if not any(name.lower() == "user-agent" for name, _ in headers):
            headers.append(("User-Agent", USER_AGENT))
        if settings.deflate:
            headers.append(("Sec-WebSocket-Extensions", OFFER))
        ping_after_s = settings.heart_beat_s
        # In the order of its parameters: they have no names for a caller.
        return _Protocol(
            url.netloc,
            _resource(settings.uri),
            True,  # the client's side
            self._make_websocket,
            _library_log,
            False,  # no disconnect on an exception of the listener's
            None,  # no timeout of its own for the handshake
            ping_after_s is not None,
            ping_after_s or 1,
            min(ping_after_s or 1, _LONGEST_PONG_WAIT_S),
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,  # pings are answered by WebSocket
            FRAME_ALLOWANCE * settings.max_message_bytes,
            headers,
            _READ_BUFFER_BYTES,
        )

    def _tls_options(self, host: str) -> dict[str, Any]:
        if self._tls is None:
            return {}
        return {
            "ssl": self._tls,
            "server_hostname": host,
            # Never reached: but without it the transport of an attempt that was given up would be kept for a minute.
            "ssl_handshake_timeout": self._settings.connect_timeout_s + LINGER_S,
            "ssl_shutdown_timeout": LINGER_S,
            "ssl_incoming_bio_size": _TLS_BUFFER_BYTES,
            "ssl_outgoing_bio_size": _TLS_BUFFER_BYTES,
        }

    def _agree(self, extensions: list[str]) -> None:
        """Raises InvalidExtensionError."""
        self._agreement = negotiate(extensions, offered=self._settings.deflate)

    def _make_websocket(self, _request: Any, _response: Any) -> WebSocket:
        self._opened = True
        return WebSocket(self._owner, self._settings.max_message_bytes, self._agreement)

    def _fail(self, error: ConnectError) -> None:
        # A connection that opened in the very tick of the timeout tells its owner of its end by itself.
        self._hang_up()
        if not self._opened and not self._abandoned:
            self._owner.websocket_failed(error)

    def _hang_up(self) -> None:
        """Shut the socket down, so that its transport ends by itself: that one may not be there yet."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                _log.debug("Connection attempt was already over")


class _Opening(asyncio.BufferedProtocol):
    """Stands before the library's protocol until the server has agreed; from then on nothing lies in between.

    It reads as little at once as that one does: what comes behind an agreement is handed on in one go.
    """

    def __init__(self, inner: WSProtocol, agree: Callable[[list[str]], None]) -> None:
        """`agree` gets the extensions that the server has chosen, and may raise."""
        self._inner = inner
        self._agree = agree
        self._answer = Answer()
        self._buffer = bytearray(READ_BYTES)
        self._transport: asyncio.Transport | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the library has the answer. Raises what `agree` raises, or ConnectError."""
        self.answered.add_done_callback(_seen)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._inner.connection_made(transport)  # sends the request

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.answered.done():
            return
        answer = self._answer
        try:
            answer.feed(bytes(self._buffer[:nbytes]))
            if answer.agreement is not None:
                self._agree(answer.extensions)
                self._hand_over(answer.agreement)
                self.answered.set_result(None)
            elif answer.over:
                self._refused()
            elif answer.refused and self._body_timer is None:
                self._body_timer = asyncio.get_running_loop().call_later(_BODY_WAIT_S, self._refused)
        except (ConnectError, InvalidExtensionError) as error:
            self.answered.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)
        if self._answer.refused:
            self._refused()
        elif not self.answered.done():
            self.answered.set_exception(ConnectError("Connection closed during the handshake"))

    def _refused(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
        if not self.answered.done():
            self.answered.set_exception(self._answer.refusal())

    def _hand_over(self, agreement: bytes) -> None:
        assert self._transport is not None
        self._transport.set_protocol(self._inner)
        rest = memoryview(agreement)
        while rest:
            room = self._inner.get_buffer(-1)
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            self._inner.buffer_updated(size)
            rest = rest[size:]


def _resource(uri: str) -> str:
    """What is asked for: path and query as they stand. The library drops parameters (`;`) and a query that is empty."""
    after = uri.partition("://")[2]
    authority = min((after.find(mark) for mark in "/?" if mark in after), default=len(after))
    return after[authority:] if after[authority:].startswith("/") else "/" + after[authority:]


def _failure(error: Exception) -> ConnectError:
    if isinstance(error, WSHandshakeError):
        return from_status(101, detail=str(error).partition(":")[0])
    if isinstance(error, InvalidExtensionError):
        return from_status(101, detail=str(error))
    return from_exception(error)


def _seen(answered: asyncio.Future[None]) -> None:
    """An attempt that was abandoned meanwhile does not ask."""
    if not answered.cancelled():
        answered.exception()


class _ReportFilter:
    """A loop's exception handler in front of the one that it has.

    The TLS layer reports a peer that hangs up during the handshake with an exception class where handlers expect an
    instance, and they fail over it. The attempt tells of the failure anyway.
    """

    def __init__(self, inner: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None) -> None:
        self._inner = inner

    @classmethod
    def install(cls, loop: asyncio.AbstractEventLoop) -> None:
        handler = loop.get_exception_handler()
        if not isinstance(handler, cls):
            loop.set_exception_handler(cls(handler))

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(context.get("exception"), type):
            _log.debug("TLS handshake broken off")
        elif self._inner is not None:
            self._inner(loop, context)
        else:
            loop.default_exception_handler(context)
