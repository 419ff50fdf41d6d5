"""Playback: exact timelines out of bursts, trickles and gaps; speech events; barge-in; codec changes."""

import math
from array import array

import pytest

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide
from mod_openai_realtime.audio.control import Control
from mod_openai_realtime.audio.heard import ItemPart
from mod_openai_realtime.audio.playback import HIGH_MS, LOW_MS, MAX_QUEUE_S, Playback
from mod_openai_realtime.audio.utterance import Speech
from mod_openai_realtime.limits import MAX_CONVERSIONS

RATE = 24000


class Bench:
    """A playback pipeline and the switch's end of it; time is frames of 20 ms."""

    def __init__(self, write_rate: int = 8000, playback_rate: int = RATE) -> None:
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        self.write_rate = write_rate
        self.playback = Playback(self.memory, playback_rate=playback_rate, write_rate=write_rate)
        self.poller = Poller()
        self.poller.add(self.memory, self.playback, None, self.playback.playout)
        self.events: list[tuple[int, Speech]] = []
        self.frames: list[bytes | None] = []

    def run(self, frames: int) -> None:
        """Ticks come twice a frame, as far as the memory is due; whatever the test did before counts as a wake-up."""
        self.memory.watch(0, 0)
        for _ in range(frames):
            for _ in range(2):
                if self.poller.ready():
                    self.events += [(len(self.frames), event) for event in self.playback.tick()]
                    self.memory.watch(*self.playback.next_due())
            self.frames.append(self.switch.playback(self.write_rate // 50, self.write_rate))

    def heard(self) -> bytes:
        return b"".join(frame for frame in self.frames if frame is not None)


def tone(ms: int, hertz: float = 440, rate: int = RATE, start_ms: int = 0) -> bytes:
    first = start_ms * rate // 1000
    return array(
        "h",
        [round(8000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(first, first + ms * rate // 1000)],
    ).tobytes()


def similar(a: bytes, b: bytes, tolerance: int = 40) -> bool:
    x, y = array("h", a), array("h", b)
    return len(x) == len(y) and all(abs(p - q) <= tolerance for p, q in zip(x, y, strict=True))


def test_the_ring_is_filled_when_audio_comes_and_when_it_runs_low() -> None:
    bench = Bench(write_rate=24000)
    bench.playback.feed(tone(1000), "r1")
    assert bench.memory.playback_head == HIGH_MS * 24
    bench.run(1)
    bench.playback.feed(tone(20), "r1")
    assert bench.memory.playback_head == (HIGH_MS + 20) * 24
    bench.run(2)
    bench.memory.watch(*bench.playback.next_due())
    full = bench.memory.playback_head
    for _ in range((HIGH_MS - LOW_MS) // 20 - 2):
        assert bench.poller.ready() == []
        assert bench.memory.playback_head == full
        bench.switch.playback(480, 24000)
    bench.switch.playback(480, 24000)
    assert bench.poller.ready() == [], "without a look at the stream"
    assert bench.memory.playback_head == bench.memory.playback_tail + HIGH_MS * 24


def test_an_answer_that_follows_a_barge_in_has_the_ring_to_itself_at_once() -> None:
    bench = Bench(write_rate=24000)
    bench.playback.feed(tone(HIGH_MS), "r1")
    bench.switch.playback(480, 24000)
    bench.playback.barge_in()
    head = bench.memory.playback_head
    bench.playback.feed(tone(1000), "r2")
    assert bench.memory.playback_head == head + HIGH_MS * 24


def test_a_long_delta_is_passed_on_piece_by_piece_and_whole() -> None:
    bench = Bench(write_rate=24000)
    said = tone(30_000)
    bench.playback.feed(said, "r1")
    bench.playback.finish()
    bench.run(30 * 50 + 5)
    assert bench.heard() == said


@pytest.mark.parametrize("piece_ms", [5, 20, 1000])
@pytest.mark.parametrize("write_rate", [8000, 16000, 24000, 48000])
def test_however_it_arrives_the_timeline_is_the_same(piece_ms: int, write_rate: int) -> None:
    bench = Bench(write_rate)
    for start in range(0, 1000, piece_ms):
        bench.playback.feed(tone(piece_ms, start_ms=start), "r1")
    bench.playback.finish()
    bench.run(60)
    heard = bench.heard()
    assert len(heard) == 2 * write_rate
    edge = 2 * write_rate // 100
    assert similar(heard[edge:-edge], tone(1000, rate=write_rate)[edge:-edge])
    assert bench.memory.underruns == 0


def test_a_burst_of_thirty_seconds_is_heard_in_thirty_seconds() -> None:
    bench = Bench(8000, 8000)
    pcm = array("h", [n % 30000 for n in range(8000 * 30)]).tobytes()
    bench.playback.feed(pcm, "r1")
    bench.playback.finish()
    bench.run(1510)
    assert bench.heard() == pcm
    assert all(frame is not None for frame in bench.frames[:1500])
    assert bench.frames[1500:] == [None] * 10


def test_a_gap_in_the_network_is_silence_and_nothing_is_lost_or_squeezed() -> None:
    bench = Bench(8000, 8000)
    first, second = array("h", range(1, 1601)).tobytes(), array("h", range(1601, 3201)).tobytes()
    bench.playback.feed(first, "r1")
    bench.run(30)  # 200 ms of audio, then 400 ms of nothing
    bench.playback.feed(second, "r1")
    bench.playback.finish()
    bench.run(15)
    frames = [frame or b"" for frame in bench.frames]
    assert b"".join(frames[:10]) == first
    assert all(len(frame) == 320 and not any(frame[80:]) for frame in frames[10:30])
    assert b"".join(frames[30:40]) == second
    assert bench.memory.underruns == 20


def test_speech_starts_with_the_first_sample_heard_and_stops_after_the_last() -> None:
    bench = Bench()
    bench.run(3)
    bench.playback.feed(tone(100), "r1")
    bench.playback.finish()
    bench.run(12)
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED]
    assert bench.events[0][0] == 4  # the frame after the one that carried the first sample
    assert bench.events[1][0] == 8
    assert bench.playback.idle


def test_without_the_servers_done_speech_does_not_stop() -> None:
    bench = Bench()
    bench.playback.feed(tone(100), "r1")
    bench.run(20)
    assert [event for _, event in bench.events] == [Speech.STARTED]
    bench.playback.finish()
    bench.run(2)  # the resampler's tail is a last frame
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED]


def test_a_response_that_goes_on_after_its_end_is_not_over() -> None:
    bench = Bench()
    bench.playback.feed(tone(100), "r1")
    bench.playback.finish()
    bench.playback.feed(tone(100), "r1")
    assert not bench.playback.whole
    bench.run(15)
    assert [event for _, event in bench.events] == [Speech.STARTED]
    bench.playback.finish()
    bench.run(2)
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED]


def test_two_responses_in_a_row_are_two_pairs() -> None:
    bench = Bench()
    bench.playback.feed(tone(100), "r1")
    bench.playback.finish()
    bench.playback.feed(tone(100), "r2")
    bench.playback.finish()
    bench.run(15)
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED] * 2
    assert len(bench.heard()) == 2 * 1600


def test_a_response_that_another_follows_is_over_without_a_word() -> None:
    bench = Bench()
    bench.playback.feed(tone(100), "r1")
    bench.playback.feed(tone(100), "r2")
    bench.playback.finish()
    bench.run(15)
    assert [event for _, event in bench.events] == 2 * [Speech.STARTED, Speech.STOPPED]


def test_two_parts_of_one_response_are_one_pair() -> None:
    bench = Bench()
    bench.playback.feed(tone(100), "r1")
    bench.playback.finish()
    bench.playback.feed(tone(100), "r1")
    bench.playback.finish()
    bench.run(15)
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED]


def test_barge_in_silences_within_a_frame_and_stops_speech_at_once() -> None:
    bench = Bench()
    bench.playback.feed(tone(2000), "r1")
    bench.run(20)
    assert bench.playback.barge_in() == [Speech.STOPPED]
    bench.run(5)
    cut = bench.frames[20]
    assert cut is not None and not any(cut[2 * 40 :]), "5 ms of fade, then silence"
    assert bench.frames[21:] == [None] * 4
    assert bench.playback.idle


def test_barge_in_before_anything_was_heard_has_no_stop_without_a_start() -> None:
    bench = Bench()
    bench.playback.feed(tone(2000), "r1")
    assert bench.playback.barge_in() == []


def test_a_new_response_after_a_barge_in_is_heard_from_its_first_sample() -> None:
    bench = Bench(8000, 8000)
    bench.playback.feed(bytes(range(1, 201)) * 100, "r1")
    bench.run(5)
    bench.playback.barge_in()
    bench.run(1)
    answer = array("h", range(1, 1601)).tobytes()
    bench.playback.feed(answer, "r2")
    bench.playback.finish()
    bench.run(12)
    assert b"".join(frame or b"" for frame in bench.frames[6:]) == answer


@pytest.mark.parametrize("delta_ms", [20, 50, 200, 1000])
def test_a_codec_change_keeps_pitch_and_place(delta_ms: int) -> None:
    bench = Bench(8000)
    for start_ms in range(0, 1000, delta_ms):
        bench.playback.feed(tone(delta_ms, start_ms=start_ms), "r1")
    bench.playback.finish()
    bench.run(25)
    before = b"".join(frame or b"" for frame in bench.frames)
    bench.write_rate = 16000
    bench.run(40)
    after = [frame for frame in bench.frames[25:] if frame is not None]
    # One frame passes while the ring is refilled; it is silence, and no audio is lost to it.
    assert not any(after[0][2 * 80 :])
    rest = b"".join(after[1:])
    assert len(before) == 2 * 4000
    assert abs(len(rest) - 2 * 8000) <= 640
    wanted = tone(500, rate=16000, start_ms=500)
    assert similar(rest[640 : 640 + 12800], wanted[640 : 640 + 12800])
    bench.write_rate = 8000
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED]


