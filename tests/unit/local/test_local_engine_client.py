"""The engine's own client, which uses another WebSocket library, against the endpoint."""

import asyncio
import base64
import json
from typing import Any

import pytest

from mod_openai_realtime.local.behaviour import Behaviour, Ending, Pacing, first
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.realtime.endpoint import Endpoint, EndpointSettings


class Listener:
    """Keeps what it is told."""

    take_audio = None

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def on_connected(self) -> None:
        self.told.put_nowait(("connected", None))

    def on_text(self, payload: bytes) -> None:
        self.told.put_nowait(("text", json.loads(bytes(payload))))

    def on_binary(self, payload: bytes) -> None:
        self.told.put_nowait(("binary", bytes(payload)))

    def on_disconnected(self, code: int, reason: str) -> None:
        self.told.put_nowait(("disconnected", code))

    def on_connect_failed(self, retries: int, error: str, wait_ms: float, http_status: int, body: str) -> None:
        self.told.put_nowait(("failed", http_status))

    def on_dropped(self, why: str) -> None:
        self.told.put_nowait(("dropped", why))

    def on_ended(self) -> None:
        self.told.put_nowait(("ended", None))

    async def until(self, kind: str, event_type: str | None = None) -> Any:
        while True:
            found, value = await self.told.get()
            if found == kind and (event_type is None or value["type"] == event_type):
                return value


@pytest.mark.parametrize("deflate", [True, False])
async def test_audio_goes_both_ways(deflate: bool) -> None:
    audio = bytes(range(256)) * 20
    burst = Behaviour(pacing=Pacing(speed=None))
    async with LocalEndpoint(vad=False, agent=[{"tone_hz": 400, "ms": 5000}], behaviour=burst) as server:
        listener = Listener()
        client = Endpoint(EndpointSettings(server.url, deflate=deflate), listener)
        client.start()
        await listener.until("text", "session.created")
        append = {"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}
        client.send_text(json.dumps(append).encode())
        client.send_text(b'{"type":"response.create"}')
        received = b""
        while True:
            event = await listener.until("text")
            if event["type"] == "response.output_audio.delta":
                received += base64.b64decode(event["delta"])
            elif event["type"] == "response.done":
                break
        assert received == server.connections[0].sent_audio()
        assert server.connections[0].received_audio() == audio
        assert server.connections[0].deflate is deflate
        client.stop()
        await listener.until("ended")


async def test_a_drop_is_told_and_the_next_connection_is_good() -> None:
    refused = Behaviour(refuse_status=503)

    def behaviour(index: int) -> Behaviour:
        dropped = Behaviour(ending=Ending(after_sent_events=1))
        return dropped if index == 0 else first(2, refused)(index)

    async with LocalEndpoint(vad=False, behaviour=behaviour) as server:
        listener = Listener()
        client = Endpoint(EndpointSettings(server.url), listener)
        client.start()
        assert await listener.until("disconnected") == 1006
        assert await listener.until("failed") == 503
        await listener.until("text", "session.created")
        assert [each.status for each in server.handshakes] == [101, 503, 101]
        client.stop()
        await listener.until("ended")
