"""The playback ring: what the media thread takes, fills, skips and counts."""

import os
from array import array

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.control import Control

RATE = 8000
FRAME = 160
FADE = RATE * 5 // 1000


def pair(rate: int = RATE) -> tuple[SwitchSide, StreamMemory]:
    switch = SwitchSide()
    engine = StreamMemory(switch.fd)
    engine.discard_playback(rate)
    return switch, engine


def samples(count: int, value: int = 1000) -> bytes:
    return array("h", [value] * count).tobytes()


def ramp(count: int, start: int = 1) -> bytes:
    return array("h", range(start, start + count)).tobytes()


def test_an_empty_ring_leaves_the_channel_its_own_audio() -> None:
    switch, engine = pair()
    assert switch.playback(FRAME, RATE, 123) is None
    assert engine.underruns == 0
    assert engine.write_frames == 1 and engine.write_time_ns == 123
    assert engine.write_rate == RATE


def test_frames_come_out_as_they_went_in() -> None:
    switch, engine = pair()
    pcm = ramp(3 * FRAME)
    assert engine.write_playback(pcm) == 3 * FRAME
    out = b"".join(switch.playback(FRAME, RATE) or b"" for _ in range(3))
    assert out == pcm
    assert engine.played_samples == engine.playback_tail == 3 * FRAME


def test_the_ring_wraps_without_a_seam() -> None:
    switch, engine = pair()
    expected = b""
    got = b""
    for turn in range(300):
        pcm = array("h", [(turn * 331 + i) % 30000 for i in range(331)]).tobytes()
        assert engine.write_playback(pcm) == 331
        expected += pcm
        got += switch.playback(331, RATE) or b""
    assert got == expected


def test_a_full_ring_takes_what_fits() -> None:
    _, engine = pair()
    assert engine.write_playback(samples(40000)) == engine.playback_capacity == 32768
    assert engine.write_playback(samples(1)) == 0


def test_the_end_of_a_response_is_filled_with_silence_and_is_no_underrun() -> None:
    switch, engine = pair()
    engine.write_playback(samples(100))
    assert switch.playback(FRAME, RATE) == samples(100) + bytes(2 * 60)
    assert switch.playback(FRAME, RATE) is None
    assert engine.underruns == 0
    engine.set_control(Control.EXPECTING, 0)
    assert switch.playback(FRAME, RATE) == bytes(2 * FRAME), "there is nothing to fade from"


def test_an_underrun_in_mid_response_fades_and_is_counted() -> None:
    switch, engine = pair()
    engine.set_control(Control.EXPECTING, 0)
    engine.write_playback(samples(100))
    out = array("h", switch.playback(FRAME, RATE) or b"")
    assert list(out[:100]) == [1000] * 100
    fade = list(out[100 : 100 + FADE])
    assert fade == sorted(fade, reverse=True) and 900 < fade[0] < 1000 and 0 <= fade[-1] < 100
    assert not any(out[100 + FADE :])
    assert engine.underruns == 1 and engine.underrun_samples == 60
    assert switch.playback(FRAME, RATE) == bytes(2 * FRAME)
    engine.write_playback(ramp(FRAME))
    assert switch.playback(FRAME, RATE) == ramp(FRAME)


def test_a_discard_is_heard_as_a_short_fade_and_tells_where_hearing_ended() -> None:
    switch, engine = pair()
    engine.write_playback(samples(10 * FRAME))
    switch.playback(FRAME, RATE)
    switch.playback(FRAME, RATE)
    target = engine.discard_playback(RATE)
    assert target == 10 * FRAME
    out = array("h", switch.playback(FRAME, RATE) or b"")
    assert list(out[:FADE]) == sorted(out[:FADE], reverse=True) and out[0] < 1000
    assert not any(out[FADE:])
    assert engine.cut_at == 2 * FRAME and engine.cut_until == target
    assert engine.playback_tail == target
    assert engine.played_samples == 2 * FRAME
    assert switch.playback(FRAME, RATE) is None


