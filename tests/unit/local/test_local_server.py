import asyncio
import base64
import contextlib
import gc
import json
import socket
import ssl
from typing import Any

import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mod_openai_realtime.local import hostile
from mod_openai_realtime.local.behaviour import Behaviour, Ending, Pacing, first
from mod_openai_realtime.local.recording import ConnectionRecord
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.local.sounds import Tone

APPEND_100_MS = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(4800)).decode()})
CREATE = json.dumps({"type": "response.create"})


def endpoint(**options: Any) -> LocalEndpoint:
    return LocalEndpoint(vad=False, agent=[{"tone_hz": 400, "ms": 600}], **options)


async def next_event(client: ClientConnection, kind: str | None = None) -> dict[str, Any]:
    """The next event, or the next of this type."""
    async for message in client:
        event: dict[str, Any] = json.loads(message)
        if kind in (None, event["type"]):
            return event
    raise AssertionError(f"the connection ended before {kind}")


async def all_texts(client: ClientConnection) -> list[Any]:
    texts = []
    try:
        async for message in client:
            texts.append(message)
    except ConnectionClosed:
        pass
    return texts


async def test_the_model_of_the_query_is_the_session_s() -> None:
    async with endpoint() as server, connect(f"{server.base_url}/realtime?model=other&x=1") as client:
        assert (await next_event(client, "session.created"))["session"]["model"] == "other"
        assert server.connections[0].path == "/v1/realtime?model=other&x=1"


async def test_the_key_is_asked_for() -> None:
    async with endpoint(api_key="secret") as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}):
            with pytest.raises(InvalidStatus) as caught:
                await connect(server.url, additional_headers=headers)
            assert caught.value.response.status_code == 401
        for headers in ({"Authorization": "Bearer secret"}, {"api-key": "secret"}):
            async with connect(server.url, additional_headers=headers) as client:
                await next_event(client, "session.created")
        assert [each.status for each in server.handshakes] == [401, 401, 401, 101, 101]


async def test_another_path_is_not_found() -> None:
    async with endpoint() as server:
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.base_url + "/elsewhere")
        assert caught.value.response.status_code == 404


async def test_it_speaks_tls() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with endpoint(ssl=context) as server, connect(server.url, ssl=trusting) as client:
        await next_event(client, "session.created")
        assert server.url.startswith("wss://")
        assert server.connections[0].tls


@pytest.mark.parametrize("deflate", [True, False])
async def test_deflate_is_agreed_to_or_not(deflate: bool) -> None:
    async with endpoint(behaviour=Behaviour(deflate=deflate)) as server, connect(server.url) as client:
        await next_event(client, "session.created")
        assert bool(client.protocol.extensions) is deflate
        assert server.connections[0].deflate is deflate


async def test_the_beta_interface_is_shut() -> None:
    async with endpoint() as server:
        async with connect(server.url, additional_headers={"OpenAI-Beta": "realtime=v1"}) as client:
            assert (await next_event(client))["error"]["code"] == "beta_api_shape_disabled"
            with pytest.raises(ConnectionClosed):
                await client.recv()
        assert client.close_code == 4000


async def test_what_goes_over_a_connection_is_recorded() -> None:
    async with endpoint(behaviour=Behaviour(pacing=Pacing(speed=None))) as server:
        async with connect(server.url, additional_headers={"X-Test": "1"}) as client:
            await client.send('{"type":"response.create",  "event_id":"12345"}')
            await client.send(APPEND_100_MS)
            await next_event(client, "response.done")
            await client.close(1000, "bye")
        await server.wait_for(lambda: server.connections[0].closed)
        record = server.connections[0]
        assert record.headers["x-test"] == "1"
        assert record.received[0].text == '{"type":"response.create",  "event_id":"12345"}'
        assert record.received_audio() == bytes(4800)
        assert len(record.sent_audio()) == 600 * 48
        assert record.sent_events()[0]["type"] == "session.created"
        assert (record.close_code, record.close_reason) == (1000, "bye")


@pytest.mark.parametrize("keep", ["events", "counts"])
async def test_audio_may_only_be_counted(keep: Any) -> None:
    async with endpoint(keep=keep) as server, connect(server.url) as client:
        await client.send(CREATE)
        await client.send(APPEND_100_MS)
        await next_event(client, "response.done")
        record = server.connections[0]
        assert (record.received_audio(), record.received_audio_bytes) == (b"", 4800)
        await server.wait_for(lambda: record.sent_audio_bytes == 600 * 48)
        assert bool(record.sent_events("response.created")) is (keep == "events")


async def test_audio_that_is_only_counted_can_be_committed_and_bad_audio_is_refused() -> None:
    async with endpoint(keep="counts") as server, connect(server.url) as client:
        await client.send(APPEND_100_MS)
        await client.send('{"type":"input_audio_buffer.commit"}')
        await next_event(client, "input_audio_buffer.committed")
        for bad in ("AAA", "A*AA", "AA=A"):
            await client.send(json.dumps({"type": "input_audio_buffer.append", "audio": bad}))
            assert (await next_event(client, "error"))["error"]["param"] == "audio"
        assert server.connections[0].received_audio_bytes == 4800