def test_a_codec_change_while_idle_is_noticed_with_the_next_response() -> None:
    bench = Bench(8000)
    bench.run(3)
    bench.write_rate = 16000
    bench.run(3)
    bench.playback.feed(tone(200), "r1")
    bench.playback.finish()
    bench.run(15)
    assert similar(bench.heard()[640:6000], tone(200, rate=16000)[640:6000])


def test_muted_playback_passes_unheard_and_has_no_speech_events() -> None:
    bench = Bench()
    bench.playback.muted = True
    bench.memory.set_control(Control.PLAYBACK_MUTED, 0)
    bench.playback.feed(tone(200), "r1")
    bench.playback.finish()
    bench.run(15)
    assert bench.frames == [None] * 15
    assert bench.events == []
    assert bench.playback.idle


def test_speech_of_a_response_that_is_muted_from_its_start_begins_where_it_is_unmuted() -> None:
    bench = Bench()
    bench.playback.muted = True
    bench.memory.set_control(Control.PLAYBACK_MUTED, 0)
    bench.playback.feed(tone(400), "r1")
    bench.playback.finish()
    bench.run(10)
    assert bench.events == []
    bench.playback.muted = False
    bench.memory.set_control(0, Control.PLAYBACK_MUTED)
    bench.run(15)
    assert [(frame // 2, event) for frame, event in bench.events] == [(5, Speech.STARTED), (10, Speech.STOPPED)]


def test_the_queue_is_bounded() -> None:
    bench = Bench(8000, 8000)
    second = bytes(2 * 8000)
    taken = sum(bench.playback.feed(second, "r1") for _ in range(MAX_QUEUE_S + 5))
    assert taken == MAX_QUEUE_S


def test_a_stall_of_the_event_loop_of_100_ms_is_not_heard() -> None:
    bench = Bench()
    bench.playback.feed(tone(5000), "r1")
    bench.run(2)
    for _ in range(40):
        for _ in range(5):  # 100 ms of frames without a tick
            bench.frames.append(bench.switch.playback(160, 8000))
        bench.playback.tick()
    assert bench.memory.underruns == 0
    assert all(frame is not None for frame in bench.frames)


def test_a_new_rate_before_any_audio_is_played_as_if_it_had_always_been() -> None:
    bench = Bench(8000, 24000)
    bench.playback.set_rate(8000)
    pcm = tone(400, rate=8000)
    bench.playback.feed(pcm, "r1")
    bench.playback.finish()
    bench.run(25)
    assert bench.heard() == pcm
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED]


@pytest.mark.parametrize(("before", "after"), [(24000, 8000), (8000, 24000), (16000, 24000)])
def test_a_new_rate_in_mid_speech_keeps_the_timeline(before: int, after: int) -> None:
    bench = Bench(8000, before)
    bench.playback.feed(tone(1000, rate=before), "r1")
    bench.run(15)
    bench.playback.set_rate(after)
    bench.playback.feed(tone(1000, rate=after, start_ms=1000), "r1")
    bench.playback.finish()
    bench.run(95)
    heard = bench.heard()
    assert len(heard) == pytest.approx(2 * 16000, abs=8)
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED]
    assert bench.memory.underruns == 0
    # Aside from the filter's edges: up to 320 ms were in the ring already, and what waited ended after a second.
    expected = tone(2000, rate=8000)
    for start_ms, end_ms in ((10, 490), (640, 990), (1010, 1990)):
        assert similar(heard[start_ms * 16 : end_ms * 16], expected[start_ms * 16 : end_ms * 16], 400)


