"""Messages between module and engine: an event of a kilobyte out, a command with a channel's facts in."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from mod_openai_realtime.switch.wire import Decoder, MessageType, encode


def test_encode_an_event(benchmark: BenchmarkFixture) -> None:
    fields: dict[str, str | bytes] = {"subclass": "json", "name": "default", "body": b"x" * 1024}
    assert len(benchmark(lambda: encode(MessageType.EVENT, stream=1, fields=fields))) > 1024


def test_decode_a_command(benchmark: BenchmarkFixture) -> None:
    fields: dict[str, str | bytes] = {
        "api": "openai",
        "arguments": "start wss://api.example.com/v1/realtime?model=some-model mono 24000 24000",
        "channel": "1",
        "state": "answered",
        "temp_dir": "/var/lib/freeswitch/temp",
        "recordings_dir": "/var/lib/freeswitch/recordings",
        "STREAM_OPENAI_API_KEY": "k" * 160,
        "STREAM_HEART_BEAT": "30",
        "STREAM_BUFFER_SIZE": "20",
    }
    data = encode(MessageType.COMMAND, request=1, fields=fields)
    decoder = Decoder()
    (message,) = benchmark(lambda: list(decoder.feed(data)))
    assert message.fields == fields
