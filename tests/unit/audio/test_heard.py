"""How much of each item was heard: the ledger alone, and with the media thread answering."""

from array import array

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.cut import CUT_TICKS
from mod_openai_realtime.audio.heard import Heard, HeardLedger, ItemPart
from mod_openai_realtime.audio.playback import Playback, heard_of_kept

A, A1, B = ItemPart("a", 0), ItemPart("a", 1), ItemPart("b", 0)


def test_each_part_is_accounted_for_apart() -> None:
    ledger = HeardLedger()
    ledger.add(A, 0, 100)
    ledger.add(A, 100, 100)
    ledger.add(A1, 200, 100)
    ledger.add(B, 300, 100)
    assert ledger.cut(250) == [Heard(A1, 50, 100), Heard(B, 0, 100)]


def test_a_part_that_comes_in_two_runs_is_one_part() -> None:
    ledger = HeardLedger()
    ledger.add(A, 0, 100)
    ledger.add(B, 100, 100)
    ledger.add(A, 200, 100)
    assert ledger.cut(150) == [Heard(A, 100, 200), Heard(B, 50, 100)]


def test_a_part_heard_to_its_end_is_not_told_of() -> None:
    ledger = HeardLedger()
    ledger.add(A, 0, 100)
    assert ledger.cut(100) == []
    assert ledger.cut(0) == [], "a cut empties the ledger"


def test_of_a_part_that_was_to_go_on_it_is_told_how_much_had_come() -> None:
    ledger = HeardLedger()
    ledger.add(A, 0, 100)
    ledger.add(B, 100, 100)
    assert ledger.cut(200, more=True) == [Heard(B, 100, 100)]


def test_a_stretch_moves_to_another_ledger_with_what_it_is_of() -> None:
    ledger, other = HeardLedger(), HeardLedger()
    ledger.add(A, 0, 100)
    ledger.add(B, 100, 100)
    ledger.add(A, 200, 100)
    ledger.move(50, 250, other, 1000)
    assert ledger.reach("a", 0) == (0, 300) and ledger.reach("b", 0) is None
    assert other.reach("a", 0) == (1000, 1200) and other.reach("b", 0) == (1050, 1150)
    assert ledger.cut(0) == [Heard(A, 0, 100)]
    assert other.cut(1100) == [Heard(A, 50, 100), Heard(B, 50, 100)]


def test_an_item_is_known_by_its_session_and_may_be_removed() -> None:
    ledger = HeardLedger()
    ledger.add(ItemPart("a", 0, session=1), 0, 100)
    ledger.add(ItemPart("a", 0, session=2), 100, 100)
    assert ledger.reach("a", 2) == (100, 200) and ledger.reach("a", 3) is None
    ledger.remove("a", 1)
    assert ledger.cut(0) == [Heard(ItemPart("a", 0, session=2), 0, 100)]


def test_milliseconds_never_lie_beyond_what_was_received() -> None:
    assert Heard(A, 23, 24).audio_end_ms(24000) == 0
    assert Heard(A, 47, 48).audio_end_ms(24000) == 1


def pair(write_rate: int) -> tuple[SwitchSide, StreamMemory, Playback]:
    switch = SwitchSide()
    memory = StreamMemory(switch.fd)
    return switch, memory, Playback(memory, playback_rate=24000, write_rate=write_rate)


