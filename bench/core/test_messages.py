"""What a server says beside audio: all the messages of a turn, through a stream, with nothing behind it."""

from __future__ import annotations

from itertools import count
from typing import Any

import orjson
import pybase64
from pytest_benchmark.fixture import BenchmarkFixture

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.realtime.endpoint import EndpointSettings
from mod_openai_realtime.stream.settings import Settings
from mod_openai_realtime.stream.stream import Stream
from mod_openai_realtime.stream.stream_plan import StreamPlan
from mod_openai_realtime.switch.channel_facts import ChannelFacts
from mod_openai_realtime.switch.command import Start
from mod_openai_realtime.switch.stream_verbs import parse_command

WORDS = 20


class Nothing:
    """Stands for the owner, the endpoint and timers: whatever is asked of it is done."""

    connected = True
    peer = "server:80"
    send_buffer = None
    buffered_bytes = server = 0

    def __init__(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: Nothing()


def turn(number: int) -> list[bytes]:
    """The caller speaks, and a response of 200 ms and 20 words follows."""
    caller, agent = f"item_c{number:020}", f"item_a{number:020}"
    response = f"resp_{number:021}"
    part = {"response_id": response, "item_id": agent, "output_index": 0, "content_index": 0}
    messages: list[dict[str, Any]] = [
        {"type": "input_audio_buffer.speech_started", "audio_start_ms": 100, "item_id": caller},
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 900, "item_id": caller},
        {"type": "input_audio_buffer.committed", "item_id": caller},
        {"type": "response.created", "response": {"id": response, "status": "in_progress", "output": []}},
        {"type": "response.output_audio.delta", "delta": pybase64.b64encode(bytes(9600)).decode(), **part},
        *({"type": "response.output_audio_transcript.delta", "delta": " word", **part} for _ in range(WORDS)),
        {"type": "response.output_audio.done", **part},
        {"type": "response.output_audio_transcript.done", "transcript": " word" * WORDS, **part},
        {"type": "response.done", "response": {"id": response, "status": "completed", "output": []}},
    ]
    return [orjson.dumps({"event_id": f"event_{number:021}", **message}) for message in messages]


def test_the_messages_of_a_turn(benchmark: BenchmarkFixture, switch: SwitchSide, memory: StreamMemory) -> None:
    start = parse_command("start ws://server/ mono 24000 24000")
    assert isinstance(start, Start)
    settings, _ = Settings.read({"STREAM_DISABLE_AUDIOFILES": "true", "STREAM_SUPPRESS_LOG": "true"}, raw_api=False)
    plan = StreamPlan(1, start, settings, EndpointSettings(uri="ws://server/"), ChannelFacts(8000, 8000, 20), "1")
    nothing: Any = Nothing
    stream = Stream(plan, memory, Nothing(), nothing)  # type: ignore[arg-type]
    stream.start()
    stream.on_connected()
    numbers = count()

    def take(messages: list[bytes]) -> None:
        for message in messages:
            stream.on_text(message)

    def next_turn() -> tuple[tuple[list[bytes]], dict[str, object]]:
        for _ in range(20):
            switch.playback(160, 8000)
        stream.tick()
        return (turn(next(numbers)),), {}

    benchmark.pedantic(take, setup=next_turn, rounds=150)  # more would begin faster than a caller can speak  # type: ignore[no-untyped-call]
