import threading

import pytest
from websockets.sync.client import connect

from mod_openai_realtime.local.behaviour import Behaviour
from mod_openai_realtime.local.thread import LocalEndpointThread


def test_code_without_a_loop_can_watch_and_steer_the_endpoint() -> None:
    with LocalEndpointThread(vad=False) as endpoint, connect(endpoint.url) as client:
        assert "session.created" in str(client.recv())
        client.send('{"type":"input_audio_buffer.clear"}')
        endpoint.wait_for(lambda server: server.connections[0].received_events("input_audio_buffer.clear"))
        assert "input_audio_buffer.cleared" in str(client.recv())
        endpoint.call(lambda server: server.live(0).send_raw("hello"))
        assert client.recv() == "hello"
        (record,) = endpoint.snapshot()
        client.send('{"type":"input_audio_buffer.clear"}')
        endpoint.wait_for(lambda server: server.connections[0].received_messages == 2)
        assert len(record.received) == 1


def test_behaviour_can_be_changed_for_connections_to_come() -> None:
    def refuse(server: object) -> None:
        server.behaviour = Behaviour(refuse_status=403)  # type: ignore[attr-defined]

    with LocalEndpointThread(vad=False) as endpoint:
        endpoint.call(refuse)
        with pytest.raises(Exception, match="403"):
            connect(endpoint.url)


def test_waiting_in_vain_ends() -> None:
    with LocalEndpointThread(vad=False) as endpoint, pytest.raises(TimeoutError):
        endpoint.wait_for(lambda server: server.connections, timeout_s=0.01)


def test_no_thread_is_left_after_the_stop() -> None:
    endpoint = LocalEndpointThread(vad=False)
    endpoint.start()
    endpoint.stop()
    endpoint.stop()
    assert "local-endpoint" not in [thread.name for thread in threading.enumerate()]


def test_a_start_that_fails_says_why() -> None:
    with LocalEndpointThread(vad=False) as endpoint, pytest.raises(OSError):
        LocalEndpointThread(port=endpoint.port, vad=False).start()
