"""One WebSocket connection: the queue of what goes out, the reading of what comes in, and the ways to spoil both."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pybase64
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from .behaviour import Behaviour, Ending
from .dialects.mimic import Mimic
from .disguise import disguised
from .ids import new_id
from .recording import ConnectionRecord, Message, Recorder

log = logging.getLogger(__name__)

# With this many messages waiting, whoever sends much has to wait (`drained`).
_MANY = 32
TOO_MANY = 10_000  # wait for the client: nothing more is read from it
_BYTES_PER_MS = 48
# An append in its plainest form, whose audio can be told without parsing the rest.
_APPEND = re.compile(r'\{"type": ?"input_audio_buffer\.append", ?"audio": ?"([A-Za-z0-9+/]*)"\}')
_AUDIO_IN = ("input_audio_buffer.append", "session.input_audio_buffer.append")
_AUDIO_OUT = ("response.output_audio.delta", "session.output_audio.delta")
_COUNTED_CHARACTERS = 2**20  # what may be too long is left to the session's checks


@dataclass(frozen=True)
class _Outgoing:
    payload: str | bytes
    event: dict[str, Any] | None
    audio: bytes


Handler = Callable[[Message], Awaitable[None]]
AudioShortcut = Callable[[str, int], Awaitable[None]]
"""Of the base64 of an append, and how many bytes that is."""


class Connection:
    """An Outlet. Test code may call the methods of an open connection too, from the loop's thread.

    `received_ms` and `sent_ms` count audio of any format by the bytes of pcm16 at 24 kHz, unless `bytes_per_ms` is
    set otherwise.
    """

    def __init__(
        self,
        websocket: ServerConnection,
        record: ConnectionRecord,
        recorder: Recorder,
        behaviour: Behaviour,
        mimic: Mimic | None = None,
    ) -> None:
        self.record = record
        self.behaviour = behaviour
        self.mimic = mimic or Mimic()
        self.mimic.tell = self.tell
        self._websocket = websocket
        self._recorder = recorder
        self._queue: deque[_Outgoing] = deque()
        self._queued = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._reading = asyncio.Event()
        self._reading.set()
        self._ending = behaviour.ending
        self._stall_after_ms = behaviour.stall_after_ms
        self.received_bytes_per_ms = self.sent_bytes_per_ms = _BYTES_PER_MS
        self._received_ms = self._sent_ms = 0.0
        self._sending = 0

    # Sending

    def emit(self, event: dict[str, Any]) -> None:
        shown = disguised({"event_id": new_id("event"), **event}, self.behaviour)
        if shown is not None:
            audio = b""
            if event["type"] in _AUDIO_OUT:
                audio = pybase64.b64decode(event["delta"])
            for each in self.mimic.outgoing(shown):
                self._put(_Outgoing(orjson.dumps(each).decode(), each, audio))

    def tell(self, event: dict[str, Any]) -> None:
        """An event that is not the session's but the server's own."""
        shown = {"event_id": new_id("event"), **event}
        self._put(_Outgoing(orjson.dumps(shown).decode(), shown, b""))

    def send_raw(self, payload: str | bytes, *, audio: bool = False) -> None:
        """A message just as given; `audio` says that the record should take a binary one for audio."""
        self._put(_Outgoing(payload, None, payload if audio and isinstance(payload, bytes) else b""))

    async def drained(self) -> None:
        await self._drained.wait()

    def _put(self, message: _Outgoing) -> None:
        self._queue.append(message)
        self._queued.set()
        if len(self._queue) >= _MANY:
            self._drained.clear()

    # Spoiling

    def stall(self) -> None:
        """Reads no further message, until `resume`."""
        self._reading.clear()

    def resume(self) -> None:
        self._stall_after_ms = None
        self._reading.set()

    def drop(self) -> None:
        """Ends TCP without a close frame."""
        self._ending = None
        self._websocket.transport.abort()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Sends a close frame, and waits for the client's."""
        self._ending = None
        await self._websocket.close(code, reason)

    def end_after_queue(self, code: int, reason: str) -> None:
        """Closes once everything emitted so far has been sent."""
        sent = self.record.sent_messages + len(self._queue) + self._sending
        self._ending = Ending(code, reason, after_sent_events=sent)

    def ignore_pings(self) -> None:
        """Answers no ping any more."""
        protocol = self._websocket.protocol
        send = protocol.send_frame

        def send_all_but_pongs(frame: Frame) -> None:
            if frame.opcode is not Opcode.PONG:
                send(frame)

        # The library answers pings by itself and has no option against it.
        protocol.send_frame = send_all_but_pongs  # type: ignore[method-assign]

    # Running

    async def run(self, handle: Handler, shortcut: AudioShortcut | None = None) -> None:
        """Sends and reads, until the connection has ended on one side or the other.

        With `shortcut`, appended audio may be told there, and not be handled.
        """
        if not self.behaviour.answer_pings:
            self.ignore_pings()
        writing = asyncio.create_task(self._write())
        try:
            await self._end_if_due()
            await self._read(handle, shortcut)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _read(self, handle: Handler, shortcut: AudioShortcut | None) -> None:
        closing = asyncio.create_task(self._websocket.wait_closed())
        try:
            while True:
                if self._stall_after_ms is not None and self._received_ms >= self._stall_after_ms:
                    self.stall()
                if not self._reading.is_set():
                    await self._wait_stalled(closing)
                if len(self._queue) > TOO_MANY:
                    await self.drained()
                payload = await self._websocket.recv()
                append = None
                if shortcut and isinstance(payload, str) and len(payload) < _COUNTED_CHARACTERS:
                    append = _APPEND.fullmatch(payload)
                if shortcut and append and len(append[1]) % 4 == 0:
                    audio_bytes = len(append[1]) // 4 * 3
                    self._recorder.counted(self.record, audio_bytes)
                    await shortcut(append[1], audio_bytes)
                else:
                    message = self._read_message(payload)
                    audio_bytes = len(message.audio)
                    self._recorder.received(self.record, message)
                    await handle(message)
                self._received_ms += audio_bytes / self.received_bytes_per_ms
                if self._ending is not None:
                    await self._end_if_due()
        except ConnectionClosed:
            return
        finally:
            closing.cancel()

    async def _wait_stalled(self, closing: asyncio.Task[None]) -> None:
        resumed = asyncio.create_task(self._reading.wait())
        await asyncio.wait((resumed, closing), return_when=asyncio.FIRST_COMPLETED)
        resumed.cancel()

    def _read_message(self, payload: str | bytes) -> Message:
        at = self._recorder.now()
        if isinstance(payload, bytes):
            return Message(at, binary=payload, audio=payload if self.behaviour.raw else b"")
        event, audio = None, b""
        try:
            parsed = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return Message(at, text=payload)
        if isinstance(parsed, dict):
            event = parsed
            if event.get("type") in _AUDIO_IN and isinstance(event.get("audio"), str):
                try:
                    audio = pybase64.b64decode(event["audio"], validate=True)
                except ValueError:
                    audio = b""  # the session refuses it
        return Message(at, text=payload, event=event, audio=audio)

    async def _write(self) -> None:
        try:
            while True:
                while not self._queue:
                    self._queued.clear()
                    await self._queued.wait()
                message = self._queue.popleft()
                if len(self._queue) < _MANY // 2:
                    self._drained.set()
                text = message.payload if isinstance(message.payload, str) else None
                binary = message.payload if isinstance(message.payload, bytes) else None
                at = self._recorder.now()
                self._sending = 1
                await self._websocket.send(message.payload)
                self._sending = 0
                self._sent_ms += len(message.audio) / self.sent_bytes_per_ms
                self._recorder.sent(self.record, Message(at, text, binary, message.event, message.audio))
                await self._end_if_due()
        except ConnectionClosed:
            # What waits for an emptier queue must not wait for ever.
            self._drained.set()

    async def _end_if_due(self) -> None:
        ending: Ending | None = self._ending
        record = self.record
        if ending is None or not ending.is_due(
            record.sent_messages, record.received_messages, self._sent_ms, self._received_ms
        ):
            return
        log.info("connection %d: ending as scripted, code %s", record.index, ending.code)
        if ending.code is None:
            self.drop()
        else:
            await self.close(ending.code, ending.reason)
