"""Caller audio on the WebSocket: what is sent when it is broken off, to the sample."""

from __future__ import annotations

import os
import time

import pytest
from caller_bench import FRAME_BYTES, FRAME_MS, CallerBench
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime._media import g711_encode
from mod_openai_realtime.audio.capture import MAX_HELD_MS
from mod_openai_realtime.audio.gate import Gate
from mod_openai_realtime.conversation.negotiation import LONGEST_WAIT_MS

HOUR_NS = 3_600_000_000_000
ULAW = {"type": "audio/pcmu"}


@pytest.mark.parametrize("message_ms", range(20, 1001, 20))
def test_a_mute_sends_what_was_captured_and_a_second_of_silence_in_messages_of_every_length(message_ms: int) -> None:
    bench = CallerBench(message_ms)
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
    bench = CallerBench(message_ms, law=law, raw=True)
    said = os.urandom(5 * FRAME_BYTES)
    bench.say(said)
    bench.mute()
    assert bench.sent() == g711_encode(said + bytes(16000), law)


@pytest.mark.parametrize(("rate", "channels"), [(24000, 1), (48000, 2), (8000, 2), (40000, 1)])
def test_silence_is_a_second_at_every_rate_and_of_both_channels(rate: int, channels: int) -> None:
    bench = CallerBench(300, rate=rate, channels=channels)
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
    bench = CallerBench(300)
    bench.mute()
    assert bench.sent() == bytes(16000)


def test_a_mute_while_the_format_is_open_sends_words_and_silence_once_it_is_known() -> None:
    bench = CallerBench(law="pcmu")
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
    bench = CallerBench(100, law="pcmu")
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
    bench = CallerBench(law="pcmu")
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
    bench = CallerBench(law="pcmu")
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
    bench = CallerBench()
    bench.outgoing.want(False)
    bench.say(os.urandom(FRAME_BYTES))  # still in the ring
    bench.outgoing.finish()
    assert bench.sent() == b""


def test_where_no_answer_comes_audio_goes_as_this_session_has_it_not_as_the_one_before() -> None:
    bench = CallerBench(law="pcmu")
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
    bench = CallerBench()
    bench.lose(keeps=True)
    bench.say(os.urandom(10 * FRAME_BYTES))
    bench.tick()
    monkeypatch.setattr(time, "monotonic_ns", lambda: 1_000_000_000)
    bench.connect(keep=True)
    assert bench.outgoing.gap_ms(0, HOUR_NS) == 1000 - 10 * FRAME_MS


def test_a_muted_caller_does_not_wait_for_an_answer_for_ever() -> None:
    bench = CallerBench(law="pcmu")
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
    bench = CallerBench(law="pcmu")
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
    bench = CallerBench(message_ms, law="pcmu" if negotiates else "pcm")
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
    bench = CallerBench(100)
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


def test_while_a_network_takes_nothing_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = CallerBench(20, short_way=False)
    send = bench.transport.send_text

    def send_and_be_full(payload: bytes) -> bool:
        bench.outgoing.congest(True)
        return send(payload)

    monkeypatch.setattr(bench.transport, "send_text", send_and_be_full)
    said = os.urandom(5 * FRAME_BYTES)
    bench.say(said)
    bench.outgoing.tick()
    assert bench.transport.messages == [said[:FRAME_BYTES]]
    bench.say(said)
    bench.outgoing.tick()
    assert bench.transport.messages == [said[:FRAME_BYTES]]


def test_a_caller_who_is_unmuted_is_heard_from_then_on() -> None:
    bench = CallerBench()
    bench.say(os.urandom(FRAME_BYTES))
    bench.tick()
    bench.outgoing.want(False)
    bench.say(os.urandom(FRAME_BYTES))  # still in the ring
    bench.unmute()
    fresh = os.urandom(3 * FRAME_BYTES)
    bench.say(fresh)
    bench.tick()
    assert bench.sent()[FRAME_BYTES:] == fresh
