"""The capture ring: frames in order, the oldest dropped, nothing torn."""

import os

import pytest

from mod_openai_realtime._media import StreamMemory, SwitchSide


def pair(**sizes: int) -> tuple[SwitchSide, StreamMemory]:
    switch = SwitchSide(**sizes)
    return switch, StreamMemory(switch.fd)


def frame(number: int, size: int = 320) -> bytes:
    return number.to_bytes(2, "little") * (size // 2)


def test_frames_come_out_as_they_went_in() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000, 1, 111)
    switch.capture(frame(2), 8000, 1, 222)
    assert engine.read_capture() == (frame(1) + frame(2), 8000, 1, 111, 0)
    assert engine.read_capture() is None


def test_a_frame_larger_than_a_slot_is_joined_again() -> None:
    switch, engine = pair(slot_payload_bytes=640)
    pcm = os.urandom(1920)
    switch.capture(pcm, 48000)
    run = engine.read_capture()
    assert run is not None and run[0] == pcm


def test_a_change_of_rate_ends_a_run() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000)
    switch.capture(frame(2, 640), 16000)
    switch.capture(frame(3), 8000)
    runs = [engine.read_capture() for _ in range(3)]
    assert [(run[1], len(run[0])) for run in runs if run] == [(8000, 320), (16000, 640), (8000, 320)]


def test_a_full_ring_drops_its_oldest_and_says_how_many() -> None:
    switch, engine = pair(capture_slots=8)
    for number in range(20):
        switch.capture(frame(number), 8000)
    run = engine.read_capture()
    assert run is not None
    assert run[0] == b"".join(frame(number) for number in range(12, 20))
    assert run[4] == 12
    assert engine.capture_dropped == 12


def test_skipping_forgets_what_is_buffered_and_no_more() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000)
    switch.capture(frame(2), 8000)
    assert engine.skip_capture() == 2
    switch.capture(frame(3), 8000)
    run = engine.read_capture()
    assert run is not None and run[0] == frame(3)


def test_a_backlog_longer_than_one_run_comes_in_order() -> None:
    switch, engine = pair(capture_slots=64, slot_payload_bytes=640)
    for number in range(60):
        switch.capture(frame(number, 640), 16000)
    out = b""
    while (run := engine.read_capture()) is not None:
        out += run[0]
        assert run[4] == 0
    assert out == b"".join(frame(number, 640) for number in range(60))


def test_a_second_reader_goes_on_where_the_first_stopped() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000)
    engine.read_capture()
    switch.capture(frame(2), 8000)
    engine.close()
    restarted = StreamMemory(switch.fd)
    run = restarted.read_capture()
    assert run is not None and run[0] == frame(2)


def test_closed_memory_is_refused_not_touched() -> None:
    _, engine = pair()
    engine.close()
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        engine.read_capture()


@pytest.mark.parametrize(
    ("offset", "value"),
    [(0, 1), (4, 9), (8, 1), (16, 64), (20, 3), (24, 24), (24, 13), (28, 1 << 30), (32, 5), (20, 1 << 31)],
)
def test_a_header_that_makes_no_sense_is_refused(offset: int, value: int) -> None:
    switch = SwitchSide()
    os.pwrite(switch.fd, value.to_bytes(4, "little"), offset)
    with pytest.raises(ValueError, match="stream memory"):
        StreamMemory(switch.fd)


def test_a_file_too_small_for_a_header_is_refused() -> None:
    fd = os.memfd_create("small")
    try:
        os.ftruncate(fd, 100)
        with pytest.raises(ValueError, match="too small"):
            StreamMemory(fd)
    finally:
        os.close(fd)


def test_silence_of_the_channel_ends_a_run_so_that_what_follows_has_its_time() -> None:
    switch, engine = pair()
    ms = 1_000_000
    for time_ms in (100, 120, 145, 300):
        switch.capture(frame(time_ms), 8000, 1, time_ms * ms)
    first, second = engine.read_capture(), engine.read_capture()
    assert first is not None and second is not None
    assert (len(first[0]), first[3]) == (960, 100 * ms)
    assert (second[0], second[3]) == (frame(300), 300 * ms)
