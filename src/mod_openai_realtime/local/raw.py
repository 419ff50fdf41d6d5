"""The far end of a stream in raw mode: pcm16 in binary messages, both ways, and no session."""

import asyncio

from .behaviour import Behaviour
from .clock import Clock
from .connection import Connection
from .formats import PCM
from .recording import Message
from .sounds import ToneSound


class RawBackend:
    """Echoes what it hears, or sends a tone, or only listens; texts are recorded and not answered."""

    def __init__(self, connection: Connection, behaviour: Behaviour, clock: Clock) -> None:
        self._connection = connection
        self._behaviour = behaviour
        self._clock = clock
        self._toning: asyncio.Task[None] | None = None

    def open(self) -> None:
        if self._behaviour.stream_tone:
            self._toning = asyncio.create_task(self._stream(ToneSound(self._behaviour.stream_tone, PCM)))

    async def close(self) -> None:
        if self._toning:
            self._toning.cancel()
            await asyncio.gather(self._toning, return_exceptions=True)

    async def handle(self, message: Message) -> None:
        if self._behaviour.echo and message.binary:
            self._connection.send_raw(message.binary, audio=True)

    async def _stream(self, tone: ToneSound) -> None:
        pacing = self._behaviour.pacing
        speed = pacing.speed if tone.duration_ms is not None else 1.0
        begun, position = self._clock.now(), 0
        while tone.duration_ms is None or position < tone.duration_ms:
            if speed:
                await self._clock.sleep_until(begun + max(0, position - pacing.ahead_ms) / 1000 / speed)
            await self._connection.drained()
            self._connection.send_raw(tone.piece(position, pacing.delta_ms), audio=True)
            position += pacing.delta_ms
