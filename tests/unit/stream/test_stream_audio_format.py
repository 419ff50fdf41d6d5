"""A stream and a scripted server: what goes out and what the caller hears, whatever is said of formats."""

from __future__ import annotations

import base64
import json
import math
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from timers import Timer, Timers

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide, g711_decode, g711_encode
from mod_openai_realtime.conversation.negotiation import LONGEST_WAIT_MS
from mod_openai_realtime.dialect.messages import ServerMessage
from mod_openai_realtime.realtime.endpoint import EndpointListener, EndpointSettings
from mod_openai_realtime.realtime.sending import BINARY, TEXT
from mod_openai_realtime.stream.settings import Settings
from mod_openai_realtime.stream.state import EndReason
from mod_openai_realtime.stream.stream import Stream
from mod_openai_realtime.stream.stream_plan import StreamPlan
from mod_openai_realtime.switch.channel_facts import ChannelFacts
from mod_openai_realtime.switch.command import MuteTarget, Start
from mod_openai_realtime.switch.refusal import CommandRefusedError
from mod_openai_realtime.switch.stream_verbs import parse_command

ULAW, ALAW, PCM = {"type": "audio/pcmu"}, {"type": "audio/pcma"}, {"type": "audio/pcm", "rate": 24000}
PCM_8K = {"type": "audio/pcm", "rate": 8000}


