"""Frames through the bugs of a stepped call, by the rules of FreeSWITCH."""

import struct

import pytest

from mod_openai_realtime.standin import Call, Hold, StandIn


def frame(call: Call, value: int, write: bool = False) -> bytes:
    size = call.frame_bytes.write if write else call.frame_bytes.read
    return struct.pack("<h", value) * (size // 2)


def names(switch: StandIn) -> list[str]:
    return [event.subclass.removeprefix("probe::") for event in switch.events()]


def add(switch: StandIn, call: Call, options: str) -> None:
    assert switch.api("probe", f"{call.uuid} add {options}") == "+OK\n"
    switch.wait_event("probe::init", call.uuid)


def read(switch: StandIn, call: Call) -> tuple[bytes, str]:
    event = switch.wait_event("probe::read", call.uuid, timeout=0)
    return bytes.fromhex(event.body), event.headers["Frame"]


def test_a_call_without_bugs_sends_what_the_channel_sends(switch: StandIn) -> None:
    call = switch.call()
    assert call.step(frame(call, 1), frame(call, 7)) == frame(call, 7)
    assert call.step(frame(call, 1)) == bytes(call.frame_bytes.write)
    assert call.step(frame(call, 1), None) is None


def test_a_bug_reads_what_the_caller_says(switch: StandIn) -> None:
    call = switch.call(read_rate=16000)
    add(switch, call, "read")
    call.step(frame(call, 5), frame(call, 9))
    assert read(switch, call) == (frame(call, 5), "16000 320 1")


def test_without_a_packet_a_bug_reads_comfort_noise(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read")
    call.step(None)
    assert read(switch, call)[0] == b"\xff" * call.frame_bytes.read


def test_write_replace_changes_what_is_sent(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "replace add=100")
    assert call.step(frame(call, 0), frame(call, 3)) == frame(call, 103)


def test_a_frame_of_the_bugs_own_is_sent_in_place_of_the_channels(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "replace own_frame add=4")
    assert call.step(frame(call, 0), frame(call, 3)) == frame(call, 7)


def test_a_channel_that_sends_nothing_is_not_asked_to_replace(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read replace quiet")
    assert call.step(frame(call, 0), None) is None
    assert names(switch) == []


def test_bugs_are_run_in_the_order_they_were_added(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "replace add=1")
    add(switch, call, "replace add=10")
    call.step(frame(call, 0), frame(call, 0))
    bodies = [bytes.fromhex(event.body) for event in switch.events()]
    assert bodies == [frame(call, 0), frame(call, 1)], "the second gets the frame that the first has made"


def test_the_write_stream_is_fed_before_the_frame_is_replaced(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read write replace add=50")
    call.step(frame(call, 1), frame(call, 2))
    assert names(switch) == ["read", "write", "write_replace"]
    call.step(frame(call, 1), frame(call, 2))
    assert read(switch, call)[0] == frame(call, 1 + 2), "what was written before it was replaced"


def test_mixed_reading_sums_both_directions_and_limits_the_sum(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read write")
    call.step(frame(call, 30000), frame(call, 30000))
    assert read(switch, call)[0] == frame(call, 30000 - 1), "nothing written yet: the gap is 0xff bytes"
    call.step(frame(call, 30000), None)
    assert read(switch, call)[0] == frame(call, 32767)


def test_stereo_reading_puts_the_caller_left(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read write stereo")
    call.step(frame(call, 1), frame(call, 2))
    assert read(switch, call) == (struct.pack("<hh", 1, -1) * 160, "8000 160 2")
    call.step(frame(call, 3), frame(call, 4))
    assert read(switch, call)[0] == struct.pack("<hh", 3, 2) * 160


def test_a_mixed_bug_gets_no_frame_while_the_write_side_has_shorter_frames_than_the_read_side(switch: StandIn) -> None:
    call = switch.call(read_rate=16000, write_rate=8000)
    add(switch, call, "read write")
    call.step(frame(call, 1), frame(call, 2, write=True))
    read(switch, call)
    call.step(frame(call, 1), frame(call, 2, write=True))
    with pytest.raises(TimeoutError):
        read(switch, call)
    call.step(frame(call, 1), None)
    assert read(switch, call)[0] == frame(call, 3)


def test_a_write_side_far_ahead_loses_a_frame(switch: StandIn) -> None:
    call = switch.call(read_rate=8000, write_rate=32000)
    add(switch, call, "read write")
    call.step(frame(call, 1), frame(call, 2, write=True))
    read(switch, call)
    for _ in range(3):
        call.step(frame(call, 1), None)
        assert read(switch, call)[0] == frame(call, 3)
    call.step(frame(call, 1), None)
    assert read(switch, call)[0] == frame(call, 1 - 1), "of four frames written, one was lost and three read"


def test_a_callback_that_answers_false_takes_its_bug_off(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read prune_read quiet")
    add(switch, call, "replace prune_write add=1")
    assert call.bug_count == 2
    assert call.step(frame(call, 0), frame(call, 3)) == frame(call, 4)
    assert call.bug_count == 0
    assert names(switch) == ["close", "write_replace", "close"]
    assert call.step(frame(call, 0), frame(call, 3)) == frame(call, 3)


def test_a_bug_that_refuses_to_start_is_not_added(switch: StandIn) -> None:
    call = switch.call()
    assert switch.api("probe", f"{call.uuid} add read refuse") == "-ERR not added\n"
    assert call.bug_count == 0
    assert names(switch) == ["init"], "and it is not closed"


def test_a_bug_with_flags_that_are_not_mirrored_is_refused(switch: StandIn) -> None:
    call = switch.call()
    assert switch.api("probe", f"{call.uuid} add read unknown") == "-ERR not added\n"


def test_a_removed_bug_is_closed_once_and_hears_no_more(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read")
    assert switch.api("probe", f"{call.uuid} remove") == "+OK\n"
    call.step(frame(call, 1))
    assert names(switch) == ["close"]
    call.hangup()
    assert names(switch) == []


def test_the_codec_may_change_in_mid_call(switch: StandIn) -> None:
    call = switch.call(read_rate=8000)
    add(switch, call, "read replace add=1")
    call.step(frame(call, 1), frame(call, 1, write=True))
    assert read(switch, call)[1] == "8000 160 1"
    call.set_codec(16000, 48000, ptime_ms=30)
    assert call.step(frame(call, 2), frame(call, 2, write=True)) == frame(call, 3, write=True)
    assert read(switch, call) == (frame(call, 2), "16000 480 1")
    assert call.frame_bytes == (960, 2880)
    assert "read=16000 write=48000 ptime=30000 bytes=960" in switch.api("probe", f"{call.uuid} facts")


def test_on_hold_by_the_caller_the_bugs_replace_what_is_then_not_sent_and_read_nothing(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read replace add=1")
    call.hold()
    assert call.step(frame(call, 5), frame(call, 0)) is None
    assert names(switch) == ["write_replace"]
    call.unhold()
    assert call.step(frame(call, 5), frame(call, 0)) == frame(call, 1)
    assert names(switch) == ["read", "write_replace"]


def test_on_hold_by_the_switch_no_bug_is_called(switch: StandIn) -> None:
    call = switch.call()
    add(switch, call, "read replace add=1")
    call.hold(Hold.BY_SWITCH)
    assert call.step(frame(call, 5), frame(call, 0)) is None
    assert names(switch) == []
    call.unhold()
    assert call.step(frame(call, 5), frame(call, 0)) == frame(call, 1)


def test_a_call_that_is_not_answered_cannot_be_on_hold(switch: StandIn) -> None:
    call = switch.call(state="early")
    call.hold()
    assert call.step(frame(call, 5), frame(call, 7)) == frame(call, 7)


@pytest.mark.parametrize(("rate", "ptime_ms"), [(8000, 10), (24000, 20), (32000, 30), (48000, 40)])
def test_frames_have_the_size_of_the_codec(switch: StandIn, rate: int, ptime_ms: int) -> None:
    call = switch.call(read_rate=rate, ptime_ms=ptime_ms)
    add(switch, call, "read")
    size = rate * ptime_ms // 1000
    assert len(call.step(bytes(2 * size)) or b"") == 2 * size
    assert read(switch, call) == (bytes(2 * size), f"{rate} {size} 1")


def test_a_frame_of_the_wrong_size_is_refused(switch: StandIn) -> None:
    call = switch.call()
    with pytest.raises(ValueError, match="320"):
        call.step(bytes(318))
    with pytest.raises(ValueError, match="320"):
        call.step(bytes(320), bytes(322))


def test_a_stereo_channel_has_frames_of_two_channels(switch: StandIn) -> None:
    call = switch.call(channels=2)
    add(switch, call, "read")
    call.step(frame(call, 4))
    assert read(switch, call) == (frame(call, 4), "8000 160 2")


def test_a_codec_that_no_channel_has_is_refused(switch: StandIn) -> None:
    with pytest.raises(ValueError, match="11025"):
        switch.call(read_rate=11025)
    with pytest.raises(ValueError, match="25 ms"):
        switch.call(ptime_ms=25)
