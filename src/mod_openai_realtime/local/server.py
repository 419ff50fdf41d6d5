"""The local endpoint: a WebSocket server with a session for each connection."""

import asyncio
import contextlib
import logging
import socket
import ssl as tls
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from weakref import WeakKeyDictionary, WeakSet

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from .accept_reports import AcceptReports
from .agent import Source, new_model, texts_of
from .behaviour import GOOD, Behaviour, Behaviours
from .client_secrets import PATH as SECRETS_PATH
from .client_secrets import ClientSecrets
from .clock import Clock, LoopClock
from .connection import AudioShortcut, Connection
from .dialects import MIMICS
from .dialects.mimic import Mimic
from .errors import RequestError
from .handshake import PATH, Shut, Wish, answer, answer_json, chosen, key_refusal, refusal
from .ids import new_id
from .posting import Client, Posted
from .raw import RawBackend
from .recording import ConnectionRecord, Handshake, Keep, Message, Recorder
from .session import Services, Session, Transcriber
from .settings import DEFAULT_MODEL, SessionSettings
from .speech_batch import SpeechBatch
from .vad import SileroModel, SpeechModel, silero
from .voice import Voice, hibari

log = logging.getLogger(__name__)

# 15 MiB of audio as base64, and the event around it.
_MESSAGE_LIMIT_BYTES = 21 * 1024 * 1024
_BACKLOG = 1024
_ACCEPTED_AT_ONCE = 1
_ACCEPT_TURNS = 3  # of asyncio: the transport, connection_made(), the handler
_CLOSE_TIMEOUT_S = 1.0
_EXPIRED_CLOSED = 1001


