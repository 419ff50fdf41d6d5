"""What a stream tells of the server, and of itself when it ends; the switch is stepped by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from timers import Timer, Timers

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide
from mod_openai_realtime.dialect.messages import ServerMessage, classify
from mod_openai_realtime.dialect.profiles import VLLM
from mod_openai_realtime.observe.mask import Mask
from mod_openai_realtime.observe.summary import Summary
from mod_openai_realtime.observe.usage import Usage
from mod_openai_realtime.realtime.endpoint import EndpointListener, EndpointSettings
from mod_openai_realtime.stream.reports import GREETING_S, Reports
from mod_openai_realtime.stream.settings import Settings
from mod_openai_realtime.stream.state import EndReason
from mod_openai_realtime.stream.stream import Stream
from mod_openai_realtime.stream.stream_plan import StreamPlan
from mod_openai_realtime.switch.channel_facts import ChannelFacts
from mod_openai_realtime.switch.command import Mix, MuteTarget, Start
from mod_openai_realtime.switch.stream_verbs import parse_command

INFO, WARNING = 6, 4
URI = "wss://host.example:8443/v1?key=sk-query"


class Connection:
    """An endpoint that is told to open and to close."""

    def __init__(self, listener: EndpointListener) -> None:
        self._listener = listener
        self.connected = False
        self.buffered_bytes = 0
        self.server, self.peer = 0, EndpointSettings(uri=URI).peer
        self.samples = 0
        self.closed: tuple[int, str] | None = None

    def start(self) -> None: ...

    def open(self) -> None:
        self.connected = True
        self._listener.on_connected()

    def lose(self, code: int, reason: str = "", *, for_good: bool = False) -> None:
        self.connected = False
        self._listener.on_disconnected(code, reason)
        if for_good:
            self._listener.on_ended()

    def stop(self, code: int = 1000, reason: str = "") -> None:
        self.closed = (code, reason)

    def send_text(self, payload: bytes | bytearray) -> bool:
        message = json.loads(payload)
        if self.connected and message["type"] == "input_audio_buffer.append":
            self.samples += len(base64.b64decode(message["audio"])) // 2
        return self.connected

    def send_binary(self, payload: bytes | bytearray) -> bool:
        self.samples += len(payload) // 2
        return self.connected

    def send_buffer(self, opcode: int, buffer: bytearray, offset: int) -> None:
        (self.send_text if opcode == 1 else self.send_binary)(buffer[offset:])


class Owner:
    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self.told: list[str] = []
        self.bodies: dict[str, Any] = {}
        self.log_lines: list[tuple[int, str]] = []

    def event(self, subclass: str, body: bytes) -> None:
        self.told.append(subclass)
        self.bodies[subclass] = json.loads(body)

    def log(self, level: int, text: str) -> None:
        self.log_lines.append((level, text))

    def audio_file(self, pcm: bytes, rate: int, message: ServerMessage | None) -> None: ...

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return self._timers.later(delay_s, function)

    def keep(self, kept: bytes) -> None: ...
    def stream_ended(self, stream: Stream, reason: EndReason) -> None:
        self.told.append("ended")

    def stream_gone(self, stream: Stream) -> None:
        self.told.append("gone")


class Bench:
    """A stream on a channel at 8 kHz, connected."""

    def __init__(self, rest: str = "mono 8k 8k", *, raw: bool = False, **variables: str) -> None:
        start = parse_command(f"start {URI} {rest}")
        assert isinstance(start, Start)
        settings, _ = Settings.read(
            {"STREAM_DISABLE_AUDIOFILES": "1", "STREAM_MAX_SESSION_S": "0", **variables}, raw_api=raw
        )
        server = EndpointSettings(uri=URI, headers=settings.headers)
        self.switch, self.timers, self.usage = SwitchSide(), Timers(), Usage()
        self.owner = Owner(self.timers)
        connections: list[Connection] = []

        def make_endpoint(settings: EndpointSettings, listener: EndpointListener) -> Any:
            connections.append(Connection(listener))
            return connections[0]

        self.memory = StreamMemory(self.switch.fd)
        plan = StreamPlan(1, start, settings, server, ChannelFacts(8000, 8000, 20), "test")
        self.stream = Stream(plan, self.memory, self.owner, make_endpoint, self.usage)
        self.connection = connections[0]
        self._poller = Poller()
        self._poller.add(self.memory, self.stream, self.stream.packetizer, self.stream.playout)
        self._channels = 2 if start.mix is Mix.STEREO else 1
        self.write_rate = 8000
        self.heard: list[bytes] = []
        self.stream.start()
        self.connection.open()

    def run(self, frames: int) -> None:
        for _ in range(frames):
            self.switch.capture(b"\x10\x00" * 160 * self._channels, 8000, self._channels)
            for stream in self._poller.ready():
                stream.tick()
            self.heard.append(self.switch.playback(self.write_rate // 50, self.write_rate, 1) or b"")

    def server(self, kind: str, **fields: Any) -> None:
        payload = json.dumps({"type": kind, **fields}).encode()
        take = self.stream.take_audio
        if take is None or not take(memoryview(payload)):
            self.stream.on_text(payload)

    def speak(self, ms: int, response: str = "r1") -> None:
        for _ in range(ms // 20):
            delta = base64.b64encode(b"\x40\x00" * 160).decode()
            self.server("response.output_audio.delta", response_id=response, item_id="i", delta=delta)

    def end(self, reason: EndReason = EndReason.STOPPED) -> dict[str, Any]:
        self.stream.stop(reason=reason)
        if self.connection.connected:
            self.connection.lose(1000)
        self.stream.on_ended()
        return dict(self.owner.bodies["summary"])

    def warnings(self) -> list[str]:
        return [text for level, text in self.owner.log_lines if level == WARNING]


# -- the summary


def test_a_whole_call_is_summed_up_in_one_event_and_one_line() -> None:
    bench = Bench()
    bench.server("session.created")
    bench.run(10)
    bench.server("input_audio_buffer.speech_stopped")
    bench.server("response.created", response={"id": "r1"})
    bench.speak(200)
    bench.server("response.output_audio.done", response_id="r1")
    bench.server("response.done", response={"id": "r1", "status": "completed", "usage": {"input_tokens": 5}})
    bench.run(40)
    summary = bench.end()
    assert summary["latency_ms"]["median"] is not None
    assert {name: summary[name] for name in summary if name not in ("duration_ms", "latency_ms", "usage")} == {
        "reason": "stopped",
        "connections": 1,
        "sent_ms": 1000,
        "heard_ms": 200,
        "turns": 1,
        "interruptions": 0,
        "underruns": 0,
        "events_left_out": 0,
        "error": None,
    }
    assert summary["usage"]["input_tokens"] == bench.usage.counts["input_tokens"] == 5
    [(level, line)] = [each for each in bench.owner.log_lines if each[1].startswith("summary ")]
    assert level == INFO and json.loads(line.removeprefix("summary ")) == summary


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("rates", ["8k", "16k", "24k"])
@pytest.mark.parametrize("mix", ["mono", "stereo"])
def test_what_was_sent_is_counted_whichever_way_it_went(raw: bool, rates: str, mix: str) -> None:
    bench = Bench(f"{mix} {rates}", raw=raw)
    bench.run(50)
    short = bench.stream.packetizer
    assert short is not None and short.sent_bytes > 0, "the short way is taken"
    bench.stream.mute(MuteTarget.USER)  # a second of silence, by the long one
    bench.stream.unmute(MuteTarget.USER)
    bench.run(25)
    summary = bench.end()
    per_ms = int(rates[:-1]) * (2 if mix == "stereo" else 1)
    assert summary["sent_ms"] == bench.connection.samples // per_ms
    assert summary["sent_ms"] == pytest.approx(2500, abs=45)


def test_what_a_transcription_takes_is_counted_too() -> None:
    bench = Bench()
    kind = "conversation.item.input_audio_transcription.completed"
    bench.server(kind, item_id="i1", transcript="Hello", usage={"type": "tokens", "input_tokens": 7})
    assert bench.end()["usage"]["transcription_input_tokens"] == bench.usage.counts["transcription_input_tokens"] == 7


def test_what_was_sent_is_counted_across_a_change_of_format() -> None:
    bench = Bench("mono 24k", STREAM_AUDIO_FORMAT="pcmu")
    bench.server("session.created", session={})
    bench.run(10)
    audio = {side: {"format": {"type": "audio/pcmu"}} for side in ("input", "output")}
    bench.server("session.updated", session={"audio": audio})
    bench.run(40)
    assert bench.end()["sent_ms"] == pytest.approx(1000, abs=25)


def test_what_was_not_sent_is_not_counted() -> None:
    bench = Bench()
    bench.run(10)
    bench.connection.lose(1006, "Connection lost")
    bench.run(10)
    bench.connection.open()
    bench.stream.on_congested(True)
    bench.run(10)
    summary = bench.end()
    assert (summary["sent_ms"], summary["connections"]) == (200, 2)
    assert summary["error"] == "1006 Connection lost"


def test_heard_is_what_the_channel_sent_at_whatever_rate_and_not_what_was_muted() -> None:
    bench = Bench()
    bench.speak(2000)
    bench.run(25)
    bench.write_rate = 16000
    bench.run(25)
    bench.stream.mute(MuteTarget.OPENAI)
    bench.run(10)
    bench.stream.unmute(MuteTarget.OPENAI)
    bench.write_rate = 8000
    bench.run(10)
    # The channel falls silent with a ramp at each change; that is no agent audio any more.
    heard_ms = sum(20 for frame in bench.heard if any(frame[-2:]))
    assert 1000 < heard_ms < 1300
    assert bench.end()["heard_ms"] == pytest.approx(heard_ms, abs=5)


def test_an_answer_that_the_end_cuts_short_is_told_of_before_the_summary_and_was_not_interrupted() -> None:
    bench = Bench()
    bench.server("response.created", response={"id": "r1"})
    bench.speak(2000)
    bench.run(25)
    summary = bench.end(EndReason.HANGUP)
    assert bench.owner.told[-6:] == ["openai_speech_stop", "ended", "disconnect", "turn", "summary", "gone"]
    assert bench.owner.bodies["turn"]["heard_ms"] == summary["heard_ms"] == 500
    assert (summary["turns"], summary["interruptions"], summary["reason"]) == (1, 0, "hangup")


def test_interruptions_are_counted_once_each() -> None:
    bench = Bench()
    for response in ("r1", "r2"):
        bench.server("response.created", response={"id": response})
        bench.speak(1000, response)
        bench.run(10)
        bench.server("input_audio_buffer.speech_started")
        bench.server("input_audio_buffer.speech_started")
        bench.run(5)
    summary = bench.end()
    assert (summary["turns"], summary["interruptions"]) == (2, 2)


def test_an_engine_that_comes_after_another_tells_its_own_part_only() -> None:
    bench = Bench()
    bench.speak(400)
    bench.run(10)
    bench.server("response.created", response={"id": "r1"})
    bench.run(20)
    before = bench.memory.played_samples, bench.memory.underruns
    assert before[0] and before[1]
    start = parse_command(f"start {URI} mono 8k 8k")
    assert isinstance(start, Start)
    settings, _ = Settings.read({}, raw_api=False)
    owner = Owner(bench.timers)
    endpoints: list[Connection] = []

    def make_endpoint(settings: EndpointSettings, listener: EndpointListener) -> Any:
        endpoints.append(Connection(listener))
        return endpoints[0]

    facts, server = ChannelFacts(8000, 8000, 20), EndpointSettings(uri=URI)
    plan = StreamPlan(1, start, settings, server, facts, "next")
    stream = Stream(plan, StreamMemory(bench.switch.fd), owner, make_endpoint)
    stream.start()
    stream.stop(reason=EndReason.ENGINE_EXIT)
    stream.on_ended()
    summary = owner.bodies["summary"]
    assert (summary["heard_ms"], summary["underruns"], summary["reason"]) == (0, 0, "engine_exit")
    assert endpoints[0].closed == (1001, "the engine is shutting down")


def test_a_stream_that_never_connected_tells_why() -> None:
    bench = Bench()
    bench.connection.lose(1000)
    bench.stream.on_connect_failed(1, "HTTP 401 Unauthorized", 10_000.0, 401, "no such key")
    summary = bench.end()
    assert summary["error"] == "HTTP 401 Unauthorized"


def test_without_reconnection_the_summary_comes_when_all_was_heard() -> None:
    bench = Bench(STREAM_NO_RECONNECT="1")
    bench.speak(200)
    bench.server("response.output_audio.done", response_id="r1")
    bench.connection.lose(1000, for_good=True)
    bench.run(20)
    assert bench.owner.told[-4:] == ["turn", "ended", "summary", "gone"]
    summary = bench.owner.bodies["summary"]
    assert (summary["reason"], summary["heard_ms"], summary["error"]) == ("disconnected", 200, None)


# -- what servers say


def test_a_server_error_is_logged_and_is_the_last_error() -> None:
    bench = Bench()
    bench.server("error", error={"type": "t", "code": "c", "message": "m"})
    assert bench.warnings() == ["server error: type t, code c: m"]
    assert bench.end()["error"] == "c"


def test_with_the_log_suppressed_type_and_code_alone_are_logged() -> None:
    bench = Bench(STREAM_SUPPRESS_LOG="1")
    bench.server("error", error={"type": "t", "code": "c", "message": "secret"})
    bench.stream.on_connect_failed(1, "HTTP 401 Unauthorized", 10_000.0, 401, "secret")
    assert bench.warnings() == [
        "server error: type t, code c",
        "connecting failed: HTTP 401 Unauthorized (try 1, again in 10.0 s)",
    ]


@pytest.mark.parametrize("suppressed", ["0", "1"])
def test_a_key_that_the_server_repeats_is_in_no_line_and_in_no_event_of_ours(suppressed: str) -> None:
    bench = Bench(STREAM_OPENAI_API_KEY="hidden+key/1", STREAM_SUPPRESS_LOG=suppressed)
    told = "no: hidden+key/1, hidden+key\\/1, Bearer hidden+key/1, sk-query"
    bench.server("error", error={"type": told, "code": told, "message": told})
    bench.server("session.updated", session={"instructions": told})
    bench.connection.lose(4001, told)
    bench.end()
    del bench.owner.bodies["json"]  # the server's own words, as they came
    shown = [json.dumps(bench.owner.bodies), *(text for _, text in bench.owner.log_lines)]
    assert bench.owner.bodies["summary"]["error"].startswith("4001 no: ***")
    assert [text for text in shown if "hidden+key" in text or "sk-query" in text] == []


def test_a_server_error_of_any_size_is_one_short_line() -> None:
    bench = Bench()
    bench.server("error", error={"type": "t\n" * 9, "code": "\x1b[2J", "message": "\r\nFAKE [ERR]\t" * 20_000})
    [line] = bench.warnings()
    assert line.isprintable() and len(line) < 700
    assert len(json.dumps(bench.end())) < 2000


def test_a_failed_connection_names_host_and_port_the_wait_and_the_answer() -> None:
    bench = Bench()
    bench.stream.on_connect_failed(2, "HTTP 401 Unauthorized", 10_000.0, 401, '{"error":"no such key"}')
    bench.stream.on_connect_failed(3, "Connection refused", 0.0, 0, "")
    assert bench.warnings() == [
        "connecting to host.example:8443 failed: HTTP 401 Unauthorized (try 2, again in 10.0 s): "
        '{"error":"no such key"}',
        "connecting to host.example:8443 failed: Connection refused (try 3, no other follows)",
    ]


def test_a_loss_is_logged_without_a_stray_blank() -> None:
    bench = Bench()
    bench.connection.lose(1000)
    bench.connection.lose(4001, "bye")
    lines = [text for _, text in bench.owner.log_lines if text.startswith("disconnected")]
    assert lines == ["disconnected (1000)", "disconnected (4001 bye)"]


def test_a_missing_greeting_is_told_once() -> None:
    bench = Bench()
    assert bench.timers.run_out() == [GREETING_S]
    warning = "no session.created within 5 s of the connection: is this a Realtime endpoint?"
    assert bench.warnings() == [warning]
    bench.connection.lose(1006)
    bench.connection.open()
    bench.timers.run_out()
    assert bench.warnings() == [warning], "of a server that never greets it is known"
    bench.server("session.created")
    bench.connection.lose(1006)
    bench.connection.open()
    bench.timers.run_out()
    assert bench.warnings() == [warning] * 2


@pytest.mark.parametrize("greeting", ["session.created", "transcription_session.created"])
def test_a_greeting_in_time_is_none_that_is_missing(greeting: str) -> None:
    bench = Bench()
    bench.server(greeting)
    assert bench.timers.running == []


def test_a_server_that_wants_an_update_is_told_of_where_none_comes() -> None:
    timers, warnings = Timers(), list[str]()
    settings, _ = Settings.read({}, raw_api=False)
    reports = Reports(settings, Mask([]), Summary(Usage(), 0, 0), timers.later, warnings.append)
    reports.connected(VLLM)
    timers.run_out()
    (warning,) = warnings
    assert "no session.updated within 5 s" in warning and "gets no audio before" in warning
    reports.connected(VLLM)
    reports.server_said(classify(b'{"type":"session.created","session":{}}'))
    assert len(timers.running) == 1
    reports.server_said(classify(b'{"type":"session.updated","session":{}}'))
    assert timers.running == []


def test_a_greeting_is_not_missed_of_a_connection_that_another_has_taken_over() -> None:
    timers, warnings = Timers(), list[str]()
    settings, _ = Settings.read({}, raw_api=False)
    reports = Reports(settings, Mask([]), Summary(Usage(), 0, 0), timers.later, warnings.append)
    reports.connected()
    reports.connected(greeted=True)
    timers.run_out()
    assert warnings == []


def test_nothing_is_missed_in_raw_mode_nor_after_the_connection() -> None:
    assert Bench(raw=True).timers.running == []
    bench = Bench()
    bench.connection.lose(1006)
    assert bench.timers.running == []
    bench.connection.open()
    bench.end()
    assert bench.timers.running == []
