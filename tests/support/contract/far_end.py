"""The far end of a stream: records what comes, says what a test wants said, exactly."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Callable
from typing import Any, Self, TypeVar

import numpy as np
from audio.g711 import Pcm16

from mod_openai_realtime.local.behaviour import Behaviour, Behaviours
from mod_openai_realtime.local.recording import ConnectionRecord, Handshake, Message
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.local.thread import LocalEndpointThread

SILENT = Behaviour(raw=True)
"""Any path, no session, no answers: only what a test says."""

Records = list[ConnectionRecord]
Answer = TypeVar("Answer")


class FarEnd:
    """Listens while it is entered. Connections are counted from 0; -1 is the newest."""

    def __init__(
        self, *, behaviour: Behaviours = SILENT, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self._thread = LocalEndpointThread(host, ssl=tls, behaviour=behaviour, vad=False)
        self._host = host
        self._tls = tls is not None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.stop()

    @property
    def port(self) -> int:
        return self._thread.port

    @property
    def url(self) -> str:
        return f"{'wss' if self._tls else 'ws'}://{self._host}:{self.port}/stream"

    def behave(self, behaviour: Behaviours) -> None:
        """What connections to come will meet."""
        self._do(lambda endpoint: setattr(endpoint, "behaviour", behaviour))

    # Saying

    def send(self, *payloads: str | bytes, connection: int = -1) -> None:
        """Messages, just as they are."""

        def put(endpoint: LocalEndpoint) -> None:
            live = endpoint.live(self._index(endpoint, connection))
            for payload in payloads:
                live.send_raw(payload, audio=isinstance(payload, bytes))

        self._do(put)

    def say(self, kind: str, connection: int = -1, **fields: Any) -> None:
        """One event."""
        self.send(json.dumps({"type": kind, **fields}), connection=connection)

    def speak(
        self, samples: Pcm16, response: str | None = "r1", *, piece_ms: int = 0, rate: int = 8000, connection: int = -1
    ) -> None:
        """Audio deltas of a response: all of it in one, or in pieces of `piece_ms` at `rate`."""
        step = piece_ms * rate // 1000 or max(1, len(samples))
        pieces = [samples[at : at + step] for at in range(0, len(samples), step)]
        self.send(*(delta(piece.astype("<i2").tobytes(), response) for piece in pieces), connection=connection)

    def finish(self, response: str | None = "r1", connection: int = -1) -> None:
        """The end of a response's audio."""
        identity = {} if response is None else {"response_id": response}
        self.say("response.output_audio.done", connection, **identity)

    # Ending

    def drop(self, connection: int = -1) -> None:
        """Ends TCP without a close frame."""
        self._do(lambda endpoint: endpoint.live(self._index(endpoint, connection)).drop())

    def close(self, code: int = 1000, reason: str = "", connection: int = -1) -> None:
        """Sends a close frame; does not wait for the answer."""

        def begin(endpoint: LocalEndpoint) -> None:
            live = endpoint.live(self._index(endpoint, connection))
            self._closing = asyncio.ensure_future(live.close(code, reason))

        self._do(begin)

    # Looking

    @property
    def connections(self) -> Records:
        return self._thread.snapshot()

    @property
    def handshakes(self) -> list[Handshake]:
        return self._thread.call(lambda endpoint: list(endpoint.handshakes))

    def messages(self, connection: int = -1) -> list[Message]:
        return self.connections[connection].received

    def texts(self, connection: int = -1) -> list[str]:
        """What came as text and was no caller audio."""
        return [each.text for each in self.messages(connection) if each.text is not None and not each.audio]

    def audio(self, connection: int = -1) -> Pcm16:
        """The caller audio that came; of two channels interleaved."""
        records = self.connections
        return np.frombuffer(records[connection].received_audio() if records else b"", "<i2").astype(np.int16)

    def until(self, condition: Callable[[Records], object], timeout_s: float = 60.0) -> None:
        """Returns once the condition holds of the connections. Raises TimeoutError."""
        self._thread.wait_for(lambda endpoint: condition(endpoint.connections), timeout_s)

    def ask(self, question: Callable[[LocalEndpoint], Answer]) -> Answer:
        """Of the endpoint, in its thread."""
        return self._thread.call(question, 60.0)

    def until_handshakes(self, count: int, timeout_s: float = 60.0) -> None:
        self._thread.wait_for(lambda endpoint: len(endpoint.handshakes) >= count, timeout_s)

    def until_closed(self, connection: int = 0, timeout_s: float = 60.0) -> ConnectionRecord:
        self.until(lambda records: len(records) > connection and records[connection].closed, timeout_s)
        return self.connections[connection]

    def _do(self, function: Callable[[LocalEndpoint], object]) -> None:
        self._thread.call(function, 60.0)

    @staticmethod
    def _index(endpoint: LocalEndpoint, connection: int) -> int:
        return connection if connection >= 0 else len(endpoint.connections) + connection


def delta(pcm: bytes, response: str | None = "r1", kind: str = "response.output_audio.delta") -> str:
    """The event that carries this audio."""
    return delta_text(base64.b64encode(pcm).decode(), response, kind)


def delta_text(text: str, response: str | None = "r1", kind: str = "response.output_audio.delta") -> str:
    """An audio delta with any text for its audio."""
    identity = {} if response is None else {"response_id": response, "item_id": f"item_{response}"}
    return json.dumps({"type": kind, **identity, "delta": text})