def test_an_engine_that_comes_later_writes_on_where_the_one_before_has_stopped() -> None:
    switch, engine = pair()
    engine.write_playback(ramp(FRAME))
    StreamMemory(switch.fd).write_playback(ramp(FRAME, FRAME + 1))
    assert b"".join(switch.playback(FRAME, RATE) or b"" for _ in range(2)) == ramp(2 * FRAME)


def test_a_discard_in_mid_response_fades_once() -> None:
    switch, engine = pair()
    engine.set_control(Control.EXPECTING, 0)
    engine.write_playback(samples(FRAME) + samples(FRAME, 2000))
    switch.playback(FRAME, RATE)
    engine.discard_playback(RATE)
    out = array("h", switch.playback(FRAME, RATE) or b"")
    assert 1900 < out[0] < 2000 and not any(out[FADE:])


def test_a_frame_shorter_than_a_fade_has_all_of_a_shorter_one() -> None:
    switch, engine = pair()
    engine.write_playback(samples(FRAME))
    switch.playback(16, RATE)
    engine.discard_playback(RATE)
    out = array("h", switch.playback(16, RATE) or b"")
    assert list(out) == sorted(out, reverse=True) and out[0] > 900 and out[-1] < 100


def test_what_is_written_after_a_discard_is_played() -> None:
    switch, engine = pair()
    engine.write_playback(samples(FRAME * 5))
    engine.discard_playback(RATE)
    engine.write_playback(ramp(FRAME))
    assert switch.playback(FRAME, RATE) == ramp(FRAME)


def test_pause_holds_the_place() -> None:
    switch, engine = pair()
    engine.write_playback(ramp(2 * FRAME))
    first = switch.playback(FRAME, RATE)
    engine.set_control(Control.PAUSED, 0)
    assert switch.playback(FRAME, RATE) is None
    assert switch.playback(FRAME, RATE) is None
    engine.set_control(0, Control.PAUSED)
    assert (first or b"") + (switch.playback(FRAME, RATE) or b"") == ramp(2 * FRAME)


def test_on_hold_the_place_is_kept_and_nothing_counts_as_heard_or_missing() -> None:
    switch, engine = pair()
    engine.write_playback(ramp(2 * FRAME))
    engine.set_control(Control.EXPECTING, 0)
    first = switch.playback(FRAME, RATE)
    assert switch.playback(FRAME, RATE, 0, True) is None
    assert engine.playback_tail == engine.played_samples == FRAME
    assert (first or b"") + (switch.playback(FRAME, RATE) or b"") == ramp(2 * FRAME)
    assert switch.playback(FRAME, RATE, 0, True) is None, "nor is there an underrun"
    assert engine.underruns == 0


def test_a_discard_on_hold_takes_effect_in_silence() -> None:
    switch, engine = pair()
    engine.write_playback(samples(3 * FRAME))
    switch.playback(FRAME, RATE)
    engine.discard_playback(RATE)
    assert switch.playback(FRAME, RATE, 0, True) is None
    assert engine.cut_at == FRAME


def test_on_hold_the_channels_rate_is_followed_all_the_same() -> None:
    switch, engine = pair()
    engine.write_playback(samples(FRAME))
    assert switch.playback(2 * FRAME, 16000, 0, True) is None
    assert engine.write_rate == 16000 and engine.playback_tail == 0


def test_a_discard_while_paused_takes_effect_in_silence() -> None:
    switch, engine = pair()
    engine.write_playback(samples(3 * FRAME))
    switch.playback(FRAME, RATE)
    engine.set_control(Control.PAUSED, 0)
    engine.discard_playback(RATE)
    assert switch.playback(FRAME, RATE) is None
    assert engine.cut_at == FRAME


def test_muted_playback_runs_on_unheard() -> None:
    switch, engine = pair()
    engine.write_playback(ramp(3 * FRAME))
    engine.set_control(Control.PLAYBACK_MUTED, 0)
    assert switch.playback(FRAME, RATE) is None
    engine.set_control(0, Control.PLAYBACK_MUTED)
    assert switch.playback(FRAME, RATE) == ramp(FRAME, start=FRAME + 1)
    assert engine.played_samples == FRAME


