"""A stream with connections that are played by the test, and a clock that it turns."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from timers import Timer, Timers

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide
from mod_openai_realtime.dialect.messages import ServerMessage
from mod_openai_realtime.realtime.endpoint import EndpointListener, EndpointSettings
from mod_openai_realtime.stream.piloting import NOBODY, Piloting
from mod_openai_realtime.stream.settings import Settings
from mod_openai_realtime.stream.state import EndReason
from mod_openai_realtime.stream.stream import Stream
from mod_openai_realtime.stream.stream_plan import StreamPlan
from mod_openai_realtime.switch.channel_facts import ChannelFacts
from mod_openai_realtime.switch.command import Start
from mod_openai_realtime.switch.stream_verbs import parse_command

OPENAI = "wss://first.example/v1/realtime"
VLLM = "wss://second.example/v1/realtime?duplex=1"
WISH = {"instructions": "Be brief."}
SECOND_NS = 1_000_000_000


class Line:
    """An endpoint that is told what happens to its connection."""

    def __init__(self, listener: EndpointListener, connected: bool = False) -> None:
        self.listener, self.connected = listener, connected
        self.buffered_bytes, self.server, self.peer = 0, 0, "host:443"
        self.said: list[dict[str, Any]] = []
        self.samples = 0
        self.late: list[dict[str, Any]] = []
        """What it was given after its end."""
        self.started = self.stopped = False
        self.waits_for: set[str] = set()

    def begin_at(self, server: int) -> None:
        self.server = server

    def start(self) -> None:
        self.started = True

    def open(self, server: int = 0) -> None:
        self.connected, self.server = True, server
        self.listener.on_connected()

    def lose(self, code: int = 1006, reason: str = "") -> None:
        self.connected = False
        self.listener.on_disconnected(code, reason)

    def fail(self, error: str = "Connection refused", http_status: int = 0) -> None:
        self.listener.on_connect_failed(1, error, 100.0, http_status, "")

    def says(self, kind: str, **fields: Any) -> None:
        self.listener.on_text(json.dumps({"type": kind, **fields}).encode())

    def stop(self, code: int = 1000, reason: str = "") -> None:
        self.stopped, self.connected = True, False

    def hand_over(self, successor: Line) -> None:
        successor.listener = self.listener
        self.stop()

    def fail_connection(self, why: str) -> float:
        self.lose()
        return 0.0

    def pause_reading(self, reason: str) -> None:
        self.waits_for.add(reason)

    def resume_reading(self, reason: str) -> None:
        self.waits_for.discard(reason)

    def send_text(self, payload: bytes | bytearray) -> bool:
        message = json.loads(payload)
        if self.stopped:
            self.late.append(message)
        if self.connected and message["type"] == "input_audio_buffer.append":
            self.samples += len(base64.b64decode(message["audio"])) // 2
        elif self.connected:
            self.said.append(message)
        return self.connected

    def send_binary(self, payload: bytes | bytearray) -> bool:
        return self.connected

    def send_buffer(self, opcode: int, buffer: bytearray, offset: int) -> None:
        self.send_text(buffer[offset:])

    def told(self) -> list[str]:
        return [message["type"] for message in self.said]


class StreamBench:
    """A stream on a channel at 8 kHz, with the server's rate as its own; nothing is connected. It is its owner, too."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        uri: str = OPENAI,
        then: str = "",
        audio: str = "mono 8k 8k",
        raw: bool = False,
        needs_connection: bool = False,
        piloting: Piloting = NOBODY,
        **variables: str,
    ) -> None:
        self.now_ns = 1000 * SECOND_NS
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.now_ns)
        monkeypatch.setattr(time, "monotonic", lambda: self.now_ns / SECOND_NS)
        start = parse_command(f"start {uri} {audio}")
        assert isinstance(start, Start)
        variables = {"STREAM_DISABLE_AUDIOFILES": "1", "STREAM_MAX_SESSION_S": "0", **variables}
        settings, _ = Settings.read(variables, raw_api=raw)
        self.timers = Timers()
        self.events: list[tuple[str, Any]] = []
        self.log_lines: list[str] = []
        self.kept: list[bytes] = []
        self.lines: list[Line] = []
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        server = EndpointSettings(uri=uri, failover=(then,) if then else ())
        facts = ChannelFacts(8000, 8000, 20)
        self._plan = StreamPlan(1, start, settings, server, facts, "test", needs_connection, piloting=piloting)
        self.ended: list[EndReason] = []
        self.ticks = 0
        self.heard: list[bytes] = []
        self.gone = 0
        self.stream = self.make_stream()
        self._poller = Poller()
        self._poller.add(self.memory, self.stream, self.stream.packetizer, self.stream.playout)
        self.stream.start()

    def make_stream(self, kept: bytes | None = None) -> Stream:
        """One more, in the same memory, as another engine makes it, with what this one has `kept`."""
        plan = replace(self._plan, kept=kept)
        return Stream(plan, self.memory, self, self._make_endpoint, None)  # type: ignore[arg-type]

    def _make_endpoint(self, _settings: EndpointSettings, listener: EndpointListener) -> Any:
        self.lines.append(Line(listener))
        return self.lines[-1]

    # -- its owner

    def event(self, subclass: str, body: bytes) -> None:
        self.events.append((subclass, json.loads(body)))

    def log(self, level: int, text: str) -> None:
        self.log_lines.append(text)

    def audio_file(self, pcm: bytes, rate: int, message: ServerMessage | None) -> None: ...
    def keep(self, kept: bytes) -> None:
        self.kept.append(kept)

    def stream_ended(self, stream: Stream, reason: EndReason) -> None:
        self.ended.append(reason)

    def stream_gone(self, stream: Stream) -> None:
        self.gone += 1

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return self.timers.later(delay_s, function)

    # -- the test

    def connected(self, **session: Any) -> Line:
        """The first connection has a session."""
        self.lines[0].open()
        self.lines[0].says("session.created", session=session)
        return self.lines[0]

    def run(self, frames: int) -> None:
        """20 ms each; `ticks`: how often that took the stream's own code."""
        for _ in range(frames):
            self.switch.capture(b"\x10\x00" * 160, 8000, 1)
            for stream in self._poller.ready():
                self.ticks += 1
                stream.tick()
            self.heard.append(self.switch.playback(160, 8000, 1) or b"")

    def wish(self) -> None:
        self.stream.send_json(json.dumps({"type": "session.update", "session": WISH}).encode())

    def run_out(self, seconds: float) -> None:
        """The timers of so many seconds."""
        self.now_ns += int(seconds * SECOND_NS)
        due = [timer for timer in self.timers.running if timer.delay_s == seconds]
        assert due, [timer.delay_s for timer in self.timers.running]
        for timer in due:
            if timer in self.timers.running:
                self.timers.running.remove(timer)
                timer.function()

    def timers_of(self, seconds: float) -> int:
        return [timer.delay_s for timer in self.timers.running].count(seconds)

    def told(self, name: str) -> list[Any]:
        return [body for subclass, body in self.events if subclass.endswith(name)]