def tone(ms: int, rate: int, hertz: int = 500) -> bytes:
    return array(
        "h", [round(8000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(ms * rate // 1000)]
    ).tobytes()


def frames(pcm: bytes) -> list[bytes]:
    return [pcm[at : at + 320] for at in range(0, len(pcm), 320)]


class Connection:
    """The endpoint's place: keeps what is sent, connected or not as the test says."""

    def __init__(self) -> None:
        self.connected = False
        self.buffered_bytes = 0
        self.server, self.peer = 0, "h:80"
        self.texts: list[dict[str, Any]] = []
        self.binaries: list[bytes] = []

    def start(self) -> None:
        self.connected = True

    def stop(self, code: int = 1000, reason: str = "") -> None:
        self.connected = False

    def send_text(self, payload: bytes) -> bool:
        self.texts.append(json.loads(payload))
        return self.connected

    def send_binary(self, payload: bytes) -> bool:
        self.binaries.append(payload)
        return self.connected

    def send_buffer(self, opcode: int, buffer: bytearray, offset: int) -> None:
        send = {TEXT: self.send_text, BINARY: self.send_binary}[opcode]
        send(bytes(buffer[offset:]))
        buffer[:] = bytes(len(buffer))


class Owner:
    def __init__(self) -> None:
        self.log_lines: list[str] = []
        self.files: list[tuple[bytes, int]] = []

    def event(self, subclass: str, body: bytes) -> None: ...
    def log(self, level: int, text: str) -> None:
        if level <= 4:
            self.log_lines.append(text)

    def audio_file(self, pcm: bytes, rate: int, message: ServerMessage | None) -> None:
        self.files.append((pcm, rate))

    def later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        return Timers().later(delay_s, function)

    def keep(self, kept: bytes) -> None: ...
    def stream_ended(self, stream: Stream, reason: EndReason) -> None: ...
    def stream_gone(self, stream: Stream) -> None: ...


class Bench:
    """A stream on a channel at 8 kHz; the server has not said anything yet."""

    def __init__(self, variable: str, rest: str = "mono", codec: str = "PCMU", *, raw: bool = False) -> None:
        start = parse_command(f"start ws://h {rest}")
        assert isinstance(start, Start)
        settings, warnings = Settings.read({"STREAM_AUDIO_FORMAT": variable}, raw_api=raw)
        assert not warnings
        self.switch = SwitchSide()
        self.connection = Connection()
        self.owner = Owner()

        def make_endpoint(settings: EndpointSettings, listener: EndpointListener) -> Any:
            return self.connection

        facts = ChannelFacts(8000, 8000, 20, codec, codec)
        plan = StreamPlan(
            1, start, settings, EndpointSettings(uri="ws://h"), facts, "test", audio_file=self.owner.audio_file
        )
        self.stream = Stream(plan, StreamMemory(self.switch.fd), self.owner, make_endpoint)
        self._poller = Poller()
        self._poller.add(self.stream.memory, self.stream, self.stream.packetizer, self.stream.playout)
        self.stream.start()
        self.stream.on_connected()

    def tick(self) -> None:
        for stream in self._poller.ready():
            stream.tick()

    def server(self, kind: str, **fields: Any) -> None:
        self.stream.on_text(json.dumps({"type": kind, **fields}).encode())

    def session(self, kind: str, capture: object = PCM, playback: object = PCM) -> None:
        self.server(
            f"session.{kind}", session={"audio": {"input": {"format": capture}, "output": {"format": playback}}}
        )

    def delta(self, audio: bytes) -> None:
        delta = base64.b64encode(audio).decode()
        self.server("response.output_audio.delta", response_id="r1", item_id="i1", delta=delta)

    def say(self, pcm: bytes) -> bytes:
        """The caller's audio passes; what the caller hears meanwhile."""
        heard = []
        for frame in frames(pcm):
            self.switch.capture(frame, 8000)
            self.tick()
            heard.append(self.switch.playback(160, 8000) or b"")
        return b"".join(heard)

    def hear(self, ms: int) -> bytes:
        return self.say(bytes(16 * ms))

    def sent(self) -> bytes:
        return b"".join(
            base64.b64decode(text["audio"])
            for text in self.connection.texts
            if text["type"] == "input_audio_buffer.append"
        )

    def types(self) -> list[str]:
        return [text["type"] for text in self.connection.texts]


@pytest.fixture(params=["pcmu", "pcma"])
def law(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def test_pcm_is_sent_at_once_and_nothing_is_asked() -> None:
    bench = Bench("pcm", "mono 8k 8k")
    speech = tone(100, 8000)
    bench.say(speech)
    bench.session("created", PCM_8K, PCM_8K)
    assert bench.sent() == speech
    assert set(bench.types()) == {"input_audio_buffer.append"}


def test_a_stated_rate_counts_from_its_message_on_and_what_is_queued_keeps_its_own() -> None:
    bench = Bench("pcm", "mono 8k 8k")
    first, second = tone(1000, 8000), tone(1000, 24000)
    bench.session("created", PCM_8K, PCM_8K)
    bench.delta(first)
    bench.session("updated", PCM, PCM)
    bench.delta(second)
    heard = array("h", bench.hear(2000))
    expected = array("h", tone(1000, 8000))
    # But for what the filter holds back at the end; where it begins, the tone of 8000 is off by 4 % for a moment.
    for at in (0, 8000):
        assert all(abs(a - b) < 400 for a, b in zip(heard[at : at + 7900], expected[:7900], strict=True))
    assert [rate for _, rate in bench.owner.files] == [8000, 24000]
    assert len(bench.sent()) == 2000 * 48


def test_a_confirmed_format_is_spoken_both_ways(law: str) -> None:
    bench = Bench(law, "mono 24k 24k")
    first, second = tone(500, 8000), tone(500, 8000, 900)
    bench.session("created")
    bench.say(first)
    assert bench.types() == ["session.update"]
    bench.session("updated", {"type": f"audio/{law}"}, {"type": f"audio/{law}"})
    bench.say(second)
    assert bench.sent() == g711_encode(first + second, law)  # nothing of the first words is lost
    answer = g711_encode(tone(400, 8000, 700), law)
    bench.delta(answer)
    assert bench.hear(420)[: 16 * 400] == g711_decode(answer, law)
    assert bench.owner.files == [(g711_decode(answer, law), 8000)]
    assert not bench.owner.log_lines


def test_a_server_that_answers_pcm_is_understood() -> None:
    bench = Bench("pcmu", "mono 8k 8k")
    bench.session("created")
    bench.say(tone(100, 8000))
    bench.session("updated", PCM, PCM)
    bench.say(bytes(320))
    assert len(bench.sent()) == 120 * 48  # at the stated rate, whatever `start` said
    bench.delta(tone(400, 24000))
    heard = array("h", bench.hear(400))
    expected = array("h", tone(400, 8000))
    assert all(abs(a - b) < 40 for a, b in zip(heard[80:-80], expected[80:-80], strict=True))
    assert bench.owner.files == [(tone(400, 24000), 24000)]
    assert len(bench.owner.log_lines) == 1


def test_each_direction_is_what_the_server_says_of_it() -> None:
    bench = Bench("pcma")
    bench.session("created")
    bench.session("updated", ALAW, PCM)
    speech = tone(100, 8000)
    bench.say(speech)
    assert bench.sent() == g711_encode(speech, "pcma")
    bench.delta(tone(200, 24000))
    assert bench.owner.files == [(tone(200, 24000), 24000)]
    assert len(bench.owner.log_lines) == 1


def test_a_refusal_means_pcm_with_a_warning_and_all_the_audio() -> None:
    bench = Bench("pcmu", "mono 8k 8k")
    speech = tone(200, 8000)
    bench.server("session.created", session={})
    bench.say(speech)
    bench.server("error", error={"event_id": bench.connection.texts[0]["event_id"], "code": "invalid_value"})
    bench.say(speech)
    assert bench.sent() == 2 * speech
    assert len(bench.owner.log_lines) == 2
    assert bench.owner.log_lines[0] == "server error: code invalid_value"


@pytest.mark.parametrize("greets", [True, False])
def test_silence_of_the_server_ends_in_pcm_with_a_warning_and_the_newest_audio(greets: bool) -> None:
    bench = Bench("pcmu", "mono 8k 8k")
    if greets:
        bench.server("session.created", session={})
    speech = array("h", range(LONGEST_WAIT_MS * 8)).tobytes()
    bench.say(speech[:-320])
    assert bench.sent() == b""
    bench.say(speech[-320:])
    assert bench.sent() == speech[-2000 * 16 :]
    assert len(bench.owner.log_lines) == 1
    assert bench.types().count("session.update") == greets


def test_an_update_of_the_application_is_followed_in_mid_call() -> None:
    bench = Bench("pcm", "mono 8k 8k")
    before, between, after = tone(100, 8000), tone(100, 8000, 700), tone(100, 8000, 900)
    bench.session("created", PCM_8K, PCM_8K)
    bench.say(before)
    formats = {"input": {"format": ULAW}, "output": {"format": ULAW}}
    bench.stream.send_json(json.dumps({"type": "session.update", "session": {"audio": formats}}).encode())
    bench.say(between)
    assert bench.sent() == before  # the server may take what comes now for either
    bench.session("updated", ULAW, ULAW)
    bench.say(after)
    assert bench.sent() == before + g711_encode(between + after, "pcmu")
    bench.delta(g711_encode(tone(100, 8000), "pcmu"))
    assert bench.owner.files == [(g711_decode(g711_encode(tone(100, 8000), "pcmu"), "pcmu"), 8000)]


def test_an_interrupted_answer_is_truncated_where_hearing_ended(law: str) -> None:
    bench = Bench(law, "mono 24k 24k")
    bench.session("created")
    bench.session("updated", {"type": f"audio/{law}"}, {"type": f"audio/{law}"})
    bench.delta(g711_encode(tone(3000, 8000), law))
    bench.hear(500)
    bench.server("input_audio_buffer.speech_started")
    bench.hear(60)
    truncate = next(text for text in bench.connection.texts if text["type"] == "conversation.item.truncate")
    assert truncate["audio_end_ms"] == 500


def test_muting_while_the_format_is_open_owes_what_was_said_and_the_second_of_silence() -> None:
    bench = Bench("pcmu")
    bench.session("created")
    speech = tone(100, 8000)
    bench.say(speech)
    bench.stream.mute(MuteTarget.USER)
    bench.hear(40)
    assert bench.sent() == b""
    bench.session("updated", ULAW, ULAW)
    bench.tick()  # whether the caller is heard or not
    assert bench.sent() == g711_encode(speech, "pcmu") + b"\xff" * 8000


@pytest.mark.parametrize("command", ["mute", "pause"])
def test_what_is_said_while_nothing_is_sent_is_not_in_the_silence(command: str) -> None:
    bench = Bench("pcm", "mono 8k 8k")
    first, second = tone(40, 8000), tone(40, 8000, 900)
    bench.say(first)
    if command == "mute":
        bench.stream.pause()
        bench.switch.capture(tone(20, 8000, 1300), 8000)
        bench.stream.mute(MuteTarget.USER)
        bench.stream.resume()
        bench.stream.unmute(MuteTarget.USER)
        silence = bytes(16000)
    else:
        bench.switch.capture(second, 8000)  # not yet taken from the ring
        bench.stream.pause()
        bench.switch.capture(tone(20, 8000, 1300), 8000)
        bench.stream.resume()
        first, silence = first + second, b""
    bench.say(second)
    assert bench.sent() == first + silence + second


def test_a_mute_without_a_connection_owes_nothing_to_the_next() -> None:
    bench = Bench("pcm", "mono 8k 8k")
    bench.say(tone(40, 8000))
    bench.connection.connected = False
    bench.stream.on_disconnected(1006, "")
    bench.connection.texts.clear()
    with pytest.raises(CommandRefusedError):
        bench.stream.mute(MuteTarget.USER)
    bench.connection.connected = True
    bench.stream.on_connected()
    bench.say(tone(40, 8000))
    assert bench.sent() == b""
    bench.stream.unmute(MuteTarget.USER)
    bench.say(tone(40, 8000))
    assert bench.sent() == tone(40, 8000)


def test_a_stop_before_the_format_is_known_sends_no_audio() -> None:
    bench = Bench("pcmu")
    bench.session("created")
    bench.say(tone(100, 8000))
    bench.stream.stop(b'{"type":"bye"}')
    assert bench.types() == ["session.update", "bye"]


def test_a_stop_flushes_in_the_format_in_effect() -> None:
    bench = Bench("pcmu")
    bench.session("created")
    bench.session("updated", ULAW, ULAW)
    bench.switch.capture(tone(10, 8000), 8000)
    bench.stream.stop()
    assert bench.sent() == g711_encode(tone(10, 8000), "pcmu")


def test_after_a_reconnect_the_format_is_asked_for_again() -> None:
    bench = Bench("pcmu")
    bench.session("created")
    bench.session("updated", ULAW, ULAW)
    bench.say(tone(100, 8000))
    bench.stream.on_disconnected(1006, "")
    bench.connection.texts.clear()
    bench.stream.on_connected()
    bench.say(tone(100, 8000, 700))
    assert bench.types() == []
    bench.session("created")
    bench.session("updated", ULAW, ULAW)
    bench.say(bytes(320))
    assert bench.types()[0] == "session.update"
    assert bench.sent() == g711_encode(tone(100, 8000, 700) + bytes(320), "pcmu")
    assert not bench.owner.log_lines


@pytest.mark.parametrize(
    ("codec", "asked"), [("PCMA", "audio/pcma"), ("PCMU", "audio/pcmu"), ("L16", "audio/pcmu"), ("", "audio/pcmu")]
)
def test_auto_asks_for_what_the_channel_has(codec: str, asked: str) -> None:
    bench = Bench("auto", codec=codec)
    bench.session("created")
    (update,) = bench.connection.texts
    assert update["session"]["audio"] == {"input": {"format": {"type": asked}}, "output": {"format": {"type": asked}}}


def test_in_raw_mode_messages_are_g711_from_the_first_on(law: str) -> None:
    bench = Bench(law, raw=True)
    speech = tone(100, 8000)
    bench.say(speech)
    assert bench.connection.binaries == [g711_encode(frame, law) for frame in frames(speech)]
    answer = g711_encode(tone(101, 8000), law)
    bench.stream.on_binary(answer[:333])
    bench.stream.on_binary(answer[333:])
    assert bench.hear(100) == g711_decode(answer, law)[: 16 * 100]
    assert [rate for _, rate in bench.owner.files] == [8000, 8000]
    assert bench.connection.texts == []
