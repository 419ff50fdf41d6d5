"""Which streams are due: frames to read, playback at the watched position, another rate."""

import pytest

from mod_openai_realtime._media import Packetizer, Poller, StreamMemory, SwitchSide


@pytest.fixture
def stream() -> tuple[SwitchSide, StreamMemory, Poller]:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    memory.discard_playback(8000)
    memory.watch((1 << 64) - 1, 0)
    poller = Poller()
    poller.add(memory, "stream")
    return switch, memory, poller


Fixture = tuple[SwitchSide, StreamMemory, Poller]


def test_a_new_stream_is_due_at_once() -> None:
    switch = SwitchSide()
    poller = Poller()
    poller.add(StreamMemory(switch.fd), "new")
    assert poller.ready() == ["new"]


def test_caller_audio_makes_a_stream_due_until_it_is_read(stream: Fixture) -> None:
    switch, memory, poller = stream
    assert poller.ready() == []
    switch.capture(bytes(320), 8000)
    assert poller.ready() == poller.ready() == ["stream"]
    Packetizer(memory).read()
    assert poller.ready() == []
    switch.capture(bytes(320), 8000)
    Packetizer(memory).skip()
    assert poller.ready() == []


def test_playback_makes_a_stream_due_at_the_watched_position(stream: Fixture) -> None:
    switch, memory, poller = stream
    memory.write_playback(bytes(3200))
    memory.watch(320, 8000)
    switch.playback(160, 8000)
    assert poller.ready() == []
    switch.playback(160, 8000)
    assert poller.ready() == ["stream"]


def test_what_was_played_makes_a_stream_that_is_recorded_due_until_it_is_read() -> None:
    switch = SwitchSide(played_slots=8)
    memory = StreamMemory(switch.fd)
    memory.discard_playback(8000)
    memory.watch((1 << 64) - 1, 0)
    poller = Poller()
    poller.add(memory, "stream")
    assert poller.ready() == []
    memory.write_playback(bytes(320))
    switch.playback(160, 8000)
    assert poller.ready() == ["stream"]
    memory.read_played()
    assert poller.ready() == []


def test_a_codec_change_makes_a_stream_due_while_rates_are_watched(stream: Fixture) -> None:
    switch, memory, poller = stream
    memory.watch((1 << 64) - 1, 8000)
    assert poller.ready() == []
    switch.playback(320, 16000)
    assert poller.ready() == ["stream"]
    memory.watch((1 << 64) - 1, 0)
    assert poller.ready() == []


def test_removed_and_closed_streams_are_never_due(stream: Fixture) -> None:
    switch, memory, poller = stream
    other_side = SwitchSide()
    other = StreamMemory(other_side.fd)
    poller.add(other, "other")
    switch.capture(bytes(320), 8000)
    assert sorted(poller.ready()) == ["other", "stream"]
    poller.remove(memory)
    poller.remove(memory)
    assert poller.ready() == ["other"] and len(poller) == 1
    other.close()
    assert poller.ready() == []


def test_only_memories_are_taken() -> None:
    with pytest.raises(TypeError):
        Poller().add(object(), "x")  # type: ignore[arg-type]
