"""The real clock: media threads, what they feed, send and measure."""

import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from mod_openai_realtime.standin import CallGoneError, ChannelState, Histogram, StandIn, StandInError
from mod_openai_realtime.standin.histogram import EMPTY, bucket_limit_ns


def test_the_clock_steps_all_calls_and_records_what_they_send(switch: StandIn) -> None:
    before = switch.call(ptime_ms=10)
    before.feed_channel(struct.pack("<h", 7) * 80 * 2)
    switch.run(threads=2)
    after = switch.call(ptime_ms=10)
    before.wait_steps(4)
    after.wait_steps(3)
    switch.halt()
    sent = before.sent()
    assert len(sent) == before.steps * 160
    assert sent[:320] == struct.pack("<h", 7) * 160
    assert not any(sent[320:]), "silence after the end"
    assert before.sent() == b""
    assert len(after.sent()) == after.steps * 160


def test_a_halted_clock_steps_nothing_and_can_run_again(switch: StandIn) -> None:
    call = switch.call(ptime_ms=10)
    switch.run()
    with pytest.raises(StandInError, match="already"):
        switch.run()
    call.wait_steps(1)
    switch.halt()
    steps = call.steps
    assert call.step(bytes(160)) is not None
    assert call.steps == steps + 1
    switch.run()
    call.wait_steps(1)


def test_what_the_caller_says_is_looped_into_the_bugs(switch: StandIn) -> None:
    call = switch.call(ptime_ms=10)
    call.feed(bytes(160) + b"\x01\x00" * 80, loop=True)
    switch.api("probe", f"{call.uuid} add read")
    switch.run()
    frames = [bytes.fromhex(switch.wait_event("probe::read", call.uuid).body) for _ in range(4)]
    assert frames == [bytes(160), b"\x01\x00" * 80] * 2


def test_what_the_caller_goes_on_to_say_comes_behind_what_is_left(switch: StandIn) -> None:
    call = switch.call(ptime_ms=10)
    one, two = b"\x01\x00" * 80, b"\x02\x00" * 80
    switch.api("probe", f"{call.uuid} add read")
    assert call.feed_more(one) == 0
    assert call.feed_more(two[:60]) == 160
    assert call.feed_more(two[60:]) == 220
    switch.run()
    assert [bytes.fromhex(switch.wait_event("probe::read", call.uuid).body) for _ in range(3)] == [one, two, bytes(160)]
    assert call.feed_more(b"") == 0


def test_what_is_sent_is_replaced_under_the_real_clock_too(switch: StandIn) -> None:
    call = switch.call(ptime_ms=10)
    switch.api("probe", f"{call.uuid} add replace add=3")
    switch.run()
    call.wait_steps(2)
    assert call.sent()[:320] == b"\x03\x00" * 160


def test_a_parked_call_sends_nothing(switch: StandIn) -> None:
    call = switch.call(ptime_ms=10)
    call.set_sends(False)
    switch.run()
    call.wait_steps(3)
    assert call.sent() == b""


def test_what_is_kept_of_a_call_is_bounded(switch: StandIn) -> None:
    call = switch.call(ptime_ms=10, sent_limit_bytes=2 * 160)
    switch.run()
    call.wait_steps(4)
    switch.halt()
    assert len(call.sent()) == 2 * 160
    assert call.sent_dropped_bytes == (call.steps - 2) * 160


def test_a_hangup_takes_a_call_off_the_clock(switch: StandIn) -> None:
    call = switch.call(ptime_ms=10)
    switch.api("probe", f"{call.uuid} add read replace quiet")
    switch.run()
    call.wait_steps(1)
    call.hangup()
    switch.wait_event("probe::close", call.uuid)
    assert call.state is ChannelState.HANGUP
    with pytest.raises(CallGoneError):
        call.wait_steps(1)


def test_bugs_and_codecs_change_and_calls_end_while_the_clock_runs(switch: StandIn) -> None:
    def one_call(_: int) -> None:
        call = switch.call(ptime_ms=10)
        for rate in (8000, 16000, 8000):
            assert switch.api("probe", f"{call.uuid} add read write replace add=1") == "+OK\n"
            call.wait_steps(1)
            call.set_codec(rate)
            assert switch.api("probe", f"{call.uuid} remove") == "+OK\n"
        switch.api("probe", f"{call.uuid} add read")
        call.hangup()

    switch.run(threads=2)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one_call, range(12)))
    kinds = [event.subclass for event in switch.events()]
    assert kinds.count("probe::init") == kinds.count("probe::close") == 12 * 4


def test_callbacks_are_measured_by_kind(switch: StandIn) -> None:
    call = switch.call()
    switch.api("probe", f"{call.uuid} add read replace quiet")
    for _ in range(5):
        call.step(bytes(320))
    call.step(bytes(320), None)
    times = switch.callback_times()
    assert (times.read.count, times.write_replace.count, times.late.count) == (6, 5, 0)
    assert 0 < times.read.percentile(50) <= times.read.percentile(100) == times.read.max_ns
    assert sum(times.read.buckets) == 6
    switch.reset_callback_times()
    assert switch.callback_times().read == EMPTY


def test_the_clocks_lateness_is_measured(switch: StandIn) -> None:
    call = switch.call(ptime_ms=10)
    switch.run()
    call.wait_steps(3)
    switch.halt()
    late = switch.callback_times().late
    assert late.count >= 3
    assert late.max_ns == call.late_max_ns > 0


def test_a_percentile_is_the_bound_of_its_bucket() -> None:
    buckets = [0] * 976
    buckets[5] = 90
    buckets[16 * 7 + 3] = 10
    histogram = Histogram(100, 0, 10**9, tuple(buckets))
    assert histogram.percentile(90) == 6
    assert histogram.percentile(91) == bucket_limit_ns(16 * 7 + 3) == (16 + 4) << 6
    assert EMPTY.percentile(99) == 0
    with pytest.raises(ValueError, match="101"):
        histogram.percentile(101)