def test_muted_playback_neither_runs_short_nor_is_faded_from() -> None:
    switch, engine = pair()
    engine.write_playback(samples(2 * FRAME + 10))
    switch.playback(FRAME, RATE)
    engine.set_control(Control.PLAYBACK_MUTED | Control.EXPECTING, 0)
    assert [switch.playback(FRAME, RATE) for _ in range(3)] == [None] * 3
    assert engine.underruns == 0
    engine.set_control(0, Control.PLAYBACK_MUTED)
    assert switch.playback(FRAME, RATE) == bytes(2 * FRAME)


def test_samples_are_never_played_at_another_rate_than_theirs() -> None:
    switch, engine = pair()
    engine.write_playback(samples(4 * FRAME))
    engine.set_control(Control.EXPECTING, 0)
    switch.playback(FRAME, RATE)
    faded = array("h", switch.playback(2 * FRAME, 16000) or b"")
    assert 900 < faded[0] < 1000 and not any(faded[2 * FADE :])
    assert engine.write_rate == 16000 and engine.playback_tail == FRAME
    engine.discard_playback(16000)
    engine.write_playback(ramp(2 * FRAME))
    assert switch.playback(2 * FRAME, 16000) == ramp(2 * FRAME)
    engine.set_control(0, Control.EXPECTING)
    engine.write_playback(ramp(2 * FRAME))
    assert switch.playback(FRAME, RATE) is None
    assert switch.playback(2 * FRAME, 16000) == ramp(2 * FRAME)


def test_positions_that_make_no_sense_are_counted_and_play_nothing() -> None:
    switch, engine = pair()
    engine.write_playback(samples(FRAME))
    playback_head = os.pread(switch.fd, 4096, 0).rindex(FRAME.to_bytes(8, "little"))
    discard_until_offset = playback_head + 8
    before = os.pread(switch.fd, 8, discard_until_offset)
    os.pwrite(switch.fd, (1 << 60).to_bytes(8, "little"), discard_until_offset)
    assert switch.playback(FRAME, RATE) is None
    assert engine.faults == 1
    os.pwrite(switch.fd, before, discard_until_offset)
    assert switch.playback(FRAME, RATE) == samples(FRAME)


def test_a_hush_fades_keeps_its_place_and_sends_silence() -> None:
    switch, engine = pair()
    pcm = samples(4 * FRAME, 1000)
    engine.write_playback(pcm)
    assert switch.playback(FRAME, RATE) == pcm[: 2 * FRAME]
    engine.set_control(Control.HUSHED, 0)
    out = array("h", switch.playback(FRAME, RATE) or b"")
    fade = list(out[:FADE])
    assert fade == sorted(fade, reverse=True) and 900 < fade[0] < 1000 and 0 <= fade[-1] < 100
    assert not any(out[FADE:]) and switch.playback(FRAME, RATE) == bytes(2 * FRAME)
    assert engine.playback_tail == engine.played_samples == FRAME and engine.underruns == 0
    engine.set_control(0, Control.HUSHED)
    assert b"".join(switch.playback(FRAME, RATE) or b"" for _ in range(3)) == pcm[2 * FRAME :]


def test_what_is_muted_in_a_hush_keeps_its_place_too() -> None:
    switch, engine = pair()
    engine.write_playback(ramp(FRAME))
    engine.set_control(Control.HUSHED | Control.PLAYBACK_MUTED, 0)
    assert switch.playback(FRAME, RATE) is None
    engine.set_control(0, Control.HUSHED | Control.PLAYBACK_MUTED)
    assert switch.playback(FRAME, RATE) == ramp(FRAME)


def test_in_a_hush_a_channel_that_nothing_is_played_to_has_its_own_audio() -> None:
    switch, engine = pair()
    engine.set_control(Control.HUSHED, 0)
    assert switch.playback(FRAME, RATE) is None


def test_a_cut_in_a_hush_is_where_hearing_ended() -> None:
    switch, engine = pair()
    engine.write_playback(samples(4 * FRAME))
    switch.playback(FRAME, RATE)
    engine.set_control(Control.HUSHED, 0)
    switch.playback(FRAME, RATE)
    engine.discard_playback(RATE)
    engine.set_control(0, Control.HUSHED)
    assert switch.playback(FRAME, RATE) is None
    assert engine.cut_at == FRAME and engine.played_samples == FRAME
