"""What of the caller's audio goes to which of a stream's connections, to the sample."""

from __future__ import annotations

import os
import sys
import time

import pytest
from caller_bench import FRAME_BYTES, FRAME_MS, CallerBench

from mod_openai_realtime._media import g711_encode
from mod_openai_realtime.audio.capture import MAX_HELD_MS
from mod_openai_realtime.audio.gate import Gate
from mod_openai_realtime.conversation.negotiation import LONGEST_WAIT_MS

HOUR_NS = 3_600_000_000_000
ULAW = {"type": "audio/pcmu"}


def test_what_is_kept_between_two_connections_is_the_first_that_the_next_one_gets() -> None:
    bench = CallerBench()
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
    bench = CallerBench(100)
    bench.say(os.urandom(3 * FRAME_BYTES))
    bench.tick()
    bench.lose(keeps=True)
    bench.connect(keep=True)
    fresh = os.urandom(5 * FRAME_BYTES)
    bench.say(fresh)
    bench.tick()
    assert bench.transport.messages == [fresh]


def test_what_one_connection_had_not_got_goes_to_the_next_where_nothing_is_to_be_lost() -> None:
    bench = CallerBench(100)
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
    bench = CallerBench()
    bench.lose(keeps=True)
    frames = [os.urandom(FRAME_BYTES) for _ in range(MAX_HELD_MS // FRAME_MS + 10)]
    for frame in frames:
        bench.say(frame)
        bench.tick()
    bench.connect(keep=True)
    assert bench.sent() == b"".join(frames[10:])


def test_a_connection_that_is_lost_is_let_go() -> None:
    bench = CallerBench()
    send = bench.transport.send_buffer = lambda *_: None
    before = sys.getrefcount(send)
    bench.reconnect()
    assert sys.getrefcount(send) == before + 1
    bench.lose(keeps=False)
    assert sys.getrefcount(send) == before


def test_another_connection_is_not_congested() -> None:
    bench = CallerBench()
    bench.outgoing.congest(True)
    bench.reconnect()
    fresh = os.urandom(2 * FRAME_BYTES)
    bench.say(fresh)
    bench.tick()
    assert bench.sent() == fresh


def test_a_rollover_loses_no_sample_between_two_connections() -> None:
    bench = CallerBench(100)
    before, after = os.urandom(3 * FRAME_BYTES), os.urandom(2 * FRAME_BYTES)
    bench.say(before)
    bench.tick()
    other = bench.roll_over()
    bench.say(after)
    bench.tick()
    assert (bench.sent(), other.messages) == (b"", [before + after])


def test_another_connection_after_a_rollover_is_not_congested() -> None:
    bench = CallerBench()
    bench.outgoing.congest(True)
    bench.roll_over()
    said = os.urandom(FRAME_BYTES)
    bench.say(said)
    bench.tick()
    assert bench.sent() == said


def test_after_a_rollover_audio_waits_for_the_new_session() -> None:
    bench = CallerBench(law="pcmu")
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    bench.roll_over()
    said = os.urandom(3 * FRAME_BYTES)
    bench.say(said)
    bench.tick()
    assert bench.transport.messages == []
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    assert bench.sent() == g711_encode(said, "pcmu")


def test_and_is_not_passed_over_while_that_is_restored() -> None:
    bench = CallerBench(restored=True)
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
    bench = CallerBench(law="pcmu")
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
    bench = CallerBench()
    lost_ns = time.monotonic_ns()
    bench.reconnect()
    assert bench.packetizer.gate == Gate.OPEN
    assert bench.outgoing.gap_ms(lost_ns, lost_ns + HOUR_NS) < 3_600_000


def test_each_connection_has_a_gap_of_its_own() -> None:
    bench = CallerBench(law="pcmu")
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    bench.reconnect()
    assert bench.outgoing.gap_ms(0, HOUR_NS) == 3_600_000


def test_a_connection_to_another_server_follows_the_session_that_is_made_for_it() -> None:
    bench = CallerBench(law="pcmu")
    bench.lose(keeps=False)
    bench.session = bench.make_session(1)
    bench.connect(keep=False)
    bench.server("session.created", session={"audio": {"input": {"format": ULAW}}})
    said = os.urandom(FRAME_BYTES)
    bench.say(said)
    bench.tick()
    assert bench.sent() == g711_encode(said, "pcmu")


def test_an_answer_is_waited_for_from_the_connection_on() -> None:
    bench = CallerBench(law="pcmu")
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
    bench = CallerBench(restored=True)
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
    bench = CallerBench()
    bench.lose(keeps=False)
    bench.say(os.urandom(2 * FRAME_BYTES))  # still in the ring
    bench.connect(keep=False)
    fresh = os.urandom(2 * FRAME_BYTES)
    bench.say(fresh)
    bench.tick()
    assert bench.sent() == fresh


def test_and_is_not_held_by_a_tick_meanwhile() -> None:
    bench = CallerBench()
    bench.lose(keeps=False)
    bench.say(os.urandom(5 * FRAME_BYTES))
    bench.outgoing.tick()
    bench.connect(keep=True)
    said = os.urandom(5 * FRAME_BYTES)
    bench.say(said)
    bench.tick()
    assert bench.sent() == said
