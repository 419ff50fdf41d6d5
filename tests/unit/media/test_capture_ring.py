"""The capture ring: frames in order, the oldest dropped, nothing torn."""

import fcntl
import mmap
import os
from pathlib import Path

import pytest

from mod_openai_realtime._media import Packetizer, StreamMemory, SwitchSide, is_sound_rate


def pair(**sizes: int) -> tuple[SwitchSide, StreamMemory]:
    switch = SwitchSide(**sizes)
    return switch, StreamMemory(switch.fd)


def frame(number: int, size: int = 320) -> bytes:
    return number.to_bytes(2, "little") * (size // 2)


def test_frames_come_out_as_they_went_in() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000, 1, 111)
    switch.capture(frame(2), 8000, 1, 222)
    assert Packetizer(engine).read() == (frame(1) + frame(2), 8000, 1, 111, 0)
    assert Packetizer(engine).read() is None


def test_a_frame_larger_than_a_slot_is_joined_again() -> None:
    switch, engine = pair(slot_payload_bytes=640)
    pcm = os.urandom(1920)
    switch.capture(pcm, 48000)
    run = Packetizer(engine).read()
    assert run is not None and run[0] == pcm


def test_a_change_of_rate_ends_a_run() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000)
    switch.capture(frame(2, 640), 16000)
    switch.capture(frame(3), 8000)
    runs = [Packetizer(engine).read() for _ in range(3)]
    assert [(run[1], len(run[0])) for run in runs if run] == [(8000, 320), (16000, 640), (8000, 320)]


def test_a_full_ring_drops_its_oldest_and_says_how_many() -> None:
    switch, engine = pair(capture_slots=8)
    for number in range(20):
        switch.capture(frame(number), 8000)
    run = Packetizer(engine).read()
    assert run is not None
    assert run[0] == b"".join(frame(number) for number in range(12, 20))
    assert run[4] == 12
    assert engine.capture_dropped == 12


def test_a_reader_that_keeps_up_has_lost_nothing_however_often_the_ring_was_filled() -> None:
    switch, engine = pair(capture_slots=8)
    for number in range(40):
        switch.capture(frame(number), 8000)
        run = Packetizer(engine).read()
        assert run is not None and run[0] == frame(number)
    assert engine.capture_dropped == 0


def first_slot(switch: SwitchSide) -> int:
    return int.from_bytes(os.pread(switch.fd, 4, 16), "little")


def test_a_slot_says_so_while_it_is_written() -> None:
    switch, engine = pair()
    shared, at = mmap.mmap(switch.fd, os.fstat(switch.fd).st_size), first_slot(switch)
    # What is written is the number of the slot that it is written to.
    with memoryview(shared)[at : at + 8] as number:
        switch.capture(number, 8000)
    run = Packetizer(engine).read()
    assert run is not None and int.from_bytes(run[0], "little") == 1


def test_a_slot_that_is_written_again_meanwhile_is_lost() -> None:
    switch, engine = pair(capture_slots=2)
    for number in (1, 2):
        switch.capture(frame(number), 8000, 1, 111 * number)
    os.pwrite(switch.fd, (2 * 2 + 1).to_bytes(8, "little"), first_slot(switch))
    assert Packetizer(engine).read() == (frame(2), 8000, 1, 222, 1)


def test_skipping_forgets_what_is_buffered_and_no_more() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000)
    switch.capture(frame(2), 8000)
    assert Packetizer(engine).skip() == 2
    switch.capture(frame(3), 8000)
    run = Packetizer(engine).read()
    assert run is not None and run[0] == frame(3)


def test_a_backlog_longer_than_one_run_comes_in_order() -> None:
    switch, engine = pair(capture_slots=64, slot_payload_bytes=640)
    for number in range(60):
        switch.capture(frame(number, 640), 16000)
    out = b""
    while (run := Packetizer(engine).read()) is not None:
        out += run[0]
        assert run[4] == 0
    assert out == b"".join(frame(number, 640) for number in range(60))


def test_a_second_reader_goes_on_where_the_first_stopped() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000)
    Packetizer(engine).read()
    switch.capture(frame(2), 8000)
    engine.close()
    restarted = StreamMemory(switch.fd)
    run = Packetizer(restarted).read()
    assert run is not None and run[0] == frame(2)


def test_a_second_reader_has_what_was_read_to_be_read_again_and_nothing_of_what_was_skipped() -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000)
    switch.capture(frame(2), 16000)
    Packetizer(engine).read()
    second = StreamMemory(switch.fd)
    run = Packetizer(second).read()
    assert run is not None and run[0] == frame(2)
    switch.capture(frame(3), 8000)
    Packetizer(second).skip()
    assert Packetizer(StreamMemory(switch.fd)).read() is None


def test_closed_memory_is_refused_not_touched() -> None:
    _, engine = pair()
    engine.close()
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        Packetizer(engine).read()
    assert Packetizer(engine).skip() == Packetizer(engine, True).skip() == 0
    for name in set(dir(StreamMemory)) - {"close", "watch", "playback_capacity"}:
        arguments = {"set_control": (0, 0), "set_word": (0, 0), "read_played": ()}.get(name, (0,))
        if not name.startswith("_"):
            with pytest.raises(ValueError, match="closed"):
                getattr(engine, name)(*arguments)


def test_a_memory_is_made_once() -> None:
    switch, engine = pair()
    with pytest.raises(RuntimeError, match="already made"):
        engine.__init__(switch.fd)  # type: ignore[misc]


