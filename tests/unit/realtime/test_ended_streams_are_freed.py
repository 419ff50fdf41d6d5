"""Whatever ended a stream, it is freed at once, with its connection and its key: no collection has to come first."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import trustme
from link.channel_of_test import channel_of_test, real_endpoint
from link.switch import LinkSwitch
from transports import all_accepted, all_closed
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from mod_openai_realtime.engine.figures import Figures
from mod_openai_realtime.engine.worker import Streams
from mod_openai_realtime.switch.channel import Channel

from .conftest import closed_port

KEY = "sk-freed-with-the-stream"
KINDS = {
    *("Stream", "Dialogue", "AgentAudio", "EventSocketPilot", "Playback", "Outgoing"),
    *("Attachment", "Endpoint", "EndpointSettings", "Attempt", "WebSocket"),
    *("WSProtocol", "WSTransport", "SSLTransport"),
}


class Server:
    """Greets, keeps its connections, and answers as it is told to."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.refuses = False
        self.messages: list[str] = []
        self.answered = asyncio.Event()

    async def handle(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        for message in self.messages:
            await connection.send(message)
        await connection.wait_closed()

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.answered.set()
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no") if self.refuses else None


class Bench:
    def __init__(self, switch: LinkSwitch, server: Server, channel: Channel, url: str) -> None:
        self.switch, self.server, self.channel, self.url = switch, server, channel, url

    async def start(self, **variables: str) -> None:
        self.switch.variables |= variables
        assert await self.switch.api(f"start {self.url} mono 8k 8k") == "+OK Success"

    async def over(self) -> None:
        await self.switch.event("summary")
        await all_closed_for_the_engine(self.server)


async def all_closed_for_the_engine(server: Server) -> None:
    for connection in server.connections:
        await connection.wait_closed()
    for _ in range(10):
        await asyncio.sleep(0)


def left() -> Counter[str]:
    """What the test has made of streams and connections and is still there, by type; the far end's have other names."""
    return Counter(name for each in gc.get_objects() if (name := type(each).__name__) in KINDS)


@pytest.fixture(params=["ws", "wss"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path, authority: trustme.CA) -> AsyncIterator[Bench]:
    server = Server()
    tls = None
    if request.param == "wss":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with serve(server.handle, "127.0.0.1", 0, ssl=tls, process_request=server.answer) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        ca = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(ca))
        variables = {"STREAM_OPENAI_API_KEY": KEY, "STREAM_TLS_CA_FILE": str(ca)}
        of_switch = {"temp_dir": str(tmp_path), "variables": variables}
        with channel_of_test(real_endpoint, Streams(Figures()), of_switch) as (channel, switch):
            yield Bench(switch, server, channel, f"{request.param}://127.0.0.1:{port}/")
        await all_accepted()
    await all_closed()


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """No collection comes meanwhile, and what others have left does not count."""
    gc.disable()
    gc.freeze()
    yield
    gc.unfreeze()
    gc.enable()


async def test_stopped(bench: Bench) -> None:
    await bench.start()
    await bench.switch.event("connect")
    assert left()["Stream"] == 1
    assert await bench.switch.api("stop") == "+OK Success"
    await bench.over()
    assert not left()


async def test_hung_up(bench: Bench) -> None:
    await bench.start()
    await bench.switch.event("connect")
    bench.switch.hang_up()
    await bench.over()
    assert not left()


async def test_disconnected_for_good(bench: Bench) -> None:
    await bench.start(STREAM_NO_RECONNECT="true")
    await bench.switch.event("connect")
    await bench.server.connections[0].close(1011, "over")
    await bench.switch.event("disconnect")
    for stream in bench.channel.services.streams.poller.ready():  # type: ignore[attr-defined]
        stream.tick()
    del stream
    await bench.over()
    assert not left()


async def test_stopped_after_a_reconnect(bench: Bench) -> None:
    await bench.start()
    await bench.switch.event("connect")
    bench.server.connections[0].transport.abort()
    await bench.switch.event("connect", 2)
    kept = left()
    assert kept["WebSocket"] == 1
    assert await bench.switch.api("stop") == "+OK Success"
    await bench.over()
    assert not left()


async def test_refused_and_stopped_while_it_waits(bench: Bench) -> None:
    bench.server.refuses = True
    await bench.start()
    await bench.switch.event("error", 2)
    assert await bench.switch.api("stop") == "+OK Success"
    await bench.over()
    assert not left()


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _answer_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"no HTTP at all\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("answer", [_refuse, _answer_garbage, None])
async def test_never_connected(bench: Bench, answer: Any) -> None:
    port = closed_port()
    listening = await asyncio.start_server(answer, "127.0.0.1", port) if answer is not None else None
    bench.url = f"{bench.url.partition(':')[0]}://127.0.0.1:{port}/"
    await bench.start()
    await bench.switch.event("error", 2)
    assert await bench.switch.api("stop") == "+OK Success"
    if listening is not None:
        await all_accepted()
        listening.close()
    await bench.over()
    assert not left()


async def test_stopped_while_it_connects(bench: Bench) -> None:
    await bench.start()
    assert await bench.switch.api("stop") == "+OK Success"
    await bench.over()
    assert not left()


async def test_ended_for_what_the_server_does(bench: Bench) -> None:
    bench.server.messages = ['{"type":"response.created","response":{"id":"%s"}}' % ("x" * 1000)]
    await bench.start()
    await bench.switch.event("error", 3)
    assert await bench.switch.api("stop") == "+OK Success"
    await bench.over()
    assert not left()


async def test_the_link_was_lost(bench: Bench) -> None:
    await bench.start()
    await bench.switch.event("connect")
    bench.channel.on_link_lost()
    await bench.over()
    assert not left()
