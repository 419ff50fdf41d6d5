"""Agent audio from the queue into the ring: how far ahead, at which rate, and again after a change."""

import base64
import gc
import math
import sys
from array import array
from functools import partial

import pybase64
import pytest

from mod_openai_realtime._media import Playout, Poller, StreamMemory, SwitchSide, g711_decode
from mod_openai_realtime.audio.control import Control
from mod_openai_realtime.audio.resampling import make_resampler
from mod_openai_realtime.dialect.profiles import OPENAI

NAMES = OPENAI.audio_names
LOW_MS, HIGH_MS = 20, 40
RATE = 8000
MS = 2 * RATE // 1000  # bytes
KEPT = 10 * RATE // 1000  # samples


class Bench:
    """At one rate unless told otherwise: what is heard is what was fed, byte for byte."""

    def __init__(self, rate: int = RATE, write_rate: int = RATE, samples: int = 32768) -> None:
        self.switch = SwitchSide(playback_samples=samples)
        self.memory = StreamMemory(self.switch.fd)
        self.memory.discard_playback(write_rate)
        self.memory.watch((1 << 64) - 1, 0)
        self.write_rate = write_rate
        self.playout = Playout(self.memory, LOW_MS, HIGH_MS)
        self.playout.start_run(rate, write_rate, make_resampler(rate, write_rate, aligned=True))
        self.poller = Poller()
        self.poller.add(self.memory, "stream", None, self.playout)

    def hear(self, frames: int) -> bytes:
        """Frames of 10 ms, the poller in between."""
        heard = b""
        for _ in range(frames):
            self.poller.ready()
            heard += self.switch.playback(self.write_rate // 100, self.write_rate) or b""
        return heard

    def unplayed(self) -> tuple[int, bytes]:
        """Of the run."""
        return self.memory.unplayed(self.playout.run_ring)

    @property
    def ahead(self) -> int:
        return self.memory.playback_head - self.memory.playback_tail

    @property
    def expects_more(self) -> bool:
        return Control.EXPECTING in Control(self.memory.control)


def ramp(samples: int, start: int = 1) -> bytes:
    return array("h", [(start + n) % 30000 for n in range(samples)]).tobytes()


def tone(samples: int, rate: int) -> bytes:
    return array("h", [round(8000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(samples)]).tobytes()


def test_what_is_fed_goes_into_the_ring_up_to_high_and_follows_when_less_than_low_is_ahead() -> None:
    bench = Bench()
    pcm = ramp(RATE)
    bench.playout.feed(pcm)
    assert bench.ahead == HIGH_MS * RATE // 1000
    assert bench.playout.queued == RATE - bench.ahead
    heard = bench.hear(2)
    assert bench.ahead == LOW_MS * RATE // 1000
    heard += bench.hear(1)
    assert bench.ahead == LOW_MS * RATE // 1000 - 80
    assert bench.poller.ready() == []
    assert bench.ahead == HIGH_MS * RATE // 1000
    bench.playout.finish()
    assert heard + bench.hear(100) == pcm
    assert bench.playout.settled


@pytest.mark.parametrize("piece", [1, 3, 80, 1000])
def test_pieces_of_any_length_are_one_signal(piece: int) -> None:
    bench = Bench(24000)
    pcm = tone(24000, 24000)
    for at in range(0, len(pcm), 2 * piece):
        bench.playout.feed(pcm[at : at + 2 * piece])
    bench.playout.finish()
    whole = make_resampler(24000, RATE, aligned=True)
    assert whole is not None
    assert bench.hear(110) == whole.process(pcm) + whole.flush()
    assert bench.memory.underruns == 0


@pytest.mark.parametrize("write_rate", [16000, 48000])
def test_a_ring_that_is_too_small_for_the_rate_is_never_overrun(write_rate: int) -> None:
    bench = Bench(8000, write_rate, samples=1024)
    pcm = tone(8000, 8000)
    for at in range(0, len(pcm), 320):
        bench.playout.feed(pcm[at : at + 320])
    bench.playout.finish()
    whole = make_resampler(8000, write_rate, aligned=True)
    assert whole is not None
    assert bench.hear(105) == whole.process(pcm) + whole.flush()


def test_much_may_go_into_the_ring_at_once() -> None:
    bench = Bench(8000, 48000, samples=65536)
    playout = Playout(bench.memory, LOW_MS, 1000)
    playout.start_run(8000, 48000, make_resampler(8000, 48000, aligned=True))
    pcm = tone(8000, 8000)
    playout.feed(pcm)
    playout.finish()
    whole = make_resampler(8000, 48000, aligned=True)
    assert whole is not None
    bench.playout = playout
    assert bench.hear(101) == whole.process(pcm) + whole.flush()


def test_it_expects_more_until_the_last_of_it_is_in_the_ring() -> None:
    bench = Bench()
    assert not bench.expects_more
    bench.playout.feed(ramp(100))
    assert bench.expects_more
    bench.playout.finish()
    assert not bench.expects_more
    bench.playout.feed(ramp(2000))
    assert bench.expects_more
    bench.playout.finish()
    assert bench.expects_more, "what is queued is still to come"
    bench.hear(27)
    assert not bench.expects_more
    bench.playout.feed(ramp(100))
    bench.playout.clear()
    assert not bench.expects_more
    assert bench.playout.queued == 0


def test_the_last_of_what_was_passed_on_is_kept_and_passed_on_again() -> None:
    bench = Bench()
    for start in range(0, 2000, 100):
        bench.playout.feed(ramp(100, start))
    bench.hear(5)
    passed, played = bench.playout.source, bench.memory.playback_tail
    assert bench.playout.source_at(played) == played == 400
    assert passed == played + LOW_MS * RATE // 1000
    assert passed - KEPT - 100 < bench.playout.start <= passed - KEPT
    bench.playout.rewind(passed - KEPT)
    bench.memory.discard_playback(RATE)
    bench.playout.start_run(RATE, RATE, None)
    assert bench.playout.source == bench.playout.run_source == passed - KEPT
    assert bench.playout.source_at(bench.playout.run_ring + 10) == passed - KEPT + 10
    bench.playout.finish()
    heard = bench.hear(30)
    assert heard[: 2 * 40] != ramp(40, played), "the cut is faded"
    again = ramp(2000, 0)[2 * (passed - KEPT) :]
    assert heard[2 * 40 :].lstrip(b"\0")[: len(again)] == again
    assert bench.playout.settled


def test_what_has_not_been_played_can_be_read_back() -> None:
    bench = Bench()
    bench.playout.feed(ramp(2000))
    bench.hear(5)
    assert bench.unplayed() == (400, ramp(2000)[2 * 400 : 2 * bench.playout.source])


def test_only_a_position_can_be_read_from() -> None:
    bench = Bench()
    assert bench.memory.unplayed(5) == (5, b"")
    with pytest.raises(OverflowError):
        bench.memory.unplayed(-1)


def test_nothing_of_an_earlier_run_is_read_back() -> None:
    bench = Bench()
    bench.playout.feed(ramp(1000))
    position = bench.memory.discard_playback(RATE)
    bench.playout.clear()
    bench.playout.start_run(RATE, RATE, None)
    assert bench.unplayed() == (position, b"")
    bench.playout.feed(ramp(50))
    assert bench.unplayed() == (position, ramp(50))


def test_rewinding_goes_no_further_back_than_is_kept_and_never_forward() -> None:
    bench = Bench()
    bench.playout.feed(ramp(1000))
    given = bench.playout.source
    bench.playout.rewind(given + 100)
    assert bench.playout.source == given
    bench.playout.rewind(0)
    assert (bench.playout.source, bench.playout.queued) == (0, 1000)
    with pytest.raises(OverflowError):
        bench.playout.rewind(-1)
    with pytest.raises(OverflowError):
        bench.playout.source_at(-1)


def test_a_channel_at_another_rate_gets_nothing_until_a_run_at_that_rate_begins() -> None:
    bench = Bench()
    bench.playout.feed(ramp(40))
    bench.switch.playback(160, 16000)
    before = bench.memory.playback_head
    bench.playout.feed(ramp(4000))
    bench.playout.fill()
    assert bench.memory.playback_head == before
    bench.memory.discard_playback(16000)
    bench.playout.start_run(RATE, 16000, make_resampler(RATE, 16000, aligned=True))
    bench.playout.fill()
    assert bench.memory.playback_head > before


def test_a_new_run_has_nothing_of_the_one_before_to_wait_for() -> None:
    bench = Bench(24000)
    bench.playout.feed(tone(100, 24000))
    assert bench.playout.queued == 0 and not bench.playout.settled, "the resampler has some of it"
    bench.playout.start_run(24000, RATE, make_resampler(24000, RATE, aligned=True))
    assert bench.playout.settled


def test_contents_can_be_replaced_at_another_rate() -> None:
    bench = Bench()
    pcm = ramp(1000)
    bench.playout.feed(pcm)
    assert bench.playout.contents() == pcm
    given = bench.playout.source
    bench.playout.flush()
    bench.playout.replace(16000, make_resampler(16000, RATE, aligned=True), 0, 0, 2 * given, bytes(4000))
    assert (bench.playout.source, bench.playout.end) == (2 * given, 2000)
    assert bench.playout.source_at(100) == 200
    bench.playout.finish()
    bench.hear(20)
    assert bench.memory.playback_tail == bench.memory.playback_head == 1000
    for bad in [
        (0, None, 0, 0, 0, b""),
        (8000, 1, 0, 0, 0, b""),
        (8000, None, 0, 1, 0, b""),
        (8000, None, 0, 0, 2, b"ab"),
    ]:
        with pytest.raises(ValueError, match="make no sense"):
            bench.playout.replace(*bad)  # type: ignore[arg-type]


def test_hours_of_short_pieces_take_no_more_room_than_what_waits() -> None:
    bench = Bench()
    heard = b""
    for n in range(2000):
        bench.playout.feed(ramp(80, n))
        heard += bench.hear(1)
    assert heard == b"".join(ramp(80, n) for n in range(2000))
    assert bench.playout.end - bench.playout.start <= 160


@pytest.mark.parametrize("pcm", [b"odd", bytearray(2), "aa", None])
def test_pcm_is_bytes_and_whole_samples(pcm: object) -> None:
    bench = Bench()
    with pytest.raises(ValueError, match="whole number of samples"):
        bench.playout.feed(pcm)  # type: ignore[arg-type]


def test_only_what_makes_sense_is_taken() -> None:
    bench = Bench()
    with pytest.raises(TypeError):
        Playout(object(), 1, 2)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Poller().add(bench.memory, "x", None, object())  # type: ignore[arg-type]
    for bad in [(0, 8000, None), (8000, 0, None), (8000, 8000, 1)]:
        with pytest.raises(ValueError, match="rates are above 0"):
            bench.playout.start_run(*bad)  # type: ignore[arg-type]


def test_one_that_was_not_set_up_does_nothing() -> None:
    playout = Playout.__new__(Playout)
    playout.feed(ramp(100))
    playout.fill()
    playout.finish()
    playout.flush()
    playout.clear()
    assert playout.queued == 0


def test_after_the_memory_is_closed_nothing_is_written() -> None:
    bench = Bench(24000)
    bench.playout.feed(ramp(4000))
    bench.memory.close()
    with pytest.raises(ValueError, match="closed"):
        bench.unplayed()
    bench.playout.feed(ramp(4000))
    bench.playout.finish()
    bench.playout.flush()
    assert bench.poller.ready() == []
    bench.playout.clear()
    assert bench.playout.queued == 0


def test_it_goes_with_its_stream() -> None:
    bench = Bench()
    piece = ramp(10000)
    before = sys.getrefcount(piece)
    bench.playout.feed(piece)
    assert sys.getrefcount(piece) == before + 1
    del bench
    gc.collect()
    assert sys.getrefcount(piece) == before


def test_what_is_replaced_may_be_nothing() -> None:
    bench = Bench()
    bench.playout.replace(RATE, None, 5, 5, 5, b"")
    assert (bench.playout.start, bench.playout.source, bench.playout.end) == (5, 5, 5)
    assert bench.playout.run_source == 5
    bench.playout.feed(ramp(100))
    bench.playout.finish()
    assert bench.hear(3)[:200] == ramp(100)


def message(pcm: bytes, response: str = "r", item: str | None = "i", index: int = 0, tail: str = "") -> bytes:
    fields = f'"type":"response.output_audio.delta","response_id":"{response}","content_index":{index}'
    if item is not None:
        fields += f',"item_id":"{item}"'
    return f'{{{fields},"delta":"{base64.b64encode(pcm).decode()}"{tail}}}'.encode()


def test_a_message_of_the_part_is_fed() -> None:
    bench = Bench()
    pcm = ramp(200)
    bench.playout.feed(pcm)
    assert not bench.playout.feed_message(message(pcm)), "there is no part yet"
    bench.playout.set_part(base64.b64decode, NAMES, "r", "i", 0, RATE, None)
    assert bench.playout.feed_message(memoryview(message(pcm)))
    bench.playout.finish()
    assert bench.hear(5)[:800] == pcm + pcm


@pytest.mark.parametrize(
    "other",
    [
        message(ramp(8), response="r2"),
        message(ramp(8), response="rr"),
        message(ramp(8), item="i2"),
        message(ramp(8), item=None),
        message(ramp(8), index=1),
        message(b""),
        message(b"odd"),
        message(ramp(8), tail=',"usage":{}'),
        message(ramp(8)).replace(b'"delta":"', b'"delta":"!'),
        b"",
        b"{}",
    ],
)
def test_what_is_not_plainly_of_the_part_is_not_fed(other: bytes) -> None:
    bench = Bench()
    bench.playout.set_part(partial(pybase64.b64decode, validate=True), NAMES, "r", "i", 0, RATE, None)
    assert not bench.playout.feed_message(other)
    assert bench.playout.end == 0
    assert bench.playout.feed_message(message(ramp(8))), "the part is still the same"


def test_a_part_may_have_no_ids() -> None:
    bench = Bench()
    bench.playout.set_part(base64.b64decode, NAMES, None, None, 0, RATE, None)
    anonymous = b'{"delta":"AAA=","type":"response.audio.delta"}'
    assert bench.playout.feed_message(anonymous)
    assert not bench.playout.feed_message(message(ramp(8)))


def test_an_id_that_is_not_ascii_has_no_equal() -> None:
    bench = Bench()
    bench.playout.set_part(base64.b64decode, NAMES, "é", None, 0, RATE, None)
    assert not bench.playout.feed_message(message(ramp(8), response="é", item=None))


def test_without_a_part_no_message_is_taken() -> None:
    bench = Bench()
    bench.playout.set_part(base64.b64decode, NAMES, "r", "i", 0, RATE, None)
    bench.playout.clear_part()
    bench.playout.clear_part()
    assert not bench.playout.feed_message(message(ramp(8)))


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_companded_audio_of_the_part_is_fed_as_samples(law: str) -> None:
    bench = Bench()
    words = bytes(range(201))
    bench.playout.set_part(base64.b64decode, NAMES, "r", "i", 0, RATE, law)
    assert bench.playout.feed_message(message(words))
    assert not bench.playout.feed_message(message(b""))
    bench.playout.finish()
    assert bench.hear(3)[:402] == g711_decode(words, law)
    with pytest.raises(ValueError, match="law"):
        bench.playout.set_part(base64.b64decode, NAMES, "r", "i", 0, RATE, "opus")


def test_no_more_is_fed_of_messages_than_may_wait() -> None:
    bench = Bench()
    bench.playout.set_part(base64.b64decode, NAMES, "r", "i", 0, 1000, None)
    assert bench.playout.feed_message(message(ramp(1000)))
    waiting = bench.playout.queued
    assert not bench.playout.feed_message(message(ramp(1001 - waiting)))
    assert bench.playout.feed_message(message(ramp(1000 - waiting)))


def test_only_what_can_be_a_part_is_and_only_messages_are_taken() -> None:
    bench = Bench()
    decode = bytes
    before = sys.getrefcount(decode)
    with pytest.raises(TypeError, match="str or None"):
        bench.playout.set_part(decode, NAMES, b"r", None, 0, 1, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="str or None"):
        bench.playout.set_part(decode, NAMES, "r", 1, 0, 1, None)  # type: ignore[arg-type]
    assert sys.getrefcount(decode) == before
    with pytest.raises(TypeError):
        bench.playout.feed_message("text")  # type: ignore[arg-type]


def test_a_part_that_is_known_no_more_is_let_go() -> None:
    bench = Bench()
    given = [partial(pybase64.b64decode), (b"a", b"b"), "".join(["r", "1"]), "".join(["i", "1"])]
    before = [sys.getrefcount(each) for each in given]
    for _ in range(2):
        bench.playout.set_part(*given, 0, 1, None)
    assert [sys.getrefcount(each) for each in given] == [count + 1 for count in before]
    bench.playout.clear_part()
    assert [sys.getrefcount(each) for each in given] == before
    bench.playout.set_part(*given, 0, 1, None)
    del bench
    gc.collect()
    assert [sys.getrefcount(each) for each in given] == before


def test_what_follows_upon_the_last_word_is_expected_to_be_followed() -> None:
    bench = Bench()
    bench.playout.feed(ramp(100))
    bench.playout.finish()
    assert not bench.memory.control & Control.EXPECTING
    bench.playout.feed(ramp(100))
    assert bench.memory.control & Control.EXPECTING


def test_what_the_decoder_raises_is_raised_unless_it_finds_fault_with_the_audio() -> None:
    bench = Bench()

    def fail(text: memoryview) -> bytes:
        raise KeyError("no audio")

    bench.playout.set_part(fail, NAMES, "r", "i", 0, RATE, None)
    with pytest.raises(KeyError):
        bench.playout.feed_message(message(ramp(8)))
    assert bench.playout.end == 0
