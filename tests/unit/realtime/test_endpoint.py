"""Against a server that keeps to the rules."""

import asyncio
from http import HTTPStatus
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode, Frame, Opcode

from mod_openai_realtime.realtime.endpoint import Endpoint, EndpointSettings, HeaderError

from .conftest import Bench, Recorder, answer_handshake, closed_port


async def echo(connection: Any) -> None:
    async for message in connection:
        await connection.send(message)


@pytest.mark.parametrize("compression", ["deflate", None])
@pytest.mark.parametrize("deflate", [True, False])
async def test_messages_go_both_ways(bench: Bench, compression: str | None, deflate: bool) -> None:
    port = await bench.serve(echo, compression=compression)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", deflate=deflate)
    await recorder.until("connected")
    assert endpoint.connected
    messages = [
        b'{"type":"input_audio_buffer.append","audio":"' + b"QUJD" * size + b'"}' for size in (0, 3, 300, 40_000)
    ]
    for message in messages:
        assert endpoint.send_text(message)
        assert endpoint.send_binary(message[::-1])
    await recorder.until("binary", len(messages))
    assert recorder.named("text") == [("text", message) for message in messages]
    assert recorder.named("binary") == [("binary", message[::-1]) for message in messages]


@pytest.mark.parametrize("offered", [True, False])
async def test_compression_is_used_where_it_is_offered_and_agreed(bench: Bench, offered: bool) -> None:
    seen: list[list[str]] = []

    async def handler(connection: Any) -> None:
        seen.append([extension.name for extension in connection.protocol.extensions])
        await echo(connection)

    port = await bench.serve(handler)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", deflate=offered)
    await recorder.until("connected")
    assert seen == [["permessage-deflate"] if offered else []]


async def test_the_handshake_carries_the_headers_and_the_query(bench: Bench) -> None:
    requests: list[Any] = []

    async def handler(connection: Any) -> None:
        requests.append(connection.request)
        await echo(connection)

    port = await bench.serve(handler)
    headers = (("Authorization", "Bearer secret"), ("X-Tenant", "a b"))
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/v1/realtime?model=m", headers=headers)
    await recorder.until("connected")
    assert requests[0].path == "/v1/realtime?model=m"
    assert requests[0].headers["Authorization"] == "Bearer secret"
    assert requests[0].headers["X-Tenant"] == "a b"
    assert requests[0].headers["Host"] == f"127.0.0.1:{port}"


async def test_fragments_are_joined_around_a_ping(bench: Bench) -> None:
    async def handler(connection: Any) -> None:
        for frame in (
            Frame(Opcode.TEXT, b"one ", fin=False),
            Frame(Opcode.PING, b"?"),
            Frame(Opcode.CONT, b"", fin=False),
            Frame(Opcode.CONT, b"whole"),
        ):
            connection.protocol.send_frame(frame)
        connection.send_data()
        await echo(connection)

    port = await bench.serve(handler, compression=None)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    assert await recorder.until("text") == ("text", b"one whole")


async def test_stop_flushes_closes_and_ends_once(bench: Bench) -> None:
    received: list[Any] = []
    closed: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    async def handler(connection: Any) -> None:
        try:
            while True:
                received.append(await connection.recv())
        except ConnectionClosed as closing:
            assert closing.rcvd is not None
            closed.set_result((closing.rcvd.code, closing.rcvd.reason))

    port = await bench.serve(handler)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    await recorder.until("connected")
    for number in range(200):
        endpoint.send_text(b"%d" % number)
    endpoint.stop(1000, "bye")
    assert not endpoint.connected
    assert not endpoint.send_text(b"late")
    assert not endpoint.send_binary(b"late")
    endpoint.stop()
    await recorder.until("ended")
    assert await closed == (1000, "bye")
    assert received == [str(number) for number in range(200)]
    assert recorder.events == [("connected",), ("disconnected", 1000, "bye"), ("ended",)]


async def test_a_long_reason_is_cut_at_a_character(bench: Bench) -> None:
    port = await bench.serve(echo)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    await recorder.until("connected")
    endpoint.stop(4999, "ä" * 100)
    assert await recorder.until("disconnected") == ("disconnected", 4999, "ä" * 61)


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, "done"), (1001, "maximum duration"), (1011, ""), (4000, "beta shut")]
)
async def test_a_close_of_the_server_is_reported_and_the_endpoint_reconnects(
    bench: Bench, code: int, reason: str
) -> None:
    async def handler(connection: Any) -> None:
        await connection.close(code, reason)

    port = await bench.serve(handler)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    assert await recorder.until("disconnected", 3) == ("disconnected", code, reason)
    endpoint.stop()
    await recorder.until("ended")
    assert recorder.names[:4] == ["connected", "disconnected", "connected", "disconnected"]


async def test_without_reconnection_a_close_is_the_end(bench: Bench) -> None:
    async def handler(connection: Any) -> None:
        await connection.send("last words")

    port = await bench.serve(handler)
    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", reconnect=False)
    await recorder.until("ended")
    assert recorder.events == [
        ("connected",),
        ("text", b"last words"),
        ("disconnected", CloseCode.NORMAL_CLOSURE, ""),
        ("ended",),
    ]
    assert not endpoint.connected


