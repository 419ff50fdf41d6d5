"""One connection of a stream after another: what each is given, what of the caller goes to which, and what is told."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from timers import Timer, Timers

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide
from mod_openai_realtime.dialect.messages import ServerMessage
from mod_openai_realtime.realtime.endpoint import EndpointListener, EndpointSettings
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
        self.stopped = False
        self.waits_for: set[str] = set()

    def begin_at(self, server: int) -> None:
        self.server = server

    def start(self) -> None: ...

    def open(self, server: int = 0) -> None:
        self.connected, self.server = True, server
        self.listener.on_connected()

    def lose(self, code: int = 1006, reason: str = "") -> None:
        self.connected = False
        self.listener.on_disconnected(code, reason)

    def fail(self) -> None:
        self.listener.on_connect_failed(1, "Connection refused", 100.0, 0, "")

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


class Bench:
    """A stream on a channel at 8 kHz, with the server's rate as its own; nothing is connected. It is its owner, too."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, uri: str = OPENAI, then: str = "", raw: bool = False, **variables: str
    ) -> None:
        self.now_ns = 1000 * SECOND_NS
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.now_ns)
        monkeypatch.setattr(time, "monotonic", lambda: self.now_ns / SECOND_NS)
        start = parse_command(f"start {uri} mono 8k 8k")
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
        plan = StreamPlan(1, start, settings, server, ChannelFacts(8000, 8000, 20), "test")
        self.stream = Stream(plan, self.memory, self, self._make_endpoint, None)  # type: ignore[arg-type]
        self._poller = Poller()
        self._poller.add(self.memory, self.stream, self.stream.packetizer, self.stream.playout)
        self.stream.start()

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

    def stream_ended(self, stream: Stream, reason: EndReason) -> None: ...
    def stream_gone(self, stream: Stream) -> None: ...

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return self.timers.later(delay_s, function)

    # -- the test

    def connected(self, **session: Any) -> Line:
        """The first connection has a session."""
        self.lines[0].open()
        self.lines[0].says("session.created", session=session)
        return self.lines[0]

    def run(self, frames: int) -> None:
        for _ in range(frames):
            self.switch.capture(b"\x10\x00" * 160, 8000, 1)
            for stream in self._poller.ready():
                stream.tick()
            self.switch.playback(160, 8000, 1)

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


# -- a new connection is given what the one before it had


def test_what_the_application_asked_for_is_asked_again_before_any_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    line = bench.connected()
    bench.wish()
    line.says("session.updated", session=WISH)
    bench.now_ns += 5 * SECOND_NS
    line.lose()
    line.said.clear()
    line.samples = 0
    bench.now_ns += SECOND_NS
    line.open()
    bench.run(3)
    assert line.told() == []
    line.says("session.created", session={})
    bench.run(3)
    assert line.told() == ["session.update"] and line.said[0]["session"] == WISH and line.samples == 0
    line.says("session.updated", session=WISH)
    bench.run(3)
    assert line.samples == 3 * 160
    (restored,) = bench.told("restored")
    assert restored["cause"] == "reconnect" and restored["session"] is True and restored["gap_ms"] == 1000
    assert all(timer.delay_s != 5 for timer in bench.timers.running)


def test_what_is_not_answered_in_time_is_left_out_and_the_call_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    line = bench.connected()
    bench.wish()
    line.lose()
    line.open()
    line.says("session.created", session={})
    bench.run_out(5)
    (restored,) = bench.told("restored")
    assert restored["session"] is False
    line.samples = 0
    bench.run(3)
    assert line.samples == 3 * 160


def test_what_nobody_has_answered_is_asked_of_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch)
    line = bench.connected()
    bench.wish()
    line.lose()
    line.said.clear()
    line.open()
    line.says("session.created", session={})
    assert [message["session"] for message in line.said] == [WISH]


def test_a_loss_or_an_end_while_a_session_is_restored_leaves_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    line = bench.connected()
    bench.wish()
    for _ in range(2):
        line.lose()
        assert all(timer.delay_s != 5 for timer in bench.timers.running)
        line.open()
        line.says("session.created", session={})
        assert [timer.delay_s for timer in bench.timers.running].count(5) == 1
    bench.stream.stop()
    assert all(timer.delay_s != 5 for timer in bench.timers.running)


def test_what_another_engine_would_need_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.connected()
    bench.wish()
    bench.timers.run_out()
    assert bench.kept and json.loads(bench.kept[-1])["playing"] is not None


def test_an_answer_that_its_connection_did_not_live_to_end_ends_with_what_had_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch)
    line = bench.connected()
    audio = base64.b64encode(bytes(2 * 800)).decode()
    line.says("response.output_audio.delta", response_id="r1", item_id="i1", delta=audio)
    line.lose()
    bench.run(10)
    assert bench.told("openai_speech_start") and bench.told("openai_speech_stop")


# -- another server


