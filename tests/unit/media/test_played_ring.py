"""The played ring: what went out with agent audio, frame by frame, with its place among all frames."""

from mod_openai_realtime._media import StreamMemory, SwitchSide


def pair(**sizes: int) -> tuple[SwitchSide, StreamMemory]:
    switch = SwitchSide(**{"played_slots": 8, **sizes})
    engine = StreamMemory(switch.fd)
    engine.discard_playback(8000)
    return switch, engine


def answer(frames: int, samples: int = 160) -> bytes:
    return b"".join(number.to_bytes(2, "little") * samples for number in range(1, frames + 1))


def test_what_was_played_comes_out_with_its_time_and_number() -> None:
    switch, engine = pair()
    engine.write_playback(answer(2))
    assert switch.playback(160, 8000, 111) == answer(1)
    switch.playback(160, 8000, 222)
    assert engine.read_played() == (answer(1), 8000, 111, 1)
    assert engine.read_played() == (answer(2)[320:], 8000, 222, 2)
    assert engine.read_played() is None


def test_frames_that_are_not_the_agents_are_counted_and_not_kept() -> None:
    switch, engine = pair()
    engine.write_playback(answer(1))
    switch.playback(160, 8000, 1)
    assert switch.playback(160, 8000, 2) is None
    engine.write_playback(answer(1))
    switch.playback(160, 8000, 3)
    numbers = [slot[3] for slot in iter(engine.read_played, None)]
    assert numbers == [1, 3]


def test_a_frame_larger_than_a_slot_comes_in_parts_of_one_number() -> None:
    switch, engine = pair()
    engine.discard_playback(48000)
    engine.write_playback(answer(1, 960))
    switch.playback(960, 48000, 5)
    slots = list(iter(engine.read_played, None))
    assert b"".join(pcm for pcm, *_ in slots) == answer(1, 960)
    assert {slot[1:] for slot in slots} == {(48000, 5, 1)}


def test_a_full_ring_drops_its_oldest_frames() -> None:
    switch, engine = pair()
    for number in range(20):
        engine.write_playback(answer(1))
        switch.playback(160, 8000, number)
    assert [slot[2] for slot in iter(engine.read_played, None)] == list(range(12, 20))
    assert engine.played_dropped == 12


def test_a_stream_that_is_not_recorded_has_no_such_ring() -> None:
    switch, engine = pair(played_slots=0)
    engine.write_playback(answer(1))
    assert switch.playback(160, 8000) is not None
    assert engine.read_played() is None


def test_an_engine_that_comes_later_reads_on_where_the_one_before_has_stopped() -> None:
    switch, engine = pair()
    engine.write_playback(answer(3))
    switch.playback(160, 8000, 1)
    engine.read_played()
    engine.close()
    for time_ns in (2, 3):
        switch.playback(160, 8000, time_ns)
    later = StreamMemory(switch.fd)
    assert [slot[2] for slot in iter(later.read_played, None)] == [2, 3]
