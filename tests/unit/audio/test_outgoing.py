"""Caller audio on the WebSocket: what is sent when it is broken off, to the sample."""

from __future__ import annotations

import base64
import os
import sys
import time
from typing import Any

import orjson
import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime._media import Packetizer, Poller, StreamMemory, SwitchSide, g711_encode
from mod_openai_realtime.audio.audio_format import Encoding
from mod_openai_realtime.audio.capture import MAX_HELD_MS, Capture
from mod_openai_realtime.audio.gate import Gate
from mod_openai_realtime.audio.outgoing import Outgoing
from mod_openai_realtime.conversation.conversation import Conversation
from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import LONGEST_WAIT_MS, Complaints, Negotiation, Side, Wish
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.dialect.messages import classify
from mod_openai_realtime.realtime.sending import BINARY, TEXT, SendBuffer

FRAME_MS = 20
HOUR_NS = 3_600_000_000_000
FRAME_BYTES = 16 * FRAME_MS
ULAW = {"type": "audio/pcmu"}


class Transport:
    """Keeps the audio of each message."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.send_buffer: SendBuffer | None = self.send_lying

    def send_text(self, payload: bytes) -> bool:
        self.messages.append(base64.b64decode(orjson.loads(payload)["audio"]))
        return True

    def send_binary(self, payload: bytes) -> bool:
        self.messages.append(payload)
        return True

    def send_lying(self, opcode: int, buffer: bytearray, offset: int) -> None:
        send = {TEXT: self.send_text, BINARY: self.send_binary}[opcode]
        send(bytes(buffer[offset:]))


class Bench:
    """A channel at 8 kHz."""

    def __init__(
        self,
        message_ms: int = 20,
        *,
        rate: int = 8000,
        channels: int = 1,
        law: str = "pcm",
        raw: bool = False,
        short_way: bool = True,
        restored: bool = False,
    ) -> None:
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        self.memory.discard_playback(8000)
        self.memory.watch((1 << 64) - 1, 0)
        self.channels = channels
        self.warnings: list[str] = []
        self._wishes, self._raw, self._restored = {Side.CAPTURE: Wish(Encoding(law), rate)}, raw, restored
        self.session = self.make_session(0)
        self.packetizer = packetizer = Packetizer(self.memory, True)
        self.recorded: list[bytes] = []
        capture = Capture(packetizer, send_rate=rate, channels=channels, message_ms=message_ms, two_in_one=True)
        self.transport = Transport()
        if not short_way:
            self.transport.send_buffer = None
        self.outgoing = Outgoing(capture, self.session, self.transport, self.warnings.append, raw=raw)
        self._poller = Poller()
        self._poller.add(self.memory, self.outgoing, packetizer)
        self.connect(keep=False)

    def make_session(self, number: int) -> Session:
        negotiation = Negotiation(self._wishes, Complaints(self.warnings.append), session=not self._raw)
        conversation = Conversation(None, plays=False) if self._restored else None
        if conversation is not None:
            conversation.application_sent({"session": {"instructions": "Be brief."}})
        return Session(
            number, negotiation, Interruption(True), conversation, plays=False, raw=self._raw, restored=number > 0
        )

    def reconnect(self) -> None:
        self.lose(keeps=False)
        self.connect(keep=False)

    def roll_over(self) -> Transport:
        """Another connection goes on: where its messages go."""
        self.session, other = self.make_session(1), Transport()
        self.transport.send_buffer = other.send_lying
        self.outgoing.switch(self.session)
        self.outgoing.look()
        return other

    def connect(self, *, keep: bool) -> None:
        self.outgoing.connect(self.session, keep=keep)
        self.outgoing.look()

    def lose(self, *, keeps: bool, whole: bool = False) -> None:
        self.session = self.make_session(1)
        self.outgoing.disconnect(self.session, keeps=keeps, whole=whole)

    def say(self, pcm: bytes) -> None:
        step = FRAME_BYTES * self.channels
        for at in range(0, len(pcm), step):
            self.switch.capture(pcm[at : at + step], 8000, self.channels)

    def tick(self) -> None:
        for outgoing in self._poller.ready():
            outgoing.tick()
        self.recorded += [pcm for pcm, *_ in self.packetizer.take_copies()]

    def mute(self) -> None:
        self.outgoing.silence()
        self.outgoing.want(False)

    def unmute(self) -> None:
        self.outgoing.want(True)

    def server(self, kind: str, **fields: Any) -> None:
        negotiation = self.session.negotiation
        asked = negotiation.server_said(classify(orjson.dumps({"type": kind, **fields})))
        if asked is not None:
            negotiation.engine_asks(asked)
        self.outgoing.look()

    def sent(self) -> bytes:
        return b"".join(self.transport.messages)


@pytest.mark.parametrize("message_ms", range(20, 1001, 20))
def test_a_mute_sends_what_was_captured_and_a_second_of_silence_in_messages_of_every_length(message_ms: int) -> None:
    bench = Bench(message_ms)
    said = os.urandom(20 * FRAME_BYTES)
    bench.say(said[: 17 * FRAME_BYTES])
    bench.tick()
    bench.say(said[17 * FRAME_BYTES :])  # still in the ring
    bench.mute()
    for _ in range(60):
        bench.say(os.urandom(FRAME_BYTES))
        bench.tick()
    assert bench.sent() == said + bytes(16000)
    *whole, last = [len(message) for message in bench.transport.messages]
    assert set(whole) <= {16 * message_ms} and 0 < last <= 16 * message_ms


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
@pytest.mark.parametrize("message_ms", [20, 300, 980])
def test_silence_in_g711_is_its_code_word_for_nothing(law: str, message_ms: int) -> None:
    bench = Bench(message_ms, law=law, raw=True)
    said = os.urandom(5 * FRAME_BYTES)
    bench.say(said)
    bench.mute()
    assert bench.sent() == g711_encode(said + bytes(16000), law)


@pytest.mark.parametrize(("rate", "channels"), [(24000, 1), (48000, 2), (8000, 2), (40000, 1)])
def test_silence_is_a_second_at_every_rate_and_of_both_channels(rate: int, channels: int) -> None:
    bench = Bench(300, rate=rate, channels=channels)
    loud = b"\x00\x40" * (FRAME_BYTES // 2 * channels)
    for _ in range(10):
        bench.say(loud)
        bench.tick()
    bench.mute()
    second = 2 * rate * channels
    sent = bench.sent()
    assert len(sent) == second * 200 // 1000 + second
    assert sent[-second:] == bytes(second) and sent[-second - 2 : -second] != bytes(2)


def test_a_mute_with_nothing_captured_is_silence_alone() -> None:
    bench = Bench(300)
    bench.mute()
    assert bench.sent() == bytes(16000)


def test_a_mute_while_the_format_is_open_sends_words_and_silence_once_it_is_known() -> None:
    bench = Bench(law="pcmu")
    first, muted, second = (os.urandom(10 * FRAME_BYTES) for _ in range(3))
    bench.server("session.created", session={})
    bench.say(first)
    bench.mute()
    bench.say(muted)
    bench.tick()
    assert bench.sent() == b""
    bench.unmute()
    bench.say(second)
    bench.tick()
    assert bench.sent() == b""
    bench.server("session.updated", session={"audio": {"input": {"format": ULAW}}})
    bench.tick()
    assert bench.sent() == g711_encode(first + bytes(16000) + second, "pcmu")


def test_a_mute_that_lasts_through_the_answer_sends_words_and_silence_then() -> None:
    bench = Bench(100, law="pcmu")
    first = os.urandom(7 * FRAME_BYTES)
    bench.server("session.created", session={})
    bench.say(first)
    bench.mute()
    bench.server("session.updated", session={"audio": {"input": {"format": ULAW}}})
    for _ in range(3):
        bench.say(os.urandom(FRAME_BYTES))
        bench.tick()
    assert bench.sent() == g711_encode(first + bytes(16000), "pcmu")


def test_a_caller_who_is_unmuted_before_the_answer_is_heard_from_then_on() -> None:
    bench = Bench(law="pcmu")
    first, muted, fresh = (os.urandom(3 * FRAME_BYTES) for _ in range(3))
    bench.server("session.created", session={})
    bench.say(first)
    bench.mute()
    bench.say(muted)  # still in the ring
    bench.unmute()
    bench.say(fresh)
    bench.server("session.updated", session={"audio": {"input": {"format": ULAW}}})
    bench.tick()
    assert bench.sent() == g711_encode(first + bytes(16000) + fresh, "pcmu")


@pytest.mark.parametrize("muted", [False, True])
def test_once_all_that_was_held_is_out_frames_go_their_short_way(muted: bool) -> None:
    bench = Bench(law="pcmu")
    bench.server("session.created", session={})
    bench.say(os.urandom(FRAME_BYTES))
    bench.outgoing.finish()
    bench.outgoing.want(not muted)
    assert bench.packetizer.gate == Gate.HELD
    bench.server("session.updated", session={"audio": {"input": {"format": ULAW}}})
    bench.tick()
    assert bench.packetizer.gate == (Gate.SHUT if muted else Gate.OPEN)
    bench.unmute()
    assert bench.packetizer.gate == Gate.OPEN


def test_what_is_said_while_muted_is_not_sent_by_what_ends_a_turn() -> None:
    bench = Bench()
    bench.outgoing.want(False)
    bench.say(os.urandom(FRAME_BYTES))  # still in the ring
    bench.outgoing.finish()
    assert bench.sent() == b""


def test_where_no_answer_comes_audio_goes_as_this_session_has_it_not_as_the_one_before() -> None:
    bench = Bench(law="pcmu")
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    bench.reconnect()
    bench.server("session.created", session={})
    said = b""
    while not bench.sent():
        said += (frame := os.urandom(FRAME_BYTES))
        bench.say(frame)
        bench.tick()
    assert bench.sent() == said[-MAX_HELD_MS * 16 :]


def test_what_was_kept_is_no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.lose(keeps=True)
    bench.say(os.urandom(10 * FRAME_BYTES))
    bench.tick()
    monkeypatch.setattr(time, "monotonic_ns", lambda: 1_000_000_000)
    bench.connect(keep=True)
    assert bench.outgoing.gap_ms(0, HOUR_NS) == 1000 - 10 * FRAME_MS


def test_a_muted_caller_does_not_wait_for_an_answer_for_ever() -> None:
    bench = Bench(law="pcmu")
    first = os.urandom(5 * FRAME_BYTES)
    bench.server("session.created", session={})
    bench.say(first)
    bench.mute()
    for _ in range((LONGEST_WAIT_MS - 100) // FRAME_MS):
        assert bench.sent() == b""
        bench.say(os.urandom(FRAME_BYTES))
        bench.tick()
    assert bench.sent() == first + bytes(16000)
    assert len(bench.warnings) == 1


def test_another_connection_gets_neither_words_nor_silence_of_the_one_before() -> None:
    bench = Bench(law="pcmu")
    bench.say(os.urandom(FRAME_BYTES))
    bench.mute()
    bench.reconnect()
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    bench.tick()
    bench.tick()
    assert bench.sent() == b""


OPERATIONS = st.lists(st.sampled_from(["say", "say", "tick", "mute", "unmute", "finish", "answer"]), max_size=40)


@given(OPERATIONS, st.sampled_from([20, 40, 300, 980]), st.booleans())
@examples(100)
def test_whatever_is_done_every_word_before_a_mute_is_sent_and_none_after_it(
    operations: list[str], message_ms: int, negotiates: bool
) -> None:
    bench = Bench(message_ms, law="pcmu" if negotiates else "pcm")
    expected, muted, waiting, frame = b"", False, negotiates, 0
    for operation in [*operations, "answer", "tick", "finish"]:
        if operation == "say":
            frame += 1
            said = bytes([frame, frame]) * (FRAME_BYTES // 2)
            bench.say(said)
            expected += b"" if muted else said
        elif operation == "tick":
            bench.tick()
        elif operation == "mute" and not muted:
            bench.mute()
            muted = True
            expected += bytes(16000)
        elif operation == "unmute" and muted:
            bench.unmute()
            muted = False
        elif operation == "finish" and not muted:
            bench.outgoing.finish()
        elif operation == "answer" and waiting:
            bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
            waiting = False
    assert frame * FRAME_MS <= MAX_HELD_MS
    assert bench.sent() == (g711_encode(expected, "pcmu") if negotiates else expected)
    assert all(len(message) <= message_ms * (8 if negotiates else 16) for message in bench.transport.messages)


def test_what_a_network_did_not_take_is_not_joined_to_what_comes_after_it() -> None:
    bench = Bench(100)
    before, lost, after = (os.urandom(count * FRAME_BYTES) for count in (7, 5, 10))
    bench.say(before)
    bench.tick()
    bench.outgoing.congest(True)
    bench.say(lost)
    bench.tick()
    bench.say(lost)
    bench.outgoing.congest(False)
    bench.say(after)
    bench.tick()
    assert bench.transport.messages == [before[: 5 * FRAME_BYTES], after[: 5 * FRAME_BYTES], after[5 * FRAME_BYTES :]]
    assert len(bench.warnings) == 1


def test_a_caller_who_is_unmuted_is_heard_from_then_on() -> None:
    bench = Bench()
    bench.say(os.urandom(FRAME_BYTES))
    bench.tick()
    bench.outgoing.want(False)
    bench.say(os.urandom(FRAME_BYTES))  # still in the ring
    bench.unmute()
    fresh = os.urandom(3 * FRAME_BYTES)
    bench.say(fresh)
    bench.tick()
    assert bench.sent()[FRAME_BYTES:] == fresh


def test_what_is_kept_between_two_connections_is_the_first_that_the_next_one_gets() -> None:
    bench = Bench()
    bench.say(os.urandom(FRAME_BYTES))
    bench.tick()
    bench.lose(keeps=True)
    kept, fresh = os.urandom(4 * FRAME_BYTES), os.urandom(2 * FRAME_BYTES)
    bench.say(kept)
    bench.tick()
    bench.connect(keep=True)
    bench.say(fresh)
    bench.tick()
    assert bench.sent()[FRAME_BYTES:] == kept + fresh


def test_what_one_connection_got_no_more_is_not_joined_to_what_is_kept_for_the_next() -> None:
    bench = Bench(100)
    bench.say(os.urandom(3 * FRAME_BYTES))
    bench.tick()
    bench.lose(keeps=True)
    bench.connect(keep=True)
    fresh = os.urandom(5 * FRAME_BYTES)
    bench.say(fresh)
    bench.tick()
    assert bench.transport.messages == [fresh]


def test_what_one_connection_had_not_got_goes_to_the_next_where_nothing_is_to_be_lost() -> None:
    bench = Bench(100)
    said = [os.urandom(count * FRAME_BYTES) for count in (3, 4, 3)]
    bench.say(said[0])
    bench.tick()
    bench.lose(keeps=True, whole=True)
    bench.say(said[1])
    bench.tick()
    bench.connect(keep=True)
    bench.say(said[2])
    bench.tick()
    assert bench.sent() == b"".join(said)


def test_of_what_is_kept_for_the_next_connection_the_newest_two_seconds_are() -> None:
    bench = Bench()
    bench.lose(keeps=True)
    frames = [os.urandom(FRAME_BYTES) for _ in range(MAX_HELD_MS // FRAME_MS + 10)]
    for frame in frames:
        bench.say(frame)
        bench.tick()
    bench.connect(keep=True)
    assert bench.sent() == b"".join(frames[10:])


def test_a_connection_that_is_lost_is_let_go() -> None:
    bench = Bench()
    send = bench.transport.send_buffer = lambda *_: None
    before = sys.getrefcount(send)
    bench.reconnect()
    assert sys.getrefcount(send) == before + 1
    bench.lose(keeps=False)
    assert sys.getrefcount(send) == before


def test_another_connection_is_not_congested() -> None:
    bench = Bench()
    bench.outgoing.congest(True)
    bench.reconnect()
    fresh = os.urandom(2 * FRAME_BYTES)
    bench.say(fresh)
    bench.tick()
    assert bench.sent() == fresh


def test_a_rollover_loses_no_sample_between_two_connections() -> None:
    bench = Bench(100)
    before, after = os.urandom(3 * FRAME_BYTES), os.urandom(2 * FRAME_BYTES)
    bench.say(before)
    bench.tick()
    other = bench.roll_over()
    bench.say(after)
    bench.tick()
    assert (bench.sent(), other.messages) == (b"", [before + after])


def test_another_connection_after_a_rollover_is_not_congested() -> None:
    bench = Bench()
    bench.outgoing.congest(True)
    bench.roll_over()
    said = os.urandom(FRAME_BYTES)
    bench.say(said)
    bench.tick()
    assert bench.sent() == said


def test_after_a_rollover_audio_waits_for_the_new_session() -> None:
    bench = Bench(law="pcmu")
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    bench.roll_over()
    said = os.urandom(3 * FRAME_BYTES)
    bench.say(said)
    bench.tick()
    assert bench.transport.messages == []
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    assert bench.sent() == g711_encode(said, "pcmu")


def test_and_is_not_passed_over_while_that_is_restored() -> None:
    bench = Bench(restored=True)
    bench.roll_over()
    said = os.urandom(3 * FRAME_BYTES)
    bench.say(said)
    bench.tick()
    assert bench.session.restoring and bench.sent() == b""
    bench.session.give_up()
    bench.outgoing.look()
    assert bench.sent() == said


@pytest.mark.parametrize("looked_at", [False, True])
def test_of_a_connection_whose_session_is_still_open_nothing_has_begun(looked_at: bool) -> None:
    bench = Bench(law="pcmu")
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    bench.say(os.urandom(FRAME_BYTES))
    bench.tick()
    bench.lose(keeps=True)
    if looked_at:
        bench.outgoing.look()
    bench.outgoing.connect(bench.session, keep=True)
    bench.outgoing.look()
    assert bench.packetizer.gate == Gate.HELD
    assert bench.outgoing.gap_ms(0, 70_000_000) == 70


def test_the_gap_ends_where_audio_begins_to_flow_though_python_sees_none_of_it() -> None:
    bench = Bench()
    lost_ns = time.monotonic_ns()
    bench.reconnect()
    assert bench.packetizer.gate == Gate.OPEN
    assert bench.outgoing.gap_ms(lost_ns, lost_ns + HOUR_NS) < 3_600_000


def test_each_connection_has_a_gap_of_its_own() -> None:
    bench = Bench(law="pcmu")
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    bench.reconnect()
    assert bench.outgoing.gap_ms(0, HOUR_NS) == 3_600_000


def test_a_connection_to_another_server_follows_the_session_that_is_made_for_it() -> None:
    bench = Bench(law="pcmu")
    bench.lose(keeps=False)
    bench.session = bench.make_session(1)
    bench.connect(keep=False)
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    said = os.urandom(FRAME_BYTES)
    bench.say(said)
    bench.tick()
    assert bench.sent() == g711_encode(said, "pcmu")


def test_an_answer_is_waited_for_from_the_connection_on() -> None:
    bench = Bench(law="pcmu")
    bench.lose(keeps=True)
    for _ in range(LONGEST_WAIT_MS // FRAME_MS):
        bench.say(os.urandom(FRAME_BYTES))
        bench.tick()
    bench.connect(keep=True)
    bench.server("session.created", session={})
    bench.say(os.urandom(FRAME_BYTES))
    bench.tick()
    assert (bench.sent(), bench.warnings) == (b"", [])


def test_what_is_said_while_a_session_is_restored_is_for_it_only_where_that_is_to_be_so() -> None:
    bench = Bench(restored=True)
    sent = b""
    for keep in (False, True, False):
        bench.lose(keeps=keep)
        bench.connect(keep=keep)
        said = os.urandom(3 * FRAME_BYTES)
        bench.say(said)
        bench.tick()
        assert bench.session.restoring and bench.sent() == sent
        bench.session.give_up()
        bench.outgoing.look()
        sent += said if keep else b""
        assert bench.sent() == sent


def test_what_is_said_between_two_connections_is_gone_where_it_is_not_kept() -> None:
    bench = Bench()
    bench.lose(keeps=False)
    bench.say(os.urandom(2 * FRAME_BYTES))  # still in the ring
    bench.connect(keep=False)
    fresh = os.urandom(2 * FRAME_BYTES)
    bench.say(fresh)
    bench.tick()
    assert bench.sent() == fresh


def stated(rate: int, encoding: str = "pcm") -> dict[str, Any]:
    return {"audio": {"input": {"format": {"type": f"audio/{encoding}", "rate": rate}}}}


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 4), st.sampled_from([(8000, 1), (8000, 1), (16000, 1), (8000, 2)])),
        st.tuples(st.just("tick")),
        st.tuples(st.sampled_from(["mute", "unmute", "pause", "flush", "connect"])),
        st.tuples(st.sampled_from(["congest", "lose"]), st.booleans()),
        st.tuples(
            st.just("server"),
            st.sampled_from(["session.created", "session.updated", "error"]),
            st.sampled_from([{}, stated(8000), stated(24000), stated(8000, "pcmu")]),
        ),
        st.tuples(st.just("application"), st.sampled_from([{}, stated(24000), stated(8000, "pcma")])),
        st.tuples(st.just("wait")),
    ),
    max_size=40,
)


@given(
    EVENTS,
    st.sampled_from([20, 100]),
    st.sampled_from(["pcm", "pcmu"]),
    st.sampled_from([1, 2]),
    st.booleans(),
    st.booleans(),
)
@examples(200)
def test_caller_audio_comes_to_the_same_whether_python_sees_it_or_not(
    events: list[tuple[Any, ...]], message_ms: int, law: str, channels: int, raw: bool, restored: bool
) -> None:
    """The law of this direction: a gate that is open does what looking at each frame would have done."""
    ways = [
        Bench(message_ms, law=law, channels=channels, raw=raw, short_way=short, restored=restored)
        for short in (True, False)
    ]
    frame, connected = 0, True
    for event, *arguments in [*events, ("say", 3, (8000, 1)), ("tick",), ("flush",)]:
        for way in ways:
            outgoing = way.outgoing
            match event:
                case "say":
                    count, (rate, read_channels) = arguments
                    for n in range(count):
                        sample = (37 * (frame + n) % 20000 + 1).to_bytes(2, "little")
                        way.switch.capture(
                            sample * (rate // 50 * read_channels), rate, read_channels, 10**9 + (frame + n) * 20_000_000
                        )
                case "tick":
                    way.tick()
                case "mute":
                    way.mute()
                case "unmute":
                    way.unmute()
                case "pause":
                    outgoing.finish()
                    outgoing.want(False)
                case "flush":
                    outgoing.flush()
                case "congest":
                    outgoing.congest(arguments[0])
                case "lose" if connected:
                    way.lose(keeps=arguments[0])
                case "connect" if not connected:
                    way.connect(keep=True)
                case "server":
                    way.server(arguments[0], session=arguments[1], error={})
                case "application":
                    way.session.negotiation.application_sent({"session": arguments[0]})
                    outgoing.look()
                case "wait":
                    for n in range(LONGEST_WAIT_MS // FRAME_MS + 1):
                        way.switch.capture(b"\1\0" * 160, 8000, 1, 10**9 + (frame + n) * 20_000_000)
                        way.tick()
        if event == "say":
            frame += arguments[0]
        elif event == "wait":
            frame += LONGEST_WAIT_MS // FRAME_MS + 1
        connected = (connected or event == "connect") and event != "lose"
    short, long = ways
    assert short.transport.messages == long.transport.messages
    assert short.outgoing.sent_ms == long.outgoing.sent_ms
    assert b"".join(short.recorded) == b"".join(long.recorded)
    assert short.warnings == long.warnings
