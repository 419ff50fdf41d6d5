"""Sounds of an agent's own: each whole, behind what is queued, and told of when it is over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio import own_sounds
from mod_openai_realtime.audio.agent_audio import AgentAudio
from mod_openai_realtime.audio.audio_format import Encoding
from mod_openai_realtime.audio.own_sounds import MAX_WAITING, OwnName, OwnSounds, SoundPlayed
from mod_openai_realtime.audio.playback import Playback
from mod_openai_realtime.conversation.effects import EVERYTHING, Which
from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation, Side, Wish
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.conversation.turn import TurnFigures
from mod_openai_realtime.limits import MAX_UTTERANCES, LimitExceededError

RATE = 24000
SAMPLE = b"\x11\x22"


class AtOnce(Executor):
    """Runs what it is given when the test says so."""

    def __init__(self) -> None:
        self.work: list[Callable[[], Any]] = []

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        self.work.append(work)
        return Future()

    def run(self) -> None:
        work, self.work = self.work, []
        for each in work:
            each()


class Bench:
    def __init__(self, rate: int = RATE) -> None:
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        self.playback = Playback(self.memory, playback_rate=rate, write_rate=24000)
        self.executor = AtOnce()
        self.outcomes: list[SoundPlayed] = []
        self.changes = 0
        self.sounds = OwnSounds(self.playback, self.executor, lambda function: function(), self.changed)
        self.heard = b""

    def changed(self) -> None:
        self.changes += 1

    def play(self, path: Path, *, remove: bool = False, interruptible: bool = True) -> None:
        self.sounds.play(path, self.outcomes.append, pcm=True, remove=remove, interruptible=interruptible)

    def run(self, frames: int) -> None:
        for _ in range(frames):
            self.playback.tick()
            self.playback.interrupted()
            for played in self.playback.played():
                self.sounds.played(played)
            self.sounds.look()
            self.heard += self.switch.playback(480, 24000) or b""


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """100 ms."""
    path = tmp_path / "sound.pcm"
    path.write_bytes(SAMPLE * 2400)
    return path


def test_a_sound_is_heard_whole_and_told_of(sound: Path) -> None:
    bench = Bench()
    bench.play(sound)
    bench.executor.run()
    bench.run(10)
    assert SAMPLE * 2400 in bench.heard
    assert bench.outcomes == [SoundPlayed(heard_ms=100)] and bench.changes == 1
    assert sound.exists()


def test_it_waits_until_the_answer_before_it_is_whole(sound: Path) -> None:
    bench = Bench()
    bench.playback.feed(b"\1\0" * 2400, "r1")
    bench.play(sound)
    bench.executor.run()
    bench.run(10)
    assert SAMPLE not in bench.heard
    bench.playback.feed(b"\2\0" * 2400, "r1")
    bench.playback.finish()
    bench.run(20)
    assert (b"\2\0" * 2400 + SAMPLE * 2400) in bench.heard


def test_sounds_are_played_in_the_order_in_which_they_were_given(sound: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pcm"
    other.write_bytes(b"\3\0" * 480)
    bench = Bench()
    bench.play(sound)
    bench.play(other)
    first, second = bench.executor.work
    second()
    first()
    bench.run(20)
    assert SAMPLE * 2400 + b"\3\0" * 480 in bench.heard
    assert bench.outcomes == [SoundPlayed(heard_ms=100), SoundPlayed(heard_ms=20)]


def test_a_barge_in_tells_how_much_was_heard(sound: Path) -> None:
    bench = Bench()
    bench.play(sound)
    bench.executor.run()
    bench.run(2)
    bench.playback.barge_in()
    bench.run(2)
    assert bench.outcomes == [SoundPlayed(heard_ms=40, interrupted=True)]


def test_silence_takes_those_that_wait_too(sound: Path) -> None:
    bench = Bench()
    bench.playback.feed(b"\1\0" * 2400, "r1")
    bench.play(sound)
    bench.executor.run()
    bench.sounds.silence()
    assert bench.outcomes == [SoundPlayed(interrupted=True)]
    bench.playback.finish()
    bench.run(20)
    assert SAMPLE not in bench.heard


def test_a_sound_that_cannot_be_played_is_told_of(tmp_path: Path) -> None:
    bench = Bench()
    bench.play(tmp_path / "missing.pcm")
    bench.executor.run()
    assert bench.outcomes == [SoundPlayed(error="No such file or directory")]


def test_and_the_next_one_is_played(sound: Path, tmp_path: Path) -> None:
    bench = Bench()
    bench.play(tmp_path / "missing.pcm")
    bench.play(sound)
    bench.executor.run()
    bench.run(10)
    assert bench.outcomes[1:] == [SoundPlayed(heard_ms=100)]


def test_a_fault_of_ours_is_told_and_logged(sound: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def broken(*_: Any, **__: Any) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(own_sounds, "read_sound", broken)
    bench = Bench()
    bench.play(sound)
    bench.executor.run()
    assert bench.outcomes == [SoundPlayed(error="it can't be read")]
    assert "a sound could not be read" in caplog.text


def test_what_finds_no_room_is_told_of_and_the_next_is_tried(sound: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcm"
    empty.write_bytes(b"")
    bench = Bench()
    for samples in (bench.playback.most_queued, 2000):
        while bench.playback.feed(bytes(2 * samples), "r1"):
            pass
    bench.playback.finish()
    for path in (sound, empty):
        bench.play(path)
    bench.executor.run()
    assert bench.outcomes == [SoundPlayed(error="too much audio is waiting to be played"), SoundPlayed()]


def test_sounds_that_begin_too_fast_are_told_of(sound: Path, tmp_path: Path) -> None:
    bench = Bench()
    with contextlib.suppress(LimitExceededError):
        for number in range(MAX_UTTERANCES + 1):
            bench.playback.feed(bytes(2), f"r{number}")
    bench.playback.finish()
    bench.play(sound)
    bench.executor.run()
    (outcome,) = bench.outcomes
    assert "wait to be played" in (outcome.error or "") or "begin faster" in (outcome.error or "")


def test_a_file_of_the_moment_goes_once_it_is_read(sound: Path) -> None:
    bench = Bench()
    bench.play(sound, remove=True)
    bench.executor.run()
    assert not sound.exists()


def test_a_rate_that_changes_meanwhile_is_followed(sound: Path) -> None:
    bench = Bench()
    bench.playback.feed(b"\1\0" * 2400, "r1")
    bench.play(sound)
    bench.executor.run()
    bench.playback.set_rate(8000)
    bench.playback.finish()
    bench.run(20)
    assert len(bench.executor.work) == 1
    bench.executor.run()
    bench.run(20)
    assert bench.outcomes == [SoundPlayed(heard_ms=100)]


def test_no_more_wait_than_may(sound: Path) -> None:
    bench = Bench()
    for _ in range(MAX_WAITING + 1):
        bench.play(sound)
    assert bench.outcomes == [SoundPlayed(error="too many sounds wait")]


def test_the_end_is_told_to_all(sound: Path) -> None:
    bench = Bench()
    bench.play(sound)
    bench.executor.run()
    bench.run(1)
    bench.play(sound)
    bench.sounds.end()
    bench.executor.run()
    bench.play(sound)
    assert bench.outcomes == [
        SoundPlayed(interrupted=True),
        SoundPlayed(interrupted=True),
        SoundPlayed(error="the stream has ended"),
    ]


def test_what_is_refused_is_told_of_once_and_not_read(sound: Path) -> None:
    bench = Bench()
    bench.sounds.end()
    bench.play(sound)
    assert bench.outcomes == [SoundPlayed(error="the stream has ended")] and not bench.executor.work


def test_what_was_silenced_before_it_was_found_unreadable_is_told_of_once(tmp_path: Path) -> None:
    bench = Bench()
    bench.play(tmp_path / "none.pcm")
    bench.sounds.silence()
    bench.executor.run()
    assert bench.outcomes == [SoundPlayed(interrupted=True)]


def test_no_servers_response_is_taken_for_a_sound() -> None:
    assert OwnName(1) != "1" and OwnName(1) != OwnName(1)
    assert len({OwnName(1), "1", OwnName(1)}) == 3


class Behind:
    """Sounds as a stream has them: behind what the model says."""

    def __init__(self, sound: Path) -> None:
        self.bench = bench = Bench()

        def sounds(playback: Playback, changed: Callable[[], None]) -> OwnSounds:
            return OwnSounds(playback, bench.executor, lambda function: function(), changed)

        self.audio = AgentAudio(
            bench.playback, TurnFigures(), lambda text: None, None, lambda: None, raw=False, sounds=sounds
        )
        negotiation = Negotiation(
            {Side.PLAYBACK: Wish(Encoding.PCM, RATE)}, Complaints(lambda text: None), session=True
        )
        self.session = Session(0, negotiation, Interruption(True), plays=True, raw=False)
        bench.playback.feed(b"\1\0" * 480, "r1")
        assert self.audio.sounds is not None
        self.audio.sounds.play(sound, bench.outcomes.append, pcm=True)
        bench.executor.run()

    def run(self, frames: int) -> None:
        for _ in range(frames):
            self.bench.playback.tick()
            self.audio.look(self.session)
            self.bench.heard += self.bench.switch.playback(480, 24000) or b""
            for played in self.bench.playback.played():
                assert self.audio.was_own(played) is (played.response != "r1")


def test_a_sound_follows_as_soon_as_the_answer_is_whole(sound: Path) -> None:
    behind = Behind(sound)
    behind.run(3)
    assert SAMPLE not in behind.bench.heard
    behind.audio.end()
    behind.run(8)
    assert SAMPLE * 2400 in behind.bench.heard
    assert behind.bench.outcomes == [SoundPlayed(heard_ms=100)] and not behind.audio.sounding


def test_silence_of_everything_takes_those_that_wait_and_silence_of_some_does_not(sound: Path) -> None:
    behind = Behind(sound)
    behind.audio.silence(Which(0, frozenset({"r1"})), tell=False)
    assert behind.bench.outcomes == [] and behind.audio.sounding
    behind.audio.silence(EVERYTHING, tell=False)
    assert behind.bench.outcomes == [SoundPlayed(interrupted=True)] and behind.bench.playback.idle


def test_those_that_wait_when_a_stream_ends_are_told_of(sound: Path) -> None:
    behind = Behind(sound)
    behind.audio.end_sounds()
    assert behind.bench.outcomes == [SoundPlayed(interrupted=True)]