def test_a_new_rate_counts_for_what_comes_behind_another_response_too() -> None:
    bench = Bench(8000, 24000)
    bench.playback.feed(tone(200), "r1", ItemPart("i1", 0))
    bench.playback.finish()
    bench.playback.feed(tone(400), "r2", ItemPart("i2", 0))
    bench.playback.set_rate(8000)
    bench.run(20)
    bench.playback.barge_in()
    bench.run(1)
    (heard,) = bench.playback.interrupted()
    assert heard.part.item_id == "i2"
    assert heard.audio_end_ms(8000) == pytest.approx(200, abs=1)
    assert heard.received_samples == pytest.approx(400 * 8, abs=1)


def test_what_was_heard_to_its_end_is_not_cut_short_at_another_rate() -> None:
    bench = Bench(8000, 8000)
    bench.playback.feed(tone(400, rate=8000), "r1", ItemPart("i1", 0))
    bench.playback.finish()
    bench.run(25)
    bench.playback.set_rate(24000)
    bench.playback.feed(tone(400), "r2", ItemPart("i2", 0))
    bench.run(5)
    bench.playback.barge_in()
    bench.run(1)
    assert [heard.part.item_id for heard in bench.playback.interrupted()] == ["i2"]


def test_the_rate_that_it_has_may_be_set_as_often_as_one_likes() -> None:
    bench = Bench(8000, 24000)
    bench.playback.feed(tone(200), "r1")
    for _ in range(MAX_CONVERSIONS + 1):
        bench.playback.set_rate(24000)
    bench.playback.finish()
    bench.run(12)
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED]