class LocalEndpoint:
    """Listens while it is entered (`async with`), or between `start` and `stop`.

    `agent` is a `Script` or its JSON, a function from `Context` to a `Turn`, a text, or pieces of both, or a `Model`;
    none: the default script. `agent_for` gives each connection one of its own, from what its handshake said.
    `vad`: True for the real detector, False for none (audio is only counted), or a model of one's own.
    `keep` says which messages are kept for tests to look at; all are counted.
    `sockets` are listened on instead of host and port, and may be shared with other processes; these know each other's
    client secrets where `secrets` names the same folder for all.
    `dialect` is the name of the server that it plays.
    `api_key` None accepts all clients. `behaviour` counts for connections to come, and may be set at any time.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        ssl: tls.SSLContext | None = None,
        api_key: str | None = None,
        agent: Source = None,
        agent_for: Callable[[ConnectionRecord], Source] | None = None,
        behaviour: Behaviours = GOOD,
        vad: bool | SpeechModel = True,
        voice: Voice | None = None,
        transcriber: Transcriber | None = None,
        clock: Clock | None = None,
        keep: Keep = "all",
        session_limit_s: float = 3600.0,
        sockets: Sequence[socket.socket] = (),
        secrets: Path | None = None,
        dialect: str = Mimic.name,
    ) -> None:
        # A script that is not one should fail here, not at the first call.
        self._texts = texts_of(agent) if agent_for is None else []
        self.behaviour = behaviour
        self._dialect = MIMICS[dialect]
        self._host = host
        self._port = port
        self._ssl = ssl
        self._api_key = api_key
        self._agent_for = agent_for or (lambda record: agent)
        self._vad = vad
        self._voice = voice
        self._transcriber = transcriber
        self._clock = clock or LoopClock()
        self._session_limit_s = session_limit_s
        self._sockets = sockets
        self._secrets = ClientSecrets(secrets, session_limit_s=session_limit_s)
        self._keep = keep
        self._recorder = Recorder(keep=keep)
        self._open: dict[int, Connection] = {}
        self._clients: WeakSet[ServerConnection] = WeakSet()
        self._admitted: WeakKeyDictionary[ServerConnection, tuple[Behaviour, dict[str, str]]] = WeakKeyDictionary()
        self._servers: list[Server] = []
        self._services: Services | None = None
        self._stopping = asyncio.Event()

    @property
    def port(self) -> int:
        """The port listened on. Raises RuntimeError before the start."""
        if not self._servers:
            raise RuntimeError("the endpoint is not listening")
        sockets = self._servers[0].sockets
        return int(next(iter(sockets)).getsockname()[1]) if sockets else self._port

    @property
    def base_url(self) -> str:
        """Up to `/v1`: what the SDKs call the base URL of the WebSocket."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'wss' if self._ssl else 'ws'}://{host}:{self.port}/v1"

    @property
    def url(self) -> str:
        return f"{self.base_url.removesuffix('/v1')}{self._dialect.paths[0]}{self._dialect.example}"

    @property
    def connections(self) -> list[ConnectionRecord]:
        """All connections that there were, in order of their handshakes."""
        return self._recorder.connections

    @property
    def handshakes(self) -> list[Handshake]:
        """All requests that there were, the refused ones too."""
        return self._recorder.handshakes

    def live(self, index: int) -> Connection:
        """An open connection by its record's index, to do something to it. Raises KeyError."""
        return self._open[index]

    async def wait_for(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Returns once the condition holds; it is looked at after each message and change. Raises TimeoutError."""
        await self._recorder.wait_for(condition, timeout_s)

    async def start(self) -> None:
        """Raises OSError if it can't listen, MissingPartsError if the detector is not installed."""
        AcceptReports.install(asyncio.get_running_loop())
        model = silero() if self._vad is True else (self._vad or None)
        batch = SpeechBatch(model) if isinstance(model, SileroModel) else None
        self._services = Services(self._voice or hibari(), model, self._transcriber, self._clock, batch)
        if not self._sockets:
            self._servers = [await self._listen(host=self._host, port=self._port)]
        for each in self._sockets:
            # Several loops accept from one socket: one connection at a time, so that none takes what it can't serve.
            self._servers.append(await self._listen(sock=each, backlog=_ACCEPTED_AT_ONCE))
            each.listen(_BACKLOG)
        self._port = self.port
        if model is not None and self._voice is None:
            hibari().warm(self._texts)
        log.info("listening on %s", self.url)

    async def _listen(self, **where: Any) -> Server:
        return await serve(
            self._serve,
            **where,
            ssl=self._ssl,
            process_request=self._admit,
            # A wrapper will do, whatever its type says.
            create_connection=cast(type[ServerConnection], self._new_client),
            select_subprotocol=lambda websocket, offered: cast(Subprotocol | None, chosen(offered)),
            compression="deflate",
            open_timeout=None,
            ping_interval=None,
            close_timeout=_CLOSE_TIMEOUT_S,
            max_size=_MESSAGE_LIMIT_BYTES,
        )

    async def stop(self) -> None:
        """Closes all connections with 1001; those whose client doesn't answer are dropped."""
        self._stopping.set()
        hibari().warm_no_more()
        for connection in self._open.values():
            connection.resume()
        await self._accept_no_more()
        for client in self._clients:
            # One that has not asked for anything would be waited for without end.
            if client.request is None and hasattr(client, "transport"):
                client.transport.abort()
        for server in self._servers:
            server.close(code=1001, reason="the endpoint stops")
        for server in self._servers:
            await server.wait_closed()

    async def _accept_no_more(self) -> None:
        """A connection that was just accepted must find its server open: asyncio would lose it before Python 3.12."""
        loop = asyncio.get_running_loop()
        for server in self._servers:
            for listener in server.sockets:
                loop.remove_reader(listener.fileno())
        for _ in range(_ACCEPT_TURNS):
            await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _new_client(self, *arguments: Any, **options: Any) -> ServerConnection:
        client = Client(*arguments, **options)
        self._clients.add(client)
        return client

    async def _admit(self, websocket: ServerConnection, request: Request) -> Response | None:
        posted = websocket.posted if isinstance(websocket, Client) else None
        if posted is not None:
            return self._answer_posted(posted)
        behaviour = self.behaviour
        if not isinstance(behaviour, Behaviour):
            behaviour = behaviour(len(self.handshakes))
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        if self._dialect is Mimic or behaviour.raw or behaviour.refuse_status is not None:
            refused = refusal(request.path, request.headers, behaviour, self._api_key, self._secrets)
        else:
            refused = self._dialect().refusal(request.path, request.headers, self._api_key, self._secrets)
        status = refused.status_code if refused else 101
        if behaviour.hang_handshake:
            status = 0
        self._record_handshake(request.path, headers, status)
        if behaviour.hang_handshake:
            await self._stopping.wait()
            return websocket.respond(503, "")
        if refused:
            return refused
        if not behaviour.deflate:
            # The library agrees to what is asked for; so it is not asked.
            with contextlib.suppress(KeyError):
                del request.headers["Sec-WebSocket-Extensions"]
        self._admitted[websocket] = behaviour, headers
        return None

    def _answer_posted(self, posted: Posted) -> Response:
        path, headers = posted.path.partition("?")[0].rstrip("/"), Headers(posted.headers)
        response = key_refusal(headers, self._api_key, None)
        if response is None and path != SECRETS_PATH:
            response = answer(404, "not_found", f"Here is {PATH}, a WebSocket, and POST {SECRETS_PATH}, and no more.")
        if response is None and posted.method != "POST":
            response = answer(405, "method_not_supported", "Only POST is.", (("Allow", "POST"),))
        if response is None:
            response = answer_json(*self._secrets.answer(posted.body))
        self._record_handshake(posted.path, posted.headers, response.status_code)
        return response

    def _record_handshake(self, path: str, headers: dict[str, str], status: int) -> None:
        if status not in (0, 101, 200):
            log.info("refused a client: %d", status)
        self.handshakes.append(Handshake(self._recorder.now(), path, headers, status))
        self._recorder.changed()

    async def _serve(self, websocket: ServerConnection) -> None:
        behaviour, headers = self._admitted.pop(websocket)
        request = websocket.request
        assert request is not None
        record = ConnectionRecord(
            index=len(self.connections),
            path=request.path,
            headers=headers,
            tls=self._ssl is not None,
            deflate=bool(websocket.protocol.extensions),
        )
        mimic = self._dialect()
        connection = Connection(websocket, record, self._recorder, mimic.behaviour(behaviour), mimic)
        self.connections.append(record)
        self._open[record.index] = connection
        log.info("connection %d: open, %s", record.index, request.path.partition("?")[0])
        try:
            await self._converse(connection, websocket)
        finally:
            del self._open[record.index]
            await websocket.close()
            record.close_code = websocket.close_code
            record.close_reason = websocket.close_reason or ""
            record.closed = True
            log.info("connection %d: closed, %s", record.index, record.close_code)
            self._recorder.changed()

    async def _converse(self, connection: Connection, websocket: ServerConnection) -> None:
        assert self._services is not None and websocket.request is not None
        behaviour = connection.behaviour
        if behaviour.raw:
            backend = RawBackend(connection, behaviour, self._clock)
            await self._run(connection, backend.open, backend.handle, backend.close)
            return
        path, mimic = websocket.request.path, connection.mimic
        own = mimic.own_session(connection, path)
        if own is not None:
            await self._run(connection, own.open, own.handle, own.close)
            return
        wanted = mimic.wish(path, websocket.request.headers, self._secrets)
        session = self._new_session(wanted, connection)
        settings = session.settings

        async def handle(message: Message) -> None:
            if message.event is None:
                session.refuse(RequestError("invalid_event", "A message must be a text of one JSON object."))
                return
            await session.handle(message.event)
            for_input, for_output = settings.input_format, settings.output_format
            connection.received_bytes_per_ms = for_input.rate * for_input.sample_bytes // 1000
            connection.sent_bytes_per_ms = for_output.rate * for_output.sample_bytes // 1000

        if isinstance(wanted, Shut):
            session.refuse(wanted.error)
            connection.end_after_queue(wanted.close_code, wanted.close_reason)
            await connection.run(handle)
            return
        expiring = asyncio.create_task(self._expire(connection, session))
        try:
            await self._run(connection, session.begin, handle, session.close, self._shortcut(session, behaviour))
        finally:
            expiring.cancel()

    def _new_session(self, wanted: Wish | Shut, connection: Connection) -> Session:
        assert self._services is not None
        if isinstance(wanted, Shut):
            wanted = Wish(DEFAULT_MODEL)
        expires_at = int(time.time() + self._limit_s(connection.behaviour))
        settings = SessionSettings(new_id("sess"), wanted.model, expires_at, transcribing=wanted.transcribing)
        if wanted.session is not None:
            settings.update(dict(wanted.session), voice_is_fixed=False)
        settings.begin(connection.mimic.begins_with())
        model = new_model(self._agent_for(connection.record))
        return Session(settings, self._services, model, connection, connection.behaviour, connection.mimic)

    async def _run(
        self,
        connection: Connection,
        begin: Callable[[], None],
        handle: Callable[[Message], Any],
        end: Callable[[], Any],
        shortcut: AudioShortcut | None = None,
    ) -> None:
        begin()
        for payload in connection.behaviour.send_on_open:
            connection.send_raw(payload)
        try:
            await connection.run(handle, shortcut)
        finally:
            await end()

    def _shortcut(self, session: Session, behaviour: Behaviour) -> AudioShortcut | None:
        """Where audio goes that is neither echoed nor kept, so that many sessions cost little."""
        assert self._services is not None
        if behaviour.echo or self._keep != "counts" or self._dialect is not Mimic:
            return None
        return session.count_audio if self._services.model is None else session.take_audio

    def _limit_s(self, behaviour: Behaviour) -> float:
        return self._session_limit_s if behaviour.session_limit_s is None else behaviour.session_limit_s

    async def _expire(self, connection: Connection, session: Session) -> None:
        limit_s = self._limit_s(connection.behaviour)
        await self._clock.sleep_until(self._clock.now() + limit_s)
        limit = f"{limit_s / 60:.0f} minutes" if limit_s >= 60 else f"{limit_s:.0f} seconds"
        session.refuse(RequestError("session_expired", f"Your session hit the maximum duration of {limit}."))
        connection.end_after_queue(_EXPIRED_CLOSED, "maximum duration")