def test_what_is_no_number_is_no_rate_position_or_word() -> None:
    _, engine = pair()
    for call in (engine.discard_playback, engine.unplayed, engine.get_word, is_sound_rate):
        with pytest.raises(TypeError):
            call("1")  # type: ignore[operator]
    for at in (-1, 4):
        with pytest.raises(IndexError):
            engine.get_word(at)
        with pytest.raises(IndexError):
            engine.set_word(at, 1)
    engine.set_word(3, 1 << 40)
    assert engine.get_word(3) == 1 << 40
    with pytest.raises(ValueError, match="aligned"):
        engine.write_playback(bytes(3))


@pytest.mark.parametrize(
    ("offset", "value"),
    [(0, 1), (4, 9), (8, 1), (16, 64), (20, 3), (24, 24), (24, 13), (28, 1 << 30), (32, 5), (20, 1 << 31)],
)
def test_a_header_that_makes_no_sense_is_refused(offset: int, value: int) -> None:
    switch = SwitchSide()
    os.pwrite(switch.fd, value.to_bytes(4, "little"), offset)
    with pytest.raises(ValueError, match="stream memory"):
        StreamMemory(switch.fd)


def copied(switch: SwitchSide, size: int, seals: int) -> int:
    """A descriptor of other memory with the same header."""
    fd = os.memfd_create("stream", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    os.pwrite(fd, os.pread(switch.fd, 4096, 0)[:size], 0)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW


@pytest.mark.parametrize(
    ("size", "seals", "why"),
    [
        (None, 0, "not sealed"),
        (None, fcntl.F_SEAL_SHRINK, "not sealed"),
        (None, fcntl.F_SEAL_GROW, "not sealed"),
        (100, SEALS, "too small"),
        (1 << 30, SEALS, "too large"),
        (8192, SEALS, "size differs"),
    ],
)
def test_memory_that_could_change_its_size_or_has_a_wrong_one_is_refused(
    size: int | None, seals: int, why: str
) -> None:
    switch = SwitchSide()
    fd = copied(switch, os.fstat(switch.fd).st_size if size is None else size, seals)
    try:
        with pytest.raises(ValueError, match=why):
            StreamMemory(fd)
    finally:
        os.close(fd)


def test_what_is_no_shared_memory_is_refused(tmp_path: Path) -> None:
    switch = SwitchSide()
    with (tmp_path / "file").open("w+b") as file:
        file.write(os.pread(switch.fd, os.fstat(switch.fd).st_size, 0))
        file.flush()
        with pytest.raises(ValueError, match="not sealed"):
            StreamMemory(file.fileno())


@pytest.mark.parametrize(
    ("size", "rate", "channels"),
    [(320, 8000, 0), (320, 8000, 3), (320, 8000, 65535), (321, 8000, 1), (322, 8000, 2)]
    + [(320, rate, 1) for rate in (0, 1, 7000, 8001, 48001, 49000, (1 << 32) - 1)],
)
def test_a_frame_that_makes_no_sense_is_passed_over_and_counted(size: int, rate: int, channels: int) -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000)
    switch.capture(bytes(size), rate, channels)
    switch.capture(frame(3), 8000)
    reader = Packetizer(engine)
    assert reader.read() == (frame(1), 8000, 1, 0, 0)
    assert reader.read() == (frame(3), 8000, 1, 0, 1), "one is lost before it"
    assert engine.faults == 1


@pytest.mark.parametrize("time_ns", [(1 << 62) + 1, (1 << 63) - 1, (1 << 64) - 1])
def test_a_frame_with_a_time_that_no_clock_shows_is_passed_over_and_counted(time_ns: int) -> None:
    switch, engine = pair()
    switch.capture(frame(1), 8000, 1, 20_000_000)
    switch.capture(frame(2), 8000, 1, time_ns)
    switch.capture(frame(3), 8000, 1, 40_000_000)
    assert [run[0] for run in (Packetizer(engine).read(), Packetizer(engine).read()) if run] == [frame(1), frame(3)]
    assert engine.faults == 1


def test_figures_out_of_range_count_for_nothing_and_positions_end_where_was_written() -> None:
    switch, engine = pair()
    engine.discard_playback(8000)
    engine.write_playback(frame(1))
    # All that the switch writes.
    for line in (64, 192, 256):
        os.pwrite(switch.fd, b"\xff" * 64, line)
    assert [engine.underruns, engine.underrun_samples, engine.played_samples, engine.write_frames] == [0] * 4
    assert [engine.capture_dropped, engine.played_dropped, engine.faults, engine.write_rate] == [0] * 4
    assert engine.playback_tail == engine.cut_at == engine.cut_until == engine.playback_head == 160
    assert engine.unplayed(0) == (engine.unplayed(0)[0], b"")
    assert Packetizer(engine).read() is None
    os.pwrite(switch.fd, (161).to_bytes(8, "little"), 192)
    assert engine.write_playback(frame(1)) == 0, "the switch has taken more than there was"


def test_a_frame_that_comes_late_begins_a_run_so_that_it_has_its_time() -> None:
    switch, engine = pair()
    ms = 1_000_000
    for time_ms in (100, 120, 145, 195):
        switch.capture(frame(time_ms), 8000, 1, time_ms * ms)
    first, second = Packetizer(engine).read(), Packetizer(engine).read()
    assert first is not None and second is not None
    assert (len(first[0]), first[3]) == (960, 100 * ms)
    assert (second[0], second[3]) == (frame(195), 195 * ms)
