"""What went over each connection, for tests to look at."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Keep = Literal["all", "events", "counts"]
"""Which messages are kept: all, all but those with audio, or none."""


@dataclass(frozen=True)
class Message:
    """One message; `at` is seconds of time.monotonic. `audio` is what it carried, decoded from its base64."""

    at: float
    text: str | None = None
    binary: bytes | None = None
    event: dict[str, Any] | None = None
    audio: bytes = b""

    @property
    def type(self) -> str | None:
        """The event's type, None for what is not an event."""
        kind = self.event.get("type") if self.event else None
        return kind if isinstance(kind, str) else None


@dataclass(frozen=True)
class Handshake:
    """One request for a connection, and the status that it was answered with (0: not at all)."""

    at: float
    path: str
    headers: dict[str, str]
    status: int


@dataclass
class ConnectionRecord:
    """One connection. Header names are in lower case; `path` includes the query.

    All messages are counted; which are kept too is the endpoint's option `keep`.
    """

    index: int
    path: str
    headers: dict[str, str]
    tls: bool = False
    deflate: bool = False
    """Whether per-message deflate was agreed."""
    received: list[Message] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    received_messages: int = 0
    received_audio_bytes: int = 0
    sent_messages: int = 0
    sent_audio_bytes: int = 0
    closed: bool = False
    close_code: int | None = None
    """What the client's close frame said; 1006 if there was none."""
    close_reason: str = ""

    def received_audio(self) -> bytes:
        return b"".join(message.audio for message in self.received)

    def sent_audio(self) -> bytes:
        return b"".join(message.audio for message in self.sent)

    def received_events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The client's events, all or of one type."""
        return _events(self.received, kind)

    def sent_events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The server's events, all or of one type."""
        return _events(self.sent, kind)

    def snapshot(self) -> "ConnectionRecord":
        """A copy that changes no more, for other threads."""
        values = {**vars(self), "received": list(self.received), "sent": list(self.sent)}
        return ConnectionRecord(**values)


def _events(messages: Iterable[Message], kind: str | None) -> list[dict[str, Any]]:
    return [each.event for each in messages if each.event is not None and kind in (None, each.type)]


class Recorder:
    """All connections, and whoever waits for something to happen on them."""

    def __init__(self, *, keep: Keep = "all", now: Callable[[], float] = time.monotonic) -> None:
        self._keep = keep
        self.now = now
        self.connections: list[ConnectionRecord] = []
        self.handshakes: list[Handshake] = []
        self._waiters: set[asyncio.Future[None]] = set()

    def changed(self) -> None:
        """Wakes those who wait, to look again."""
        for waiter in self._waiters:  # most of the time, nobody
            if not waiter.done():
                waiter.set_result(None)

    def received(self, record: ConnectionRecord, message: Message) -> None:
        record.received_messages += 1
        record.received_audio_bytes += len(message.audio)
        if self._keeps(message):
            record.received.append(message)
        self.changed()

    def counted(self, record: ConnectionRecord, audio_bytes: int) -> None:
        """As `received`, for a message that is not kept."""
        record.received_messages += 1
        record.received_audio_bytes += audio_bytes
        self.changed()

    def sent(self, record: ConnectionRecord, message: Message) -> None:
        record.sent_messages += 1
        record.sent_audio_bytes += len(message.audio)
        if self._keeps(message):
            record.sent.append(message)
        self.changed()

    def _keeps(self, message: Message) -> bool:
        return self._keep == "all" or (self._keep == "events" and not message.audio)

    async def wait_for(self, condition: Callable[[], object], timeout_s: float) -> None:
        """Returns once the condition holds; it is looked at after each change. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiters.add(waiter)
                try:
                    await waiter
                finally:
                    self._waiters.discard(waiter)
