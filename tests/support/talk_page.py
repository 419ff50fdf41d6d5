"""A page to talk to the shop: its server as in production, and, in place of a browser, what its page would send."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from mod_openai_realtime.agent.testing.exchange import Exchange
from mod_openai_realtime.local.recording import ConnectionRecord
from mod_openai_realtime.local.scripted_model import ScriptedModel
from mod_openai_realtime.talk.door import Door
from mod_openai_realtime.talk.house import House

FRAME_BYTES = 2 * 960  # 20 ms at 48 kHz


class Talk:
    """The shop's page, and the model of its next call."""

    def __init__(self, exchange: Exchange, door: Door, house: House, model: ScriptedModel) -> None:
        self.door = door
        self.house = house
        self.model = model
        self._endpoint = exchange.endpoint

    @property
    def session(self) -> ConnectionRecord:
        """The newest, as the endpoint knows it."""
        return self._endpoint.snapshot()[-1]

    @property
    def call_url(self) -> str:
        return self.door.url.replace("http:", "ws:") + "call?rate=48000"

    async def all_hung_up(self) -> None:
        """Returns once no call is left, and no session."""
        async with asyncio.timeout(20):
            while self.house.calls:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
        await asyncio.to_thread(self._endpoint.wait_for, lambda endpoint: all(map(_is_closed, endpoint.connections)))

    @contextlib.asynccontextmanager
    async def called(self, **options: Any) -> AsyncIterator[Caller]:
        """Without a browser: what its page would send and gets."""
        async with connect(self.call_url, origin=self.door.origins[0], **options) as socket:
            yield Caller(socket)


def _is_closed(session: ConnectionRecord) -> bool:
    return session.closed


class Caller:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.entries: dict[str, dict[str, Any]] = {}
        self.audio = bytearray()
        self.told: list[dict[str, Any]] = []

    async def until(self, condition: Callable[[], object]) -> None:
        """Takes what comes. Raises ConnectionClosed where it ends before."""
        while not condition():
            message = await self.socket.recv()
            if isinstance(message, bytes):
                self.audio += message
                continue
            told = json.loads(message)
            self.told.append(told)
            if told["type"] == "entry":
                self.entries[told["id"]] = told

    async def send(self, kind: str, **fields: str) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def speaks(self, pcm: bytes) -> None:
        """At 48 kHz, in real time, as a microphone does; then silence."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for index, start in enumerate(range(0, len(pcm) + 2 * 48000, FRAME_BYTES)):
            await asyncio.sleep(began + index * 0.02 - loop.time())
            await self.socket.send(pcm[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"))

    def entry(self, who: str) -> dict[str, Any] | None:
        """The newest."""
        return next((each for each in reversed(self.entries.values()) if each["who"] == who), None)

    def heard(self, words: str) -> bool:
        """To its end."""
        return any((each.get("text"), each.get("state")) == (words, "done") for each in self.entries.values())

    @property
    def end(self) -> dict[str, Any] | None:
        return next((each for each in self.told if each["type"] == "ended"), None)