def test_another_server_is_spoken_to_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, then=VLLM)
    line = bench.connected()
    bench.wish()
    line.says("session.updated", session=WISH)
    line.lose()
    line.said.clear()
    line.open(server=1)
    assert line.told() == ["session.update"]  # it greets nobody who says nothing
    line.says("session.created", session={})
    line.says("session.updated", session={})
    assert bench.told("connect")[-1] == {"status": "connected"}
    bench.run_out(30)
    assert line.told()[-1] == "session.heartbeat"
    line.lose()
    assert all(timer.delay_s != 30 for timer in bench.timers.running)
    line.said.clear()
    line.open(server=0)
    assert line.told() == []
    line.says("session.created", session={})
    line.says("session.updated", session={})
    assert [body["cause"] for body in bench.told("restored")] == ["failover", "failover"]


def test_the_first_connection_may_be_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, then=VLLM)
    bench.lines[0].open(server=1)
    bench.lines[0].says("session.created", session={})
    assert any(timer.delay_s == 30 for timer in bench.timers.running)


# -- a rollover


def rolling(monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[Bench, Line]:
    """The time of the first session is up, and a second is being made ready."""
    bench = Bench(monkeypatch, STREAM_MAX_SESSION_S="60", **more)
    line = bench.connected()
    bench.wish()
    line.says("session.updated", session=WISH)
    bench.run(2)
    line.said.clear()
    bench.run_out(60)
    assert len(bench.lines) == 2
    return bench, line


def made_ready(bench: Bench) -> Line:
    line = bench.lines[1]
    line.open()
    line.says("session.created", session={})
    line.says("session.updated", session=WISH)
    return line


def test_a_rollover_goes_on_where_the_session_before_it_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    bench.stream.pause_reading(True)
    first_samples = first.samples
    second = made_ready(bench)
    assert first.stopped and second.waits_for == {"link"}
    bench.stream.pause_reading(False)
    assert second.waits_for == set()
    assert second.told() == ["session.update"] and second.said[0]["session"] == WISH
    bench.run(3)
    assert (first.samples, second.samples) == (first_samples, 3 * 160)
    assert bench.told("connect")[-1]["cause"] == "rollover" and bench.told("disconnect") == []
    (restored,) = bench.told("restored")
    assert restored == {
        "status": "restored",
        "cause": "rollover",
        "session": True,
        "items": 0,
        "left_out": 0,
        "gap_ms": 0,
    }
    second.lose()
    assert len(bench.told("disconnect")) == 1


def test_what_the_new_server_says_besides_is_for_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, _ = rolling(monkeypatch)
    line = bench.lines[1]
    line.open()
    line.says("session.created", session={})
    line.says("rate_limits.updated")
    assert all(body.get("type") != "rate_limits.updated" for body in bench.told("json"))
    line.says("session.updated", session=WISH)
    assert [body["type"] for body in bench.told("json")][-1] == "rate_limits.updated"


def test_a_session_that_took_over_gets_as_old_as_the_one_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, _ = rolling(monkeypatch)
    made_ready(bench)
    bench.run_out(60)
    assert len(bench.lines) == 3


def test_a_keep_alive_is_the_present_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch, uri=VLLM)
    second = made_ready(bench)
    assert second.told().count("session.update") == 1
    first.said.clear()
    bench.run_out(30)
    assert first.said == [] and second.told()[-1] == "session.heartbeat"
    assert sum(timer.delay_s == 30 for timer in bench.timers.running) == 1


@pytest.mark.parametrize(("uri", "then", "beats"), [(VLLM, OPENAI, False), (OPENAI, VLLM, True)])
def test_and_in_the_words_of_the_server_that_took_over(
    monkeypatch: pytest.MonkeyPatch, uri: str, then: str, beats: bool
) -> None:
    bench, _ = rolling(monkeypatch, uri=uri, then=then)
    bench.lines[1].open(server=1)
    bench.lines[1].says("session.created", session={})
    bench.lines[1].says("session.updated", session=WISH)
    assert bench.told("connect")[-1]["cause"] == "rollover"
    assert [timer.delay_s for timer in bench.timers.running].count(30) == beats


def test_a_new_server_that_says_nothing_takes_over_where_the_one_before_it_said_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch, uri=VLLM, STREAM_MAX_SESSION_S="60")
    bench.lines[0].open()
    bench.wish()
    bench.run_out(60)
    bench.lines[1].open()
    bench.run_out(5)
    assert bench.told("connect")[-1]["cause"] == "rollover"
    assert bench.told("restored")[-1]["session"] is False


def test_a_connection_that_is_lost_is_followed_by_the_one_that_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.says("response.created", response={"id": "r1"})  # so the moment is none for it
    second = made_ready(bench)
    assert not first.stopped
    first.lose()
    assert first.stopped and bench.told("disconnect") == []
    bench.run(2)
    assert second.samples == 2 * 160


def test_a_session_that_the_server_ends_for_its_age_is_followed_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.lose(1001, "maximum duration")
    assert bench.told("disconnect") == []
    bench.run(5)
    second = made_ready(bench)
    bench.run(2)
    assert second.samples == 7 * 160
    assert bench.told("connect")[-1]["cause"] == "rollover" and bench.told("restored")[-1]["cause"] == "rollover"


