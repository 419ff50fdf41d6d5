"""Some of what is queued is dropped, the rest is heard as if the other had never been there."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime._media import Poller, StreamMemory, SwitchSide
from mod_openai_realtime.audio.heard import Heard, ItemPart
from mod_openai_realtime.audio.playback import Playback
from mod_openai_realtime.audio.utterance import Speech
from mod_openai_realtime.conversation.turn import Played

RATE = 8000
FRAME = 320  # bytes


def noise(ms: int, seed: int) -> bytes:
    """Each frame of it is unique, and no byte is 0."""
    return bytes(byte | 1 for byte in random.Random(seed).randbytes(ms * RATE // 1000 * 2))


class Bench:
    """Playback at the channel's rate, so that what is heard is what was fed, bit for bit; time is frames of 20 ms."""

    def __init__(self, write_rate: int = RATE) -> None:
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        self.write_rate = write_rate
        self.playback = Playback(self.memory, playback_rate=RATE, write_rate=write_rate)
        self.poller = Poller()
        self.poller.add(self.memory, self.playback, None, self.playback.playout)
        self.events: list[Speech] = []
        self.frames: list[bytes] = []
        self.cut: list[Heard] = []
        self.played: list[Played] = []

    def feed(self, name: str, pcm: bytes, *, finished: bool = True) -> None:
        assert self.playback.feed(pcm, name, ItemPart(name, 0))
        if finished:
            self.playback.finish()

    def drop(self, *names: str) -> None:
        self.events += self.playback.barge_in(lambda utterance: utterance.response in names)
        self.memory.watch(0, 0)

    def run(self, frames: int) -> None:
        self.memory.watch(0, 0)
        for _ in range(frames):
            if self.poller.ready():
                self.events += self.playback.tick()
                self.cut += self.playback.interrupted()
                self.played += self.playback.played()
                self.memory.watch(*self.playback.next_due())
            self.frames.append(self.switch.playback(self.write_rate // 50, self.write_rate) or b"")

    @property
    def heard(self) -> bytes:
        return b"".join(self.frames)


def test_the_first_goes_at_once_and_the_next_is_heard_whole() -> None:
    bench = Bench()
    first, second = noise(1000, 1), noise(300, 2)
    bench.feed("a", first)
    bench.feed("b", second)
    bench.run(10)
    bench.drop("a")
    assert bench.events == [Speech.STARTED, Speech.STOPPED]
    bench.run(30)
    # The cut fades over 5 ms, and there the next begins.
    assert bench.heard[10 * FRAME + 80 :] == second + bytes(FRAME - 80)
    assert bench.cut == [Heard(ItemPart("a", 0), 1600, 8000)]
    assert [(each.response, each.heard_ms, each.interrupted) for each in bench.played] == [
        ("a", 200, True),
        ("b", 300, False),
    ]
    assert bench.events == [Speech.STARTED, Speech.STOPPED] * 2


def test_the_next_may_lie_in_the_ring_already() -> None:
    bench = Bench()
    second = noise(600, 2)
    bench.feed("a", noise(100, 1))
    bench.feed("b", second)
    bench.run(1)
    assert bench.playback.playout.queued < len(second) // 2
    bench.drop("a")
    bench.run(40)
    assert bench.heard[FRAME + 80 :].rstrip(b"\0") == second


def test_what_lies_in_the_ring_alone_by_now_is_heard_whole() -> None:
    bench = Bench()
    second = noise(600, 2)
    bench.feed("a", noise(100, 1))
    for start in range(0, len(second), FRAME):
        bench.feed("b", second[start : start + FRAME], finished=False)
    bench.run(1)
    bench.drop("a")
    bench.playback.finish()
    bench.run(40)
    assert bench.heard[FRAME + 80 :].rstrip(b"\0") == second


def test_what_stands_first_is_heard_to_its_end_before_the_next_goes() -> None:
    bench = Bench()
    first, third = noise(200, 1), noise(200, 3)
    bench.feed("a", first)
    bench.feed("b", noise(1000, 2))
    bench.feed("c", third)
    bench.run(3)
    bench.drop("b")
    bench.run(60)
    heard = bench.heard.rstrip(b"\0")
    assert heard.startswith(first) and heard.endswith(third)
    # The engine learns with the next tick that the first is over: until then the next may begin.
    assert len(first + third) < len(heard) <= len(first + third) + 2 * FRAME
    assert [(each.response, each.interrupted) for each in bench.played] == [("a", False), ("b", True), ("c", False)]
    assert bench.events == [Speech.STARTED, Speech.STOPPED] * 2
    assert bench.playback.idle


def test_a_cut_that_comes_in_two_counts_once_and_none_counts_nothing() -> None:
    bench = Bench()
    for name in ("a", "b", "c"):
        bench.feed(name, noise(200, ord(name)))
    bench.run(5)
    bench.drop("x")
    assert bench.playback.cuts == 0
    bench.drop("a", "c")
    bench.run(40)
    assert bench.playback.cuts == 1
    bench.playback.barge_in()
    assert bench.playback.cuts == 1


def test_nothing_chosen_changes_nothing() -> None:
    bench = Bench()
    first, second = noise(200, 1), noise(200, 2)
    bench.feed("a", first)
    bench.feed("b", second, finished=False)
    bench.run(3)
    bench.drop("z")
    bench.feed("b", second)
    bench.run(40)
    assert bench.heard.rstrip(b"\0") == first + second + second
    assert bench.cut == []


def test_what_is_kept_may_go_on_coming() -> None:
    bench = Bench()
    parts = [noise(400, seed) for seed in range(3)]
    bench.feed("a", noise(400, 9))
    bench.feed("b", parts[0], finished=False)
    bench.run(2)
    bench.drop("a")
    bench.feed("b", parts[1], finished=False)
    bench.run(10)
    bench.feed("b", parts[2])
    bench.run(70)
    assert b"".join(parts) in bench.heard
    assert [(each.response, each.heard_ms) for each in bench.played] == [("a", 40), ("b", 1200)]


def test_audio_of_a_response_that_is_to_go_does_not_bring_it_back() -> None:
    bench = Bench()
    bench.feed("a", noise(200, 1))
    bench.feed("b", noise(1000, 2), finished=False)
    bench.run(2)
    bench.drop("b")
    again = noise(300, 3)
    bench.feed("b", again)
    bench.run(60)
    assert again in bench.heard
    assert [each.response for each in bench.played] == ["a", "b", "b"]


def test_what_was_heard_of_a_kept_response_is_counted_from_its_new_place() -> None:
    bench = Bench()
    bench.feed("a", noise(1000, 1))
    bench.feed("b", noise(1000, 2))
    bench.run(10)
    bench.drop("a")
    bench.run(21)
    bench.events += bench.playback.barge_in()
    bench.run(2)
    assert [heard.part.item_id for heard in bench.cut] == ["a", "b"]
    assert bench.cut[1].received_samples == 8000
    assert bench.cut[1].heard_samples == 21 * 160 - 40
    assert bench.played[1].heard_ms == bench.cut[1].audio_end_ms(RATE)


@pytest.mark.parametrize("write_rate", [16000, 24000])
def test_resampled_audio_keeps_its_length(write_rate: int) -> None:
    bench = Bench(write_rate)
    bench.feed("a", noise(150, 1))
    bench.feed("b", noise(700, 2))
    bench.run(2)
    bench.drop("a")
    bench.run(60)
    assert [(each.response, each.heard_ms) for each in bench.played] == [("a", 40), ("b", 700)]
    assert len(bench.heard.rstrip(b"\0")) == pytest.approx(2 * write_rate * (0.04 + 0.005 + 0.7), abs=write_rate // 100)


def test_which_responses_have_an_item_that_is_not_heard_out() -> None:
    bench = Bench()
    bench.playback.feed(noise(100, 1), "a", ItemPart("one", 0))
    bench.playback.feed(noise(100, 2), "a", ItemPart("two", 0))
    bench.playback.feed(noise(100, 3), "b", ItemPart("three", 0))
    assert bench.playback.responses(0) == {"a", "b"} and bench.playback.responses(1) == set()
    assert [bench.playback.responses_of_item(item, 0) for item in ("one", "two", "three", "four")] == [
        {"a"},
        {"a"},
        {"b"},
        set(),
    ]
    assert bench.playback.responses_of_item("one", 1) == set()
    bench.run(7)
    assert bench.playback.responses_of_item("one", 0) == set()
    assert bench.playback.responses_of_item("two", 0) == {"a"}
    bench.run(30)
    assert bench.playback.responses_of_item("three", 0) == {"b"}, "more of it may come"
    bench.playback.finish()
    bench.run(2)
    assert bench.playback.responses_of_item("three", 0) == set()


def test_a_new_session_continues_nothing() -> None:
    bench = Bench()
    bench.feed("a", noise(200, 1), finished=False)
    bench.playback.begin_session(1)
    bench.feed("a", noise(100, 2))
    bench.run(20)
    assert [(each.session, each.heard_ms) for each in bench.played] == [(0, 200), (1, 100)]
    assert bench.events == [Speech.STARTED, Speech.STOPPED] * 2


def test_what_is_disowned_is_not_told() -> None:
    bench = Bench()
    bench.feed("a", noise(1000, 1))
    bench.run(5)
    bench.events += bench.playback.barge_in()
    bench.playback.disown("a", 0)
    bench.run(2)
    assert bench.cut == [] and len(bench.played) == 1


def test_untold_is_not_told() -> None:
    bench = Bench()
    bench.feed("a", noise(1000, 1))
    bench.run(5)
    bench.playback.barge_in(tell=False)
    bench.run(2)
    assert bench.cut == [] and len(bench.played) == 1


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=6), st.integers(0, 60))
def test_whatever_is_dropped_the_rest_is_heard_whole_and_in_order(parts: list[tuple[int, bool]], frames: int) -> None:
    bench = Bench()
    audio = [noise(20 * length, seed) for seed, (length, _) in enumerate(parts)]
    for number, pcm in enumerate(audio):
        bench.feed(str(number), pcm)
    bench.run(frames)
    bench.events += bench.playback.tick()
    bench.drop(*(str(number) for number, (_, dropped) in enumerate(parts) if dropped))
    bench.run(sum(length for length, _ in parts) + 20)
    places = [bench.heard.find(pcm) for number, pcm in enumerate(audio) if not parts[number][1]]
    assert -1 not in places and places == sorted(places)
    assert len(bench.played) == len(parts)
    assert bench.events == [Speech.STARTED, Speech.STOPPED] * (len(bench.events) // 2)
    assert bench.playback.idle


def test_what_comes_while_something_before_it_waits_to_be_dropped_is_heard_whole() -> None:
    bench = Bench()
    first, dropped, begun, rest = (noise(100, number) for number in range(4))
    bench.feed("a", first)
    bench.feed("b", dropped)
    bench.drop("b")
    bench.feed("c", begun, finished=False)
    bench.run(6)
    bench.feed("c", rest)
    bench.run(20)
    heard = bench.heard.rstrip(b"\0")
    assert heard.startswith(first) and heard.endswith(begun + rest)
    assert bench.played[-1].heard_ms == 200 and bench.playback.idle
