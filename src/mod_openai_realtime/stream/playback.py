"""Agent audio on its way in: deltas -> queue -> resampler -> playback ring, and what of it has been played.

The switch's media thread is the clock: this side only keeps the ring filled some way ahead, so that a late tick is
never heard. Positions: `source` counts samples at the stream's playback rate as they came from the server, `ring` at
the channel's rate as the media thread takes them. Within one run of the resampler the two are proportional, exactly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from typing import Protocol

from .._media import Resampler
from .control import Control
from .heard import Heard, HeardLedger, ItemPart
from .resampling import make_resampler
from .turn import Played

LOW_MS, HIGH_MS = 200, 400  # refill the ring when less than LOW is ahead, and whenever audio comes, up to HIGH
MAX_QUEUE_S = 180
NEVER = (1 << 64) - 1
# A channel that sends nothing (parked, say) never answers a discard; after so many ticks its last position stands.
CUT_TICKS = 10


class PlaybackMemory(Protocol):
    """What playback needs of a stream's memory; _media.StreamMemory is one."""

    @property
    def playback_head(self) -> int: ...
    @property
    def playback_tail(self) -> int: ...
    @property
    def write_rate(self) -> int: ...
    def write_playback(self, pcm: bytes | memoryview, /) -> int: ...
    def discard_playback(self, rate: int, /) -> int: ...
    def set_control(self, set_bits: int, clear_bits: int, /) -> None: ...
    @property
    def write_time_ns(self) -> int: ...
    @property
    def cut_at(self) -> int: ...
    @property
    def cut_until(self) -> int: ...


class Speech(Enum):
    STARTED = auto()
    STOPPED = auto()


@dataclass(slots=True)
class Utterance:
    """The audio of one response, from the first sample that was queued to the drain after its last."""

    response: str | None
    source_start: int
    source_end: int  # grows until finished
    finished: bool = False
    started: bool = False
    heard_at_ns: int = 0  # CLOCK_MONOTONIC of the first frame heard


@dataclass(slots=True)
class _Cut:
    """A barge-in that the media thread has not answered yet."""

    discarded_to: int
    ring_tail: int  # what the media thread had taken when it was told
    run_source: int
    run_ring: int
    write_rate: int
    ledger: HeardLedger
    utterances: list[Utterance]
    ticks: int = 0