def test_where_none_follows_the_loss_is_told_after_all(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.lose(1001, "maximum duration")
    bench.lines[1].fail()
    (told,) = bench.told("disconnect")
    assert told["message"] == {"code": 1001, "reason": "maximum duration"} and len(bench.told("error")) == 1
    made_ready(bench)
    assert "cause" not in bench.told("connect")[-1]


def test_a_stream_that_ends_leaves_no_timer_and_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    bench.lines[1].open()
    bench.stream.stop()
    assert first.stopped and bench.lines[1].stopped
    first.listener.on_ended()
    assert bench.timers.running == []


def test_the_link_is_waited_for_by_the_present_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    bench.stream.pause_reading(True)
    assert first.waits_for == {"link"}
    bench.stream.pause_reading(False)
    assert first.waits_for == set() and made_ready(bench).waits_for == set()


def test_a_session_that_the_server_calls_expired_is_followed_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, STREAM_MAX_SESSION_S="60")
    bench.connected()
    for number in (1, 2):
        bench.lines[number - 1].says("error", error={"code": "session_expired"})
        assert len(bench.lines) == number + 1 and bench.timers_of(60) == 0
        bench.lines[number].open()
        bench.lines[number].says("session.created", session={})
        assert bench.lines[number - 1].stopped and bench.timers_of(60) == 1
    assert bench.told("disconnect") == []


def test_an_expired_session_is_followed_whatever_is_being_said(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.says("response.created", response={"id": "r1"})
    made_ready(bench)
    assert not first.stopped
    first.says("error", error={"code": "session_expired"})
    assert first.stopped and bench.told("connect")[-1]["cause"] == "rollover"


def test_in_raw_mode_a_new_connection_takes_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, raw=True, STREAM_MAX_SESSION_S="60")
    bench.lines[0].open()
    bench.run_out(60)
    bench.lines[1].open()
    assert bench.lines[0].stopped and bench.told("connect")[-1]["cause"] == "rollover"


def test_a_loss_that_nobody_was_told_of_is_told_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.lose(1001, "maximum duration")
    bench.stream.stop()
    assert [body["message"]["code"] for body in bench.told("disconnect")] == [1001]


def test_a_new_session_is_sought_at_the_present_server(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, then=VLLM, STREAM_MAX_SESSION_S="60")
    bench.lines[0].open(server=1)
    bench.lines[0].says("session.created", session={})
    bench.run_out(60)
    assert bench.lines[1].server == 1


def test_a_rollover_after_a_reconnect_has_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, STREAM_MAX_SESSION_S="60")
    first = bench.connected()
    bench.wish()
    first.lose()
    bench.now_ns += SECOND_NS
    first.open()
    first.says("session.created", session={})
    first.says("session.updated", session=WISH)
    assert bench.timers_of(60) == 1
    bench.run_out(60)
    made_ready(bench)
    assert [body["gap_ms"] for body in bench.told("restored")] == [1000, 0]
    bench.stream.stop()
    bench.lines[1].listener.on_ended()
    assert bench.told("summary")[0]["connections"] == 3


def test_what_is_said_meanwhile_is_told_before_the_session_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch, STREAM_RESTORE="conversation")
    first.says("response.created", response={"id": "r1"})
    second = made_ready(bench)
    second.said.clear()
    item = {"id": "i1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    first.says("conversation.item.created", item=item)
    first.says("response.done", response={"id": "r1", "status": "completed"})
    bench.run_out(0.1)
    assert first.stopped and second.told() == ["conversation.item.create"]


def test_what_is_asked_for_meanwhile_is_asked_of_the_new_session_first(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    first.says("response.created", response={"id": "r1"})
    second = made_ready(bench)
    bench.run_out(5)
    second.said.clear()
    later = {"instructions": "Be long."}
    bench.stream.send_json(json.dumps({"type": "session.update", "session": later}).encode())
    first.says("session.updated", session=later)
    first.says("response.done", response={"id": "r1", "status": "completed"})
    bench.run_out(0.1)
    assert second.told() == ["session.update"] and second.said[0]["session"] == later
    assert not first.stopped and bench.timers_of(5) == 1
    second.says("session.updated", session=later)
    assert first.stopped
    assert bench.told("restored")[-1]["session"] is True


def test_a_new_connection_that_does_not_come_up_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    second = bench.lines[1]
    second.fail()
    assert "rollover: connecting to host:443 failed: Connection refused" in bench.log_lines[-1]
    second.open()
    second.lose(1011, "no")
    assert "rollover: the new connection is lost (1011 no)" in bench.log_lines[-1]
    assert not first.stopped and bench.timers_of(5) == 0
    made_ready(bench)
    assert first.stopped and bench.told("disconnect") == [] and bench.told("error") == []


def test_where_it_failed_an_expired_session_is_lost_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, first = rolling(monkeypatch)
    bench.lines[1].open()
    bench.lines[1].lose()
    first.lose(1001, "maximum duration")
    assert bench.lines[1].stopped  # the first tries again by itself
