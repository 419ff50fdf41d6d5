"""The time line of a recording, to the sample."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.tones import noise, tone

from mod_openai_realtime.audio.both_sides import LONGEST_BLOCK_MS, MARGIN_MS, TOLERANCE_MS, Block, BothSides, Frame
from mod_openai_realtime.audio.resampling import make_resampler

MS = 1_000_000
START_MS = 5_000


class Tape:
    """Feeds a recorder frame by frame, and puts its blocks together."""

    def __init__(self, rate: int = 8000, origin_ns: int | None = None) -> None:
        self.recorder = BothSides(rate, origin_ns)
        self.blocks: list[Block] = []

    def caller(self, at_ms: float, samples: Pcm16, rate: int = 8000, broken: bool = False) -> None:
        self.recorder.caller(Frame(int((START_MS + at_ms) * MS), samples.tobytes(), rate, broken))
        self._advance()

    def agent(self, at_ms: float, samples: Pcm16, rate: int = 8000, broken: bool = False) -> None:
        self.recorder.agent(Frame(int((START_MS + at_ms) * MS), samples.tobytes(), rate, broken))
        self._advance()

    def _advance(self) -> None:
        while (block := self.recorder.advance()) is not None:
            self.blocks.append(block)

    def finish(self) -> tuple[Pcm16, Pcm16]:
        """Caller and agent."""
        self.blocks += self.recorder.finish()
        position = self.blocks[0].position
        for block in self.blocks:
            assert block.position == position
            position += len(block.pcm) // 4
        stereo = np.frombuffer(b"".join(block.pcm for block in self.blocks), np.int16)
        return stereo[::2], stereo[1::2]


def frames(samples: Pcm16, size: int = 160) -> list[Pcm16]:
    return [samples[at : at + size] for at in range(0, len(samples), size)]


def test_before_there_is_anything_nothing_is_settled() -> None:
    tape = Tape()
    assert tape.recorder.advance() is None and tape.recorder.finish() == []


def test_however_much_is_left_at_the_end_no_block_is_too_long() -> None:
    tape, caller = Tape(), noise(3 * LONGEST_BLOCK_MS, 8000)
    for n, frame in enumerate(frames(caller)):
        tape.recorder.caller(Frame((START_MS + 20 * n) * MS, frame.tobytes(), 8000, False))
    left, _ = tape.finish()
    assert np.array_equal(left, caller)
    assert max(len(block.pcm) // 4 for block in tape.blocks) <= 8 * (LONGEST_BLOCK_MS + MARGIN_MS)


def test_both_sides_lie_where_their_times_say() -> None:
    tape, caller, agent = Tape(), noise(3000, 8000), noise(400, 8000, seed=2)
    spoken = {1000 + 20 * n: frame for n, frame in enumerate(frames(agent))}
    for n, frame in enumerate(frames(caller)):
        tape.caller(20 * n, frame)
        if 20 * n in spoken:
            tape.agent(20 * n + 7, spoken[20 * n], broken=20 * n == 1000)
    left, right = tape.finish()
    assert np.array_equal(left, caller)
    at = 1007 * 8
    assert np.array_equal(right[at : at + len(agent)], agent)
    assert not right[:at].any() and not right[at + len(agent) :].any()


@pytest.mark.parametrize("held_ms", range(400, 1100, 100))
def test_late_frames_do_not_tear_what_belongs_together(held_ms: int) -> None:
    """A machine that stood still for 150 ms delivers what it owes at once."""
    tape, caller = Tape(), noise(2000, 8000)
    for n, frame in enumerate(frames(caller)):
        at = 20 * n
        tape.caller(held_ms + 140 if held_ms < at < held_ms + 140 else at + (n * 7) % 11, frame)
        tape.agent(at, frame)
    left, right = tape.finish()
    assert np.array_equal(left[:16000], caller)
    assert np.array_equal(right, caller)


def test_a_gap_becomes_silence_of_its_length() -> None:
    tape, caller = Tape(), noise(2000, 8000)
    for n, frame in enumerate(frames(caller)):
        tape.caller(20 * n + (400 if n >= 50 else 0), frame)
    left, _ = tape.finish()
    assert np.array_equal(left[:8000], caller[:8000])
    assert not left[8000:11200].any()
    assert np.array_equal(left[11200:], caller[8000:])


def test_a_first_frame_that_is_late_does_not_shift_what_follows() -> None:
    tape, agent = Tape(), noise(1000, 8000)
    for n in range(100):
        tape.caller(20 * n, np.zeros(160, np.int16))
        if n >= 50:
            late = 15 if n == 50 else 0
            tape.agent(20 * n + late, agent[160 * (n - 50) : 160 * (n - 49)], broken=n == 50)
    _, right = tape.finish()
    assert np.array_equal(right[8000:16000], agent)


@pytest.mark.parametrize("parts_per_million", [-200, 200])
def test_a_clock_that_drifts_stays_within_two_frames(parts_per_million: int) -> None:
    tape = Tape()
    worst = 0.0
    ticks = 30_000  # ten minutes
    marks = {}
    for n in range(ticks):
        at = 20 * n * (1 + parts_per_million / 1e6)
        frame = np.zeros(160, np.int16)
        if n % 1000 == 500:
            frame[0] = 20_000
            marks[n] = at
        tape.caller(at, frame)
        tape.agent(20 * n, np.zeros(160, np.int16))
    left, _ = tape.finish()
    found = np.flatnonzero(left)
    assert len(found) >= len(marks) - 1
    for place in found:
        worst = max(worst, min(abs(place / 8 - at) for at in marks.values()))
    assert worst <= 31


def test_packets_of_sixty_milliseconds_read_as_three_frames_at_once_are_whole() -> None:
    tape, caller = Tape(), noise(3000, 8000)
    for n, frame in enumerate(frames(caller)):
        tape.caller(60 * (n // 3), frame)
    left, _ = tape.finish()
    assert np.array_equal(left, caller)


def test_a_change_of_codec_goes_on_at_the_rate_of_the_file() -> None:
    tape = Tape()
    wide, narrow = tone(500, 1000, 16000), tone(500, 1000, 8000)
    for n, frame in enumerate(frames(narrow)):
        tape.caller(20 * n, frame)
    for n, frame in enumerate(frames(wide, 320)):
        tape.caller(1000 + 20 * n, frame, 16000)
    for n, frame in enumerate(frames(narrow)):
        tape.caller(2000 + 20 * n, frame)
    left, _ = tape.finish()
    assert len(left) == 24000
    expected = tone(500, 3000, 8000).astype(int)
    # The ends of the filter apart, the tone goes on in phase, to a fraction of a sample.
    inner = np.r_[0:8000, 8100:15900, 16000:24000]
    assert np.abs(left[inner] - expected[inner]).max() < 80


def test_a_tone_at_the_write_rate_is_placed_to_the_sample() -> None:
    tape, agent = Tape(), tone(440, 1000, 24000)
    for n in range(100):
        tape.caller(20 * n, np.zeros(160, np.int16))
        if 25 <= n < 75:
            tape.agent(20 * n, agent[480 * (n - 25) : 480 * (n - 24)], 24000, broken=n == 25)
    _, right = tape.finish()
    expected = tone(440, 1000, 8000)
    assert np.abs(right[4100:11900].astype(int) - expected[100:7900]).max() < 80
    assert not right[:3900].any() and not right[12100:].any()


@pytest.mark.parametrize("then_ms", [None, 500, 2500])
def test_what_was_said_at_another_rate_is_whole_to_its_end(then_ms: int | None) -> None:
    tape, said = Tape(), noise(500, 16000)
    for n, frame in enumerate(frames(said[:-1], 320)):  # half a sample of the file's is one too few
        tape.caller(20 * n, frame, 16000)
    for n in range(50 if then_ms else 0):
        tape.caller(then_ms + 20 * n, np.zeros(160, np.int16), 8000)
    left, _ = tape.finish()
    resampler = make_resampler(16000, 8000, aligned=True)
    assert resampler is not None
    expected = np.frombuffer(resampler.process(said[:-1].tobytes()) + resampler.flush(), np.int16)[:3999]
    assert np.array_equal(left[:3999], expected)
    assert len(left) == 3999 if then_ms is None else not left[3999 : 8 * then_ms].any()


def test_a_side_that_ends_before_the_other_is_whole_too() -> None:
    tape, said = Tape(), noise(100, 16000)
    for n, frame in enumerate(frames(said, 320)):
        tape.caller(20 * n, frame, 16000)
    for n in range(10):
        tape.agent(20 * n, np.zeros(160, np.int16))
    left, _ = tape.finish()
    resampler = make_resampler(16000, 8000, aligned=True)
    assert resampler is not None
    assert left.tobytes() == resampler.process(said.tobytes()) + resampler.flush() + bytes(1600)


def test_what_comes_later_than_is_waited_for_is_not_stretched() -> None:
    tape, said = Tape(), tone(440, 2000, 16000)
    for n, frame in enumerate(frames(said, 320)):
        tape.caller(1300 if 700 < 20 * n < 1300 else 20 * n, frame, 16000)
        tape.agent(20 * n, np.zeros(160, np.int16))
    left, _ = tape.finish()
    assert len(left) <= 16000 + 8 * TOLERANCE_MS


def test_what_begins_anew_says_nothing_of_where_the_last_frame_was() -> None:
    tape, first, second = Tape(), noise(20, 8000), noise(20, 8000, seed=2)
    tape.caller(0, first)
    tape.agent(100, first, broken=True)
    tape.agent(110, second, broken=True)
    tape.caller(20, second)
    _, right = tape.finish()
    assert np.array_equal(right[800:960], first) and not right[:800].any()


def test_an_hour_in_which_nothing_comes_is_caught_up_with_in_steps() -> None:
    tape, sound = Tape(), noise(20, 8000)
    tape.caller(0, sound)
    tape.caller(3_600_000, sound)
    for n in range(60):
        tape.agent(3_600_020 + 20 * n, sound, broken=n == 0)
    left, _ = tape.finish()
    assert max(len(block.pcm) for block in tape.blocks) <= 10_000 * 8 * 4
    at = 3_600_000 * 8
    assert np.array_equal(left[at : at + 160], sound)
    assert not left[160:at].any()


def test_little_is_missing_at_any_moment() -> None:
    """What a crash would lose: at most a second, with what the writer takes."""
    tape = Tape()
    for n in range(500):
        tape.caller(20 * n, noise(20, 8000))
        written = sum(len(block.pcm) for block in tape.blocks) // 4
        assert 160 * n - written <= 6800


def test_a_recording_that_goes_on_has_positions_of_the_first() -> None:
    tape = Tape(origin_ns=(START_MS - 60_000) * MS)
    tape.caller(0, noise(20, 8000))
    tape.finish()
    assert tape.blocks[0].position == 480_000
    assert all(second.position > first.position for first, second in itertools.pairwise(tape.blocks))


@pytest.mark.parametrize("now_ns", [None, START_MS * MS])
def test_a_time_that_is_none_fills_no_disk_with_silence(now_ns: int | None) -> None:
    recorder = BothSides(8000, now_ns=now_ns)
    sound = noise(20, 8000)
    for time_ns in (START_MS * MS, (1 << 64) - 1, START_MS * MS + 25 * 3600 * 1_000_000_000, (START_MS + 20) * MS):
        recorder.caller(Frame(time_ns, sound.tobytes(), 8000, False))
    assert recorder.advance() is None
    assert sum(len(block.pcm) for block in recorder.finish()) == 2 * 2 * sound.nbytes


def test_the_first_time_has_to_be_near_now() -> None:
    recorder = BothSides(8000, now_ns=START_MS * MS)
    recorder.agent(Frame((1 << 64) - 1, noise(20, 8000).tobytes(), 8000, False))
    assert recorder.finish() == []


def test_nothing_comes_of_nothing() -> None:
    recorder = BothSides(8000)
    assert recorder.advance() is None
    assert recorder.finish() == []