def test_audio_of_no_length_begins_nothing() -> None:
    bench = Bench()
    assert bench.playback.feed(b"", "r1")
    assert bench.playback.idle


def test_speech_that_follows_a_pause_starts_with_its_first_sample() -> None:
    bench = Bench(8000, 24000)
    bench.playback.feed(tone(20) + bytes(2), "r1")  # a sample of the channel's is three of these: the last is one begun
    bench.playback.finish()
    bench.run(4)
    bench.playback.feed(tone(20), "r2")
    assert bench.playback.tick() == [], "nothing of it was played yet"
    bench.run(2)
    assert [event for _, event in bench.events] == [Speech.STARTED, Speech.STOPPED, Speech.STARTED]


def test_what_was_heard_is_counted_in_ms_across_a_change_of_rate() -> None:
    bench = Bench(8000, 24000)
    part = ItemPart("i1", 0)
    bench.playback.feed(tone(1000), "r1", part)
    bench.run(20)
    bench.playback.set_rate(8000)
    bench.playback.feed(tone(1000, rate=8000), "r1", part)
    bench.run(10)
    bench.playback.barge_in()
    bench.playback.set_rate(24000)  # the cut has not been answered yet
    bench.run(1)
    (heard,) = bench.playback.interrupted()
    assert heard.audio_end_ms(bench.playback.rate) == pytest.approx(600, abs=1)
    assert heard.received_samples == pytest.approx(2 * 24000, abs=3)
    assert [(over.heard_ms, over.received_ms, over.interrupted) for over in bench.playback.played()] == [
        (pytest.approx(600, abs=1), pytest.approx(2000, abs=1), True)
    ]


@pytest.mark.parametrize("playback_rate", [8000, 24000])
def test_an_end_that_is_told_while_the_ring_is_full_is_no_underrun(playback_rate: int) -> None:
    bench = Bench(8000, playback_rate)
    bench.playback.feed(tone(230, rate=playback_rate), "r1")
    bench.playback.tick()
    bench.playback.finish()
    bench.run(15)
    assert bench.memory.underruns == 0
    assert len(bench.heard()) == 2 * 8 * 240
    assert not any(bench.heard()[2 * 8 * 230 :])