async def test_a_message_that_is_no_event_is_an_error_and_the_session_goes_on() -> None:
    async with endpoint() as server, connect(server.url) as client:
        for message in ("{", "[]", b"\x00\x01", "1", hostile.nested(5000)):
            await client.send(message)
            assert (await next_event(client, "error"))["error"]["type"] == "invalid_request_error"
        await client.send('{"type":"session.update","session":{"type":"realtime"}}')
        await next_event(client, "session.updated")


async def test_an_append_of_15_mib_is_taken_and_a_larger_one_refused() -> None:
    async with endpoint(keep="counts") as server, connect(server.url, max_size=None, compression=None) as client:
        for size, kind in ((15 * 2**20, "input_audio_buffer.committed"), (15 * 2**20 + 9, "error")):
            audio = base64.b64encode(bytes(size)).decode()
            await client.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            if kind != "error":
                await client.send('{"type":"input_audio_buffer.commit"}')
            await next_event(client, kind)


async def test_a_session_ends_at_its_limit() -> None:
    async with endpoint(session_limit_s=0.0) as server, connect(server.url) as client:
        assert (await next_event(client, "error"))["error"]["code"] == "session_expired"
        assert await all_texts(client) == []
        assert (client.close_code, client.close_reason) == (1001, "maximum duration")


async def test_stop_closes_every_connection() -> None:
    server = endpoint(behaviour=Behaviour(stall_after_ms=0))
    await server.start()
    clients = [await connect(server.url) for _ in range(3)]
    await asyncio.gather(server.stop(), *map(all_texts, clients))
    assert [client.close_code for client in clients] == [1001] * 3
    assert all(record.closed for record in server.connections)


async def test_handshakes_are_refused_as_often_as_told() -> None:
    refuse = Behaviour(refuse_status=503, refuse_headers=(("Retry-After", "1"),))
    async with endpoint(behaviour=first(2, refuse)) as server:
        for _ in range(2):
            with pytest.raises(InvalidStatus) as caught:
                await connect(server.url)
            assert caught.value.response.status_code == 503
            assert caught.value.response.headers["Retry-After"] == "1"
        async with connect(server.url) as client:
            await next_event(client, "session.created")