class Playback:
    """Bounded: MAX_QUEUE_S of audio wait at most; feed() says when what comes is over that and was dropped."""

    def __init__(self, memory: PlaybackMemory, *, playback_rate: int, write_rate: int) -> None:
        self._memory = memory
        self.rate = playback_rate  # Hz, of what the server sends
        self._write_rate = write_rate
        self._queue: deque[bytes | memoryview] = deque()  # memoryviews are the rest of a long delta
        self._queued = 0  # samples in _queue
        # Given to the resampler, perhaps not yet played: for a codec change.
        self._unplayed: deque[bytes | memoryview] = deque()
        self._unplayed_start = 0  # source position of _unplayed[0]
        self._source = 0  # source position where the queue starts
        self._resampler: Resampler | None = None
        self._run_source = 0  # where the resampler's run started, in source samples ...
        self._run_ring = 0  # ... and in ring samples
        self._run_open = False
        self._tail_pcm = b""  # resampled, did not fit into the ring
        self._utterances: deque[Utterance] = deque()
        self._ledger = HeardLedger()
        self._cuts: deque[_Cut] = deque()
        self._played: list[Played] = []
        self._hold = False
        self.muted = False
        self._discarded_to = memory.discard_playback(write_rate)  # ring position; what lies before is never played
        self._start_run()

    # -- from the server

    def feed(self, pcm: bytes, response: str | None, part: ItemPart | None = None) -> bool:
        """Queue pcm16 at the playback rate. False where it was dropped, because too much is waiting."""
        samples = len(pcm) // 2
        if samples == 0:
            return True
        if self._queued + samples > MAX_QUEUE_S * self.rate:
            return False
        end = self._source + self._queued
        last = self._utterances[-1] if self._utterances else None
        if last is None or (last.finished and (response is None or last.response != response)):
            self._utterances.append(Utterance(response, end, end + samples))
        elif last.response != response and response is not None:
            last.finished = True
            self._utterances.append(Utterance(response, end, end + samples))
        else:
            last.finished = False
            last.source_end = end + samples
        if part is not None:
            self._ledger.add(part, end, samples)
        self._queue.append(pcm)
        self._queued += samples
        return True

    def top_up(self) -> list[Speech]:
        """What was fed goes on its way, as far as the ring has room: a tick() that does not wait for the ring to run
        low. An empty one is waiting for this."""
        return self._advance(HIGH_MS)

    def finish(self) -> None:
        """The server has sent all audio of the response that is queued last."""
        if self._utterances:
            self._utterances[-1].finished = True

    def barge_in(self) -> list[Speech]:
        """Silence at once: drop what is queued and what is in the ring, and forget resampler state.

        What of it was heard is known when the media thread has answered, a frame later: interrupted() tells then.
        """
        self._queue.clear()
        self._source += self._queued
        self._queued = 0
        tail = self._memory.playback_tail
        target = self._discarded_to = self._memory.discard_playback(self._write_rate)
        if self._utterances:
            utterances = list(self._utterances)
            self._cuts.append(
                _Cut(target, tail, self._run_source, self._run_ring, self._write_rate, self._ledger, utterances)
            )
            self._ledger = HeardLedger()
        self._set_hold(False)
        self._start_run()
        stopped = [Speech.STOPPED] if any(utterance.started for utterance in self._utterances) else []
        self._utterances.clear()
        return stopped

    def set_rate(self, rate: int) -> None:
        """What is fed from now on is at `rate` Hz; what waits is converted, and positions with it."""
        old = self.rate
        if rate == old:
            return

        def scaled(position: int) -> int:
            return position * rate // old

        if self._utterances:
            self._convert(rate, scaled)
        self._source = scaled(self._source)
        self._unplayed_start = scaled(self._unplayed_start)
        self._run_source = scaled(self._run_source)
        self._ledger.scale(scaled)
        for cut in self._cuts:
            cut.run_source = scaled(cut.run_source)
            cut.ledger.scale(scaled)
        for utterance in chain(self._utterances, *(cut.utterances for cut in self._cuts)):
            utterance.source_start = scaled(utterance.source_start)
            utterance.source_end = scaled(utterance.source_end)
        self.rate = rate
        if self._utterances:
            self._resampler = make_resampler(rate, self._write_rate, aligned=True)
            self._run_open = False
        else:
            self._start_run()

    # -- from the media clock

    def tick(self) -> list[Speech]:
        """Keep the ring filled; tell what has begun and ended in the caller's ear since the last tick."""
        return self._advance(LOW_MS)

    def _advance(self, low_ms: int) -> list[Speech]:
        if not self._utterances and not self._queued:
            return []
        write_rate = self._memory.write_rate
        if write_rate and write_rate != self._write_rate:
            self._change_rate(write_rate)
        self._refill(low_ms)
        return self._progress()

    def interrupted(self) -> list[Heard]:
        """Once a tick: the item parts that a barge-in has cut short, when it is certain how much of them was heard."""
        if not self._cuts:
            return []
        cut = self._cuts[0]
        cut.ticks += 1
        tail = self._memory.playback_tail  # before cut_until: a tail past the cut means that the cut is told of
        until = self._memory.cut_until
        if until >= cut.discarded_to:
            # An answer to a later discard alone: nothing was taken between the two.
            ring = self._memory.cut_at if until == cut.discarded_to else cut.ring_tail
        elif tail >= cut.discarded_to or cut.ticks >= CUT_TICKS:
            ring = min(tail, cut.discarded_to)
        else:
            return []
        self._cuts.popleft()
        position = cut.run_source + max(0, ring - cut.run_ring) * self.rate // cut.write_rate
        for utterance in cut.utterances:
            self._end(utterance, position, interrupted=True)
        return cut.ledger.cut(position)

    def played(self) -> list[Played]:
        """The responses that are over since the last call, heard to their end or interrupted."""
        played, self._played = self._played, []
        return played

    def _end(self, utterance: Utterance, position: int, *, interrupted: bool) -> None:
        heard = max(0, min(position, utterance.source_end) - utterance.source_start) if utterance.started else 0
        heard_ms = heard * 1000 // self.rate
        self._played.append(Played(utterance.response, utterance.heard_at_ns, heard_ms, interrupted))

    def next_due(self) -> tuple[int, int]:
        """What StreamMemory.watch wants to know: the ring position at which there is something to do, and the rate."""
        if self._cuts or self._played:
            return 0, 0
        if not self._utterances:
            return NEVER, 0
        first = self._utterances[0]
        if not first.started and not self.muted:
            return 0, 0
        due = NEVER
        if self._queued or self._tail_pcm:
            due = max(0, self._memory.playback_head - LOW_MS * self._write_rate // 1000)
        if first.finished:
            end = self._run_ring + (first.source_end - self._run_source) * self._write_rate // self.rate
            due = min(due, end, self._memory.playback_head)
        return due, self._write_rate

    @property
    def idle(self) -> bool:
        """Nothing is queued and all that was has been played."""
        return not self._utterances

    # -- inner

    def _start_run(self) -> None:
        self._resampler = make_resampler(self.rate, self._write_rate, aligned=True)
        self._run_source = self._source
        self._run_ring = self._memory.playback_head
        self._run_open = False
        self._tail_pcm = b""
        self._unplayed.clear()
        self._unplayed_start = self._source

    def _set_hold(self, hold: bool) -> None:
        if hold != self._hold:
            self._hold = hold
            self._memory.set_control(Control.HOLD if hold else 0, 0 if hold else Control.HOLD)

    def _source_at(self, ring: int) -> int:
        """The source position that the media thread has reached when it has taken everything before `ring`."""
        if ring < self._run_ring:
            return self._run_source
        return self._run_source + (ring - self._run_ring) * self.rate // self._write_rate

    def _refill(self, low_ms: int) -> None:
        memory = self._memory
        # Right after a barge-in the media thread has yet to skip what was discarded: that is nothing ahead.
        ahead = memory.playback_head - max(memory.playback_tail, self._discarded_to)
        if ahead < low_ms * self._write_rate // 1000:
            self._fill(HIGH_MS - ahead * 1000 // self._write_rate)
        complete = not self._queue and not self._tail_pcm
        ended = bool(self._utterances) and self._utterances[-1].finished
        if complete and ended and self._run_open:
            self._run_open = False
            if self._resampler is not None:
                self._write(self._resampler.flush())
        # Silence of ours only where more is to come: in the pause of a server that is behind, not after the last word.
        self._set_hold(not (complete and ended) and bool(self._utterances))

    def _fill(self, room_ms: int) -> None:
        if self._tail_pcm:
            self._write(self._tail_pcm)
        wanted = room_ms * self.rate // 1000
        while wanted > 0 and self._queue and not self._tail_pcm:
            pcm = self._queue.popleft()
            if len(pcm) > 2 * wanted:
                pcm = memoryview(pcm)
                self._queue.appendleft(pcm[2 * wanted :])
                pcm = pcm[: 2 * wanted]
            samples = len(pcm) // 2
            wanted -= samples
            self._queued -= samples
            self._source += samples
            self._unplayed.append(pcm)
            self._run_open = True
            self._write(pcm if self._resampler is None else self._resampler.process(pcm))

    def _write(self, pcm: bytes | memoryview) -> None:
        written = self._memory.write_playback(pcm)
        self._tail_pcm = bytes(pcm[2 * written :])

    def _progress(self) -> list[Speech]:
        tail = self._memory.playback_tail
        source = self._source_at(tail)
        while self._unplayed and self._unplayed_start + len(self._unplayed[0]) // 2 <= source:
            self._unplayed_start += len(self._unplayed.popleft()) // 2
        events: list[Speech] = []
        while self._utterances:
            utterance = self._utterances[0]
            if not utterance.started and not self.muted and source > utterance.source_start:
                utterance.started = True
                utterance.heard_at_ns = self._memory.write_time_ns
                events.append(Speech.STARTED)
            drained = utterance.finished and source >= utterance.source_end
            if drained and len(self._utterances) == 1:
                # The very last samples: proportional positions round down, the ring does not.
                drained = not self._queued and not self._tail_pcm and tail >= self._memory.playback_head
            if not drained:
                break
            if utterance.started:
                events.append(Speech.STOPPED)
            self._end(utterance, utterance.source_end, interrupted=False)
            self._utterances.popleft()
        if not self._utterances:
            self._ledger.forget()
            self._start_run()
        return events

    def _change_rate(self, write_rate: int) -> None:
        """The channel's codec has changed: what has not been played yet goes into the ring again, at the new rate."""
        source = self._source_at(self._memory.playback_tail)
        again: list[bytes | memoryview] = []
        at = self._unplayed_start
        for pcm in self._unplayed:
            samples = len(pcm) // 2
            if at + samples > source:
                again.append(pcm[2 * max(0, source - at) :])
            at += samples
        self._queue.extendleft(reversed(again))
        back = sum(len(pcm) // 2 for pcm in again)
        self._queued += back
        self._source -= back
        self._write_rate = write_rate
        self._discarded_to = self._memory.discard_playback(write_rate)
        self._start_run()

    def _convert(self, rate: int, scaled: Callable[[int], int]) -> None:
        """What waits, and what may have to go into the ring again, will be at `rate` Hz; the ring stays as it is."""
        if self._resampler is not None and self._run_open:
            self._tail_pcm += self._resampler.flush()
        resampler = make_resampler(self.rate, rate, aligned=True)
        assert resampler is not None
        pcm = resampler.process(b"".join((*self._unplayed, *self._queue))) + resampler.flush()
        start, middle = scaled(self._unplayed_start), scaled(self._source)
        self._queued = scaled(self._source + self._queued) - middle
        at = 2 * (middle - start)
        pcm = pcm[: at + 2 * self._queued].ljust(at + 2 * self._queued, b"\0")
        self._unplayed = deque([pcm[:at]])
        self._queue = deque([pcm[at:]] if self._queued else [])