def test_what_was_heard_is_exact_to_the_sample() -> None:
    switch, _, playback = pair(8000)
    playback.feed(bytes(2 * 24000), "r", A)
    playback.feed(bytes(2 * 24000), "r", B)
    playback.tick()
    for frame in range(60):  # 1200 ms
        switch.playback(160, 8000)
        playback.tick()
        assert playback.interrupted() == [], frame
    playback.barge_in()
    assert playback.interrupted() == [], "not before the media thread has answered"
    switch.playback(160, 8000)
    assert playback.interrupted() == [Heard(B, 24000 // 5, 24000)]


def test_a_frame_taken_just_before_the_cut_counts_as_heard() -> None:
    switch, memory, playback = pair(24000)
    playback.feed(bytes(2 * 24000), "r", A)
    playback.tick()
    switch.playback(480, 24000)
    discard = memory.discard_playback

    class Late:
        """The media thread takes one more frame while the engine is deciding."""

        def __getattr__(self, name: str) -> object:
            if name == "discard_playback":
                switch.playback(480, 24000)
            return getattr(memory, name)

    playback._memory = Late()  # type: ignore[assignment]
    playback.barge_in()
    playback._memory = memory
    assert discard is not None
    switch.playback(480, 24000)
    assert playback.interrupted() == [Heard(A, 960, 24000)]


def test_a_channel_that_sends_nothing_has_heard_what_it_had() -> None:
    switch, _, playback = pair(8000)
    playback.feed(bytes(2 * 24000), "r", A)
    playback.tick()
    switch.playback(160, 8000)
    playback.barge_in()
    told = [heard for _ in range(CUT_TICKS) for heard in playback.interrupted()]
    assert told == [Heard(A, 480, 24000)]


def test_nothing_played_is_nothing_heard() -> None:
    switch, _, playback = pair(8000)
    playback.feed(bytes(2 * 2400), "r", A)
    playback.barge_in()
    switch.playback(160, 8000)
    assert playback.interrupted() == [Heard(A, 0, 2400)]


def test_after_the_last_sample_there_is_nothing_to_truncate() -> None:
    switch, _, playback = pair(8000)
    playback.feed(bytes(2 * 2400), "r", A)
    playback.finish()
    for _ in range(10):
        playback.tick()
        switch.playback(160, 8000)
    playback.tick()
    playback.barge_in()
    switch.playback(160, 8000)
    assert playback.interrupted() == []


def test_a_codec_change_does_not_lose_count() -> None:
    switch, _, playback = pair(8000)
    pcm = array("h", [1000] * 24000).tobytes()
    playback.feed(pcm, "r", A)
    for _ in range(10):
        playback.tick()
        switch.playback(160, 8000)
    for _ in range(11):  # the first of them finds the ring at the old rate
        switch.playback(320, 16000)
        playback.tick()
    playback.barge_in()
    switch.playback(320, 16000)
    (heard,) = playback.interrupted()
    assert abs(heard.heard_samples - 20 * 480) <= 3


def test_another_engine_finds_out_how_much_was_heard_of_what_was_playing() -> None:
    switch, memory, playback = pair(8000)
    playback.feed(bytes(2 * 2400), "r", A)
    playback.feed(bytes(2 * 24000), "r", B)
    playback.tick()
    playing = playback.playing()
    for _ in range(10):
        switch.playback(160, 8000)
    assert heard_of_kept(playing, memory) == [Heard(B, 2400, 4800 + 19200)]
    memory.discard_playback(8000)
    switch.playback(160, 8000)
    switch.playback(160, 8000)
    assert heard_of_kept(playing, memory) == [Heard(B, 2400, 24000)]


def test_a_part_at_two_rates_is_one_part() -> None:
    switch, _, playback = pair(8000)
    playback.feed(bytes(2 * 2400), "r", A)
    playback.set_rate(8000)
    playback.feed(bytes(2 * 800), "r", A)
    playback.tick()
    for _ in range(5):
        switch.playback(160, 8000)
    playback.barge_in()
    switch.playback(160, 8000)
    assert playback.interrupted() == [Heard(A, 800, 1600)]


def test_what_was_cut_before_the_rate_changed_is_told_at_the_new_rate() -> None:
    switch, _, playback = pair(8000)
    playback.feed(bytes(2 * 2400), "before", B)
    playback.finish()
    for _ in range(8):
        playback.tick()
        switch.playback(160, 8000)
    playback.tick()
    assert playback.idle and playback.playing()["spans"] == []
    playback.played()
    playback.feed(bytes(2 * 24000), "r", A)
    for _ in range(10):
        playback.tick()
        switch.playback(160, 8000)
    playback.tick()
    playback.barge_in()
    playback.set_rate(8000)
    switch.playback(160, 8000)
    assert playback.interrupted() == playback.cut_short() == [Heard(A, 1600, 8000)]
    (played,) = playback.played()
    assert (played.heard_ms, played.received_ms) == (200, 1000)


def test_what_is_not_to_be_told_of_is_known_all_the_same_and_once() -> None:
    switch, _, playback = pair(8000)
    playback.feed(bytes(2 * 2400), "r", A)
    playback.barge_in(tell=False)
    switch.playback(160, 8000)
    assert playback.interrupted() == []
    assert playback.cut_short() == [Heard(A, 0, 2400)]
    assert playback.cut_short() == []