async def test_a_handshake_can_be_left_without_an_answer() -> None:
    async with endpoint(behaviour=Behaviour(hang_handshake=True)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await server.wait_for(lambda: server.handshakes)
        assert server.handshakes[0].status == 0
        assert server.connections == []
        writer.close()
        await writer.wait_closed()
        assert not await reader.read()


@pytest.mark.parametrize(
    ("ending", "received_ms"),
    [
        (Ending(code=4321, reason="enough", after_received_ms=300), 300),
        (Ending(code=4321, reason="enough", after_received_events=2), 200),
    ],
)
async def test_a_connection_is_closed_after_so_much(ending: Ending, received_ms: int) -> None:
    async with endpoint(behaviour=Behaviour(ending=ending)) as server, connect(server.url) as client:
        for _ in range(received_ms // 100):
            await client.send(APPEND_100_MS)
        await all_texts(client)
        assert (client.close_code, client.close_reason) == (4321, "enough")


async def test_a_connection_is_dropped_in_mid_answer_without_a_close_frame() -> None:
    spoilt = Behaviour(ending=Ending(after_sent_ms=400), pacing=Pacing(100, None))
    async with endpoint(behaviour=first(1, spoilt)) as server, connect(server.url) as client:
        await client.send(CREATE)
        texts = await all_texts(client)
        assert client.close_code == 1006
        assert sum("response.output_audio.delta" in text for text in texts) == 4
        await server.wait_for(lambda: server.connections[0].closed)
        async with connect(server.url) as again:
            await next_event(again, "session.created")


async def test_hostile_messages_are_sent_as_they_are() -> None:
    messages = (hostile.GARBAGE, hostile.BINARY, hostile.oversized(9 * 2**20), hostile.nested(200), hostile.delta("%"))
    behaviour = Behaviour(send_on_open=messages)
    async with endpoint(behaviour=behaviour) as server, connect(server.url, max_size=None) as client:
        await next_event(client, "session.created")
        assert tuple([await client.recv() for _ in messages]) == messages
    assert len(hostile.oversized(9 * 2**20)) == 9 * 2**20
    assert json.loads(hostile.oversized(1000))["type"] == "response.output_text.delta"


async def test_a_stalled_connection_reads_nothing_until_it_is_resumed() -> None:
    async with endpoint(behaviour=Behaviour(stall_after_ms=200)) as server, connect(server.url) as client:
        for _ in range(5):
            await client.send(APPEND_100_MS)
        await client.send(CREATE)
        await server.wait_for(lambda: server.connections[0].received_messages == 2)
        server.live(0).resume()
        await next_event(client, "response.done")
        assert server.connections[0].received_messages == 6


async def test_pings_can_stay_unanswered() -> None:
    async with endpoint(behaviour=Behaviour(answer_pings=False)) as server, connect(server.url) as client:
        pong = await client.ping()
        await client.send(CREATE)
        await next_event(client, "response.done")  # sent after the ping, so a pong would be here by now
        assert not pong.done()
        pong.cancel()


async def test_old_names_take_the_place_of_the_new() -> None:
    behaviour = Behaviour(beta_names=True, pacing=Pacing(speed=None))
    async with endpoint(behaviour=behaviour) as server, connect(server.url) as client:
        await client.send(CREATE)
        await next_event(client, "response.audio.delta")
        await next_event(client, "response.audio.done")
        await next_event(client, "response.done")
        types = {event["type"] for event in server.connections[0].sent_events()}
        assert "conversation.item.created" in types
        assert not any("output_audio" in kind or kind == "conversation.item.done" for kind in types)
        assert len(server.connections[0].sent_audio()) == 600 * 48


async def test_ids_can_be_left_out() -> None:
    async with endpoint(behaviour=Behaviour(omit_ids=True)) as server, connect(server.url) as client:
        await client.send(CREATE)
        delta = await next_event(client, "response.output_audio.delta")
        assert not {"event_id", "response_id", "item_id"} & set(delta)
        assert "id" not in (await next_event(client, "response.done"))["response"]


async def test_test_code_can_send_and_close_on_an_open_connection() -> None:
    async with endpoint() as server, connect(server.url) as client:
        await server.wait_for(lambda: server.connections)
        server.live(0).send_raw("text of my own")
        await next_event(client, "session.created")
        assert await client.recv() == "text of my own"
        closing = asyncio.create_task(server.live(0).close(4000, "mine"))
        await all_texts(client)
        await closing
        assert client.close_code == 4000


async def test_raw_mode_echoes_binary_messages() -> None:
    async with (
        endpoint(behaviour=Behaviour(raw=True, echo=True)) as server,
        connect(server.base_url + "/any") as client,
    ):
        for message in (b"\x01\x02", b"\x03\x04"):
            await client.send(message)
            assert await client.recv() == message
        await client.send('{"a": 1}')
        record = server.connections[0]
        await server.wait_for(lambda: record.received_events() == [{"a": 1}])
        assert record.received_audio() == record.sent_audio() == b"\x01\x02\x03\x04"


async def test_raw_mode_streams_a_tone() -> None:
    behaviour = Behaviour(raw=True, stream_tone=Tone(400, 1000), pacing=Pacing(100, None))
    async with endpoint(behaviour=behaviour) as server, connect(server.url) as client:
        sizes = [len(await client.recv()) for _ in range(10)]
        assert sizes == [4800] * 10


async def test_waiting_for_what_does_not_happen_ends() -> None:
    async with endpoint() as server:
        with pytest.raises(TimeoutError):
            await server.wait_for(lambda: False, timeout_s=0.01)


async def test_sixty_sessions_at_once() -> None:
    async with endpoint(keep="counts", behaviour=Behaviour(stream_tone=Tone(400, 2000))) as server:

        async def call() -> int:
            async with connect(server.url, compression=None) as client:
                for _ in range(20):
                    await client.send(APPEND_100_MS)
                done = await next_event(client, "response.done")
                return int(done["response"]["usage"]["output_token_details"]["audio_tokens"])

        assert await asyncio.gather(*(call() for _ in range(60))) == [2000 // 50] * 60
        await server.wait_for(lambda: all(record.closed for record in server.connections))
        assert {record.received_audio_bytes for record in server.connections} == {20 * 4800}


async def test_a_client_that_was_accepted_just_now_is_let_go() -> None:
    server = endpoint()
    await server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"GET /realtime HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        client.sendall(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        await asyncio.sleep(0)  # the listener accepts it, and has not made a connection of it yet
        await server.stop()
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(100).startswith(b"HTTP/1.1 503 ")
    gc.collect()  # what was lost would be warned of


async def test_a_client_that_asks_for_nothing_does_not_hold_up_the_stop() -> None:
    server = endpoint()
    await server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        for _ in range(10):
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await server.stop()
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(100) == b""


async def test_a_session_may_end_early_and_be_announced_by_nothing() -> None:
    behaviour = Behaviour(announce_session=False, session_limit_s=0.0)
    async with endpoint(behaviour=behaviour) as server, connect(server.url) as client:
        error = (await next_event(client))["error"]
        assert error["code"] == "session_expired"
        assert error["message"] == "Your session hit the maximum duration of 0 seconds."
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (1001, "maximum duration")


async def test_each_connection_may_have_an_agent_of_its_own() -> None:
    def agent_for(record: ConnectionRecord) -> list[str]:
        return [record.headers["x-call"]]

    text = json.dumps({"type": "response.create", "response": {"output_modalities": ["text"]}})
    async with LocalEndpoint(vad=False, agent_for=agent_for) as server:
        for name in ("first", "second"):
            async with connect(server.url, additional_headers={"X-Call": name}) as client:
                await client.send(text)
                assert (await next_event(client, "response.output_text.done"))["text"] == name
