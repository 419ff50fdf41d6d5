"""A stream and whatever its server, its application and its channel do: no exception, and an end that is told in order.

An input is a line for each thing that happens: what it is, and then its text.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from fuzzing import fuzz
from hypothesis import strategies as st
from timers import Timer, Timers

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide
from mod_openai_realtime.conversation.conversation import Conversation
from mod_openai_realtime.dialect.messages import ServerMessage
from mod_openai_realtime.observe.usage import Usage
from mod_openai_realtime.realtime.endpoint import EndpointListener, EndpointSettings
from mod_openai_realtime.stream.settings import Settings
from mod_openai_realtime.stream.state import EndReason
from mod_openai_realtime.stream.stream import Stream
from mod_openai_realtime.stream.stream_plan import StreamPlan
from mod_openai_realtime.switch.channel_facts import ChannelFacts
from mod_openai_realtime.switch.command import Mix, MuteTarget, Start
from mod_openai_realtime.switch.payload import PayloadError, decode_payload
from mod_openai_realtime.switch.refusal import CommandRefusedError
from mod_openai_realtime.switch.stream_verbs import parse_command


class Connection:
    def __init__(self, listener: EndpointListener) -> None:
        self.listener = listener
        self.connected = False
        self.buffered_bytes = 0
        self.ending = False
        self.server, self.peer = 0, "h:80"

    def start(self) -> None: ...
    def pause_reading(self, who: str) -> None: ...
    def resume_reading(self, who: str) -> None: ...

    def stop(self, code: int = 1000, reason: str = "") -> None:
        self.ending = True

    def fail_connection(self, why: str) -> float:
        self.lose(1008, why)
        return 100.0

    def open(self) -> None:
        if not self.connected and not self.ending:
            self.connected = True
            self.listener.on_connected()

    def lose(self, code: int, reason: str) -> None:
        if self.connected:
            self.connected = False
            self.listener.on_disconnected(code, reason)

    def send_text(self, payload: bytes | bytearray) -> bool:
        json.loads(payload)
        return self.connected

    def send_binary(self, payload: bytes | bytearray) -> bool:
        return self.connected

    def send_buffer(self, opcode: int, buffer: bytearray, offset: int) -> None: ...


class Owner:
    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self.told: list[str] = []

    def event(self, subclass: str, body: bytes) -> None:
        self.told.append(subclass)
        assert subclass == "json" or isinstance(json.loads(body), dict)

    def log(self, level: int, text: str) -> None:
        assert 0 <= level <= 7

    def keep(self, kept: bytes) -> None:
        Conversation(None).take_up(json.loads(kept))

    def audio_file(self, pcm: bytes, rate: int, message: ServerMessage | None) -> None:
        assert len(pcm) % 2 == 0

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return self._timers.later(delay_s, function)

    def stream_ended(self, stream: Stream, reason: EndReason) -> None:
        self.told.append("ended")

    def stream_gone(self, stream: Stream) -> None:
        self.told.append("gone")


class Bench:
    def __init__(self, number: int) -> None:
        mix = ("mono", "stereo", "mixed")[number % 3]
        start = parse_command(f"start ws://h/ {mix} {('8k', '24k')[number // 3 % 2]}")
        assert isinstance(start, Start)
        variables = {"STREAM_AUDIO_FORMAT": ("pcm", "pcmu", "auto")[number // 6 % 3]}
        if number // 18 % 2:
            variables["STREAM_NO_RECONNECT"] = "1"
        if number // 72 % 2:
            variables |= {"STREAM_RESTORE": "conversation", "STREAM_RESTORE_ITEMS": "3"}
        settings, _ = Settings.read(variables, raw_api=number // 36 % 2 == 1)
        self.switch, self.timers = SwitchSide(), Timers()
        self.owner = Owner(self.timers)
        connections: list[Connection] = []

        def make_endpoint(settings: EndpointSettings, listener: EndpointListener) -> Any:
            connections.append(Connection(listener))
            return connections[0]

        self.memory = StreamMemory(self.switch.fd)
        facts, endpoint = ChannelFacts(8000, 8000, 20), EndpointSettings("ws://h/")
        plan = StreamPlan(1, start, settings, endpoint, facts, "fuzz")
        self.stream = Stream(plan, self.memory, self.owner, make_endpoint, Usage())
        self.connection = connections[0]
        self.poller = Poller()
        self.poller.add(self.memory, self.stream, self.stream.packetizer, self.stream.playout)
        self.channels = 2 if start.mix is Mix.STEREO else 1
        self.rate = 8000
        self.stream.start()
        self.connection.open()

    def run(self, frames: int) -> None:
        for _ in range(frames):
            self.switch.capture(b"\x10\x00" * (self.rate // 50) * self.channels, self.rate, self.channels)
            for stream in self.poller.ready():
                stream.tick()
            self.switch.playback(self.rate // 50, self.rate, 1)

    def step(self, what: bytes, text: bytes) -> None:
        stream = self.stream
        match what:
            case b"t" if self.connection.connected:
                take = stream.take_audio
                if take is None or not take(memoryview(text)):
                    stream.on_text(text)
            case b"b" if self.connection.connected:
                stream.on_binary(text)
            case b"x" if self.connection.connected:
                stream.on_dropped(text.decode("utf-8", "replace"))
            case b"l":
                self.connection.lose(1006, text.decode("utf-8", "replace"))
                stream.on_connect_failed(1, "HTTP 503", 100.0, 503, text.decode("utf-8", "replace"))
            case b"o":
                self.connection.open()
            case b"r":
                self.run(1 + len(text) % 20)
            case b"R":
                self.rate = (8000, 16000, 24000, 48000)[len(text) % 4]
            case b"h":
                stream.hold(len(text) % 2 == 0)
            case b"p":
                (stream.pause if len(text) % 2 == 0 else stream.resume)()
            case b"m" if stream.connected:
                (stream.mute if len(text) % 2 == 0 else stream.unmute)(list(MuteTarget)[len(text) % 3])
            case b"s":
                stream.silence()
            case b"j":
                stream.send_json(decode_payload(text.decode("utf-8", "replace")))

    def end(self) -> None:
        self.stream.stop(reason=EndReason.STOPPED)
        self.connection.lose(1000, "")
        if "gone" not in self.owner.told:
            self.stream.on_ended()
        told = self.owner.told
        assert told[-1] == "gone" and told.count("gone") == told.count("ended") == told.count("summary") == 1
        speech = [name for name in told if name.startswith("openai_speech")]
        assert speech == ["openai_speech_start", "openai_speech_stop"] * (len(speech) // 2)


def read(data: bytes) -> None:
    lines = data.split(b"\n")
    bench = Bench(int.from_bytes(lines[0][:2], "little"))
    for line in lines[1:60]:
        if "ended" in bench.owner.told:
            break
        try:
            bench.step(line[:1], line[1:])
        except (CommandRefusedError, PayloadError) as error:
            assert str(error)
    if "ended" in bench.owner.told and "gone" in bench.owner.told:
        return
    bench.end()


def delta(count: int, response: str | None, item: str | None, index: int) -> dict[str, Any]:
    audio = base64.b64encode(b"\x40\x00" * count + b"\x01" * (count % 2)).decode()
    fields = {"response_id": response, "item_id": item, "content_index": index, "delta": audio}
    return {"type": "response.output_audio.delta"} | {
        name: value for name, value in fields.items() if value is not None
    }


ids = st.sampled_from(["r1", "r2", "i1", "i2", None, "", "é", "x" * 513])
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.text(max_size=4) | ids,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "type", "status", "metadata", "usage"]), inner, max_size=3)
    ),
    max_leaves=5,
)
formats = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["audio/pcm", "audio/pcmu", "audio/pcma", "x", None, 1]),
        "rate": st.sampled_from([8000, 24000, 0, -1, 2**40, "x", 44100]),
    },
)
halves = st.fixed_dictionaries(
    {},
    optional={
        "format": formats | anything,
        "turn_detection": st.fixed_dictionaries({"interrupt_response": st.booleans() | anything}) | anything,
    },
)
sessions = st.fixed_dictionaries(
    {},
    optional={
        "audio": st.fixed_dictionaries({}, optional={"input": halves | anything, "output": halves | anything})
        | anything,
        "turn_detection": anything,
        "input_audio_format": st.sampled_from(["pcm16", "g711_ulaw", 5]),
    },
)
responses = st.fixed_dictionaries(
    {},
    optional={
        "id": ids | anything,
        "status": st.sampled_from(["completed", "failed", "cancelled", 1]),
        "status_details": anything,
        "usage": anything,
        "metadata": st.fixed_dictionaries({"interruptible": st.sampled_from(["false", False, None])}) | anything,
        "output": anything,
    },
)
TYPES = [
    "response.created",
    "response.done",
    "response.output_audio.done",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
]
TYPES += [
    "input_audio_buffer.committed",
    "session.created",
    "session.updated",
    "error",
    "conversation.item.truncated",
    "response.output_audio.delta",
]
TYPES += [
    "response.cancel",
    "conversation.item.truncate",
    "output_audio_buffer.clear",
    "session.update",
    "response.create",
]
TYPES += ["conversation.item.input_audio_transcription.completed", "conversation.item.input_audio_transcription.failed"]
TYPES += [
    "conversation.item.created",
    "conversation.item.created",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.deleted",
    "response.output_item.added",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_text.done",
    "response.function_call_arguments.done",
]
contents = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "input_text", "output_audio", "audio", 1]) | anything,
        "text": ids | anything,
        "transcript": ids | anything,
    },
)
items = st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "message", "function_call", "function_call_output", "x", 1])},
    optional={
        "id": ids | anything,
        "role": st.sampled_from(["user", "assistant", "assistant", "system", 1]),
        "content": st.lists(contents | anything, max_size=3) | anything,
        "call_id": ids | anything,
        "name": anything,
        "arguments": anything,
        "output": anything,
    },
)
others = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        "response": responses | anything,
        "session": sessions | anything,
        "response_id": ids | anything,
        "item_id": ids,
        "item": items | anything,
        "previous_item_id": ids | anything,
        "transcript": anything,
        "text": anything,
        "arguments": anything,
        "error": anything,
        "event_id": ids,
        "content_index": st.integers(-1, 2) | anything,
        "delta": ids | anything,
        "usage": anything,
        "audio_end_ms": st.integers(-10, 10**12) | anything,
    },
)
deltas = st.builds(delta, st.integers(0, 400) | st.just(4000), ids, ids, st.integers(0, 2))
texts = (deltas | others).map(lambda message: b"t" + json.dumps(message).encode("utf-8", "surrogatepass"))
own = others.map(lambda message: b"j" + base64.b64encode(json.dumps(message).encode("utf-8", "surrogatepass")))
steps = st.one_of(
    texts,
    texts,
    texts,
    own,
    st.binary(max_size=20).map(lambda data: b"b" + data),
    st.text("x", max_size=20).map(lambda text: b"r" + text.encode()),
    st.tuples(
        st.sampled_from([b"l", b"o", b"o", b"R", b"h", b"p", b"m", b"s", b"x"]),
        st.sampled_from([b"", b"x", b"xx", b"xxx"]),
    ).map(b"".join),
)
calls = st.tuples(st.integers(0, 143), st.lists(steps.map(lambda step: step.replace(b"\n", b" ")), max_size=25)).map(
    lambda call: b"\n".join([call[0].to_bytes(2, "little").replace(b"\n", b"\x0b"), *call[1]])
)


def test_conversation() -> None:
    fuzz("conversation", read, calls)