async def test_without_reconnection_a_failed_attempt_is_the_end(bench: Bench) -> None:
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{closed_port()}/", reconnect=False)
    await recorder.until("ended")
    assert recorder.events == [("failed", 1, "Connection refused", 0.0, 0), ("ended",)]


async def test_failed_attempts_are_counted_and_never_end_the_stream(bench: Bench) -> None:
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{closed_port()}/")
    await recorder.until("failed", 6)
    assert [event[1] for event in recorder.events[:6]] == [1, 2, 3, 4, 5, 6]
    assert [event[3] for event in recorder.events[:6]] == [1.5, 3, 6, 6, 6, 6]


async def test_it_connects_as_soon_as_there_is_a_server(bench: Bench) -> None:
    refusals = 2

    def refuse(connection: Any, _request: Any) -> Any:
        nonlocal refusals
        refusals -= 1
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "no") if refusals >= 0 else None

    port = await bench.serve(echo, process_request=refuse)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/")
    await recorder.until("connected")
    assert [event[1:] for event in recorder.named("failed")] == [
        (1, "HTTP 503 Service Unavailable", 1.5, 503),
        (2, "HTTP 503 Service Unavailable", 3.0, 503),
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_fatal_answers_wait_longest_and_tell_no_secret(bench: Bench, status: int) -> None:
    def refuse(connection: Any, request: Any) -> Any:
        return connection.respond(HTTPStatus(status), f"bad {request.headers['Authorization']}")

    port = await bench.serve(echo, process_request=refuse)
    headers = (("Authorization", "Bearer secret"),)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/?key=hidden", headers=headers)
    event = await recorder.until("failed")
    assert event == ("failed", 1, f"HTTP {status} {HTTPStatus(status).phrase}", 8.0, status)


async def test_a_stop_from_within_a_callback_is_the_end(bench: Bench) -> None:
    class Stopper(Recorder):
        def on_disconnected(self, code: int, reason: str) -> None:
            super().on_disconnected(code, reason)
            endpoint.stop()

    async def handler(connection: Any) -> None:
        await connection.close(1001)

    port = await bench.serve(handler)
    recorder = Stopper()
    endpoint = Endpoint(EndpointSettings(f"ws://127.0.0.1:{port}/"), recorder)
    endpoint.start()
    await recorder.until("ended")
    assert recorder.names == ["connected", "disconnected", "ended"]


async def test_a_stop_before_the_start_and_while_waiting_ends_at_once(bench: Bench) -> None:
    recorder = Recorder()
    endpoint = Endpoint(EndpointSettings("ws://127.0.0.1:1/"), recorder)
    endpoint.stop()
    await asyncio.sleep(0)
    assert recorder.events == [("ended",)]
    with pytest.raises(RuntimeError):
        endpoint.start()

    endpoint, recorder = bench.endpoint(f"ws://127.0.0.1:{closed_port()}/")
    await recorder.until("failed")
    endpoint.stop()
    await asyncio.sleep(0)
    assert recorder.names == ["failed", "ended"]


async def test_a_lost_heart_beat_is_a_lost_connection(bench: Bench) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_handshake(reader, writer)
        await reader.read()

    port = await bench.raw_server(serve)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", heart_beat_s=1)
    assert await recorder.until("disconnected") == ("disconnected", 1006, "Ping timeout")
    await recorder.until("connected", 2)


async def test_an_answered_heart_beat_keeps_the_connection(bench: Bench) -> None:
    pings = 0

    class Counting:
        async def __call__(self, connection: Any) -> None:
            nonlocal pings
            receive = connection.protocol.recv_frame

            def recv_frame(frame: Frame) -> None:
                nonlocal pings
                pings += frame.opcode is Opcode.PING
                receive(frame)
                if pings == 2:
                    connection.protocol.send_text(b"two pings")
                    connection.send_data()

            connection.protocol.recv_frame = recv_frame
            await echo(connection)

    port = await bench.serve(Counting(), ping_interval=None)
    _, recorder = bench.endpoint(f"ws://127.0.0.1:{port}/", heart_beat_s=1)
    await recorder.until("text")
    assert recorder.events == [("connected",), ("text", b"two pings")]


@pytest.mark.parametrize(
    ("name", "value"),
    [("X", "$$\r\nY: b"), ("X", "$$\0"), ("X Y", "$$"), ("", "$$"), ("Upgrade", "$$"), ("Sec-WebSocket-Key", "$$")],
)
def test_headers_that_would_change_the_handshake_are_refused(name: str, value: str) -> None:
    with pytest.raises(HeaderError) as error:
        EndpointSettings("ws://h/", headers=((name, value),))
    assert "$$" not in str(error.value)


def test_settings_show_neither_key_nor_uri() -> None:
    settings = EndpointSettings("ws://host/?key=hidden", headers=(("Authorization", "Bearer secret"),))
    assert "Authorization" in repr(settings)
    assert "secret" not in repr(settings)
    assert "hidden" not in repr(settings)
