"""A client that asks and does not read."""

import asyncio
from typing import Any

from mod_openai_realtime.local.behaviour import GOOD
from mod_openai_realtime.local.connection import TOO_MANY, Connection
from mod_openai_realtime.local.recording import ConnectionRecord, Message, Recorder


class Deaf:
    """Its socket: always something to read, and nothing goes out."""

    def __init__(self) -> None:
        self.read = 0

    async def recv(self) -> str:
        self.read += 1
        return "{}"

    async def send(self, _payload: str) -> None:
        await asyncio.Event().wait()

    async def wait_closed(self) -> None:
        await asyncio.Event().wait()


async def test_no_more_is_read_from_a_client_than_can_be_answered() -> None:
    socket: Any = Deaf()
    connection = Connection(socket, ConnectionRecord(0, "/", {}), Recorder(keep="counts"), GOOD)

    async def answer(_message: Message) -> None:
        connection.send_raw("x" * 10)

    running = asyncio.create_task(connection.run(answer))
    for _ in range(10):
        await asyncio.sleep(0)
    assert TOO_MANY < socket.read <= TOO_MANY + 2
    running.cancel()
    await asyncio.wait([running])
