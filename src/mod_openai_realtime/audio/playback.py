"""Agent audio on its way in: deltas -> queue -> resampler -> playback ring, and what of it has been played.

The switch's media thread is the clock: this side only keeps the ring filled some way ahead, so that a late tick is
never heard. The audio itself is the playout's (native/media/playout.c); here is what it belongs to. Positions: `source`
counts samples at the stream's playback rate as they came from the server, `ring` at the channel's rate as the media
thread takes them. Within one run of the resampler the two are proportional, exactly.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .._media import Playout, StreamMemory
from ..conversation.turn import Played
from ..limits import (
    CONVERSIONS_PER_S,
    MAX_CONVERSIONS,
    MAX_CUTS,
    MAX_UTTERANCES,
    UTTERANCES_PER_S,
    LimitExceededError,
    admit,
)
from ..token_bucket import TokenBucket
from .cut import Cut
from .heard import Heard, HeardLedger, ItemPart
from .resampling import make_resampler
from .utterance import Chosen, Speech, Utterance

LOW_MS, HIGH_MS = 200, 400  # refill the ring when less than LOW is ahead, and whenever audio comes, up to HIGH
MAX_QUEUE_S = 180
NEVER = (1 << 64) - 1


class Playback:
    """Bounded: MAX_QUEUE_S of audio wait at most; feed() says when what comes is over that and was dropped."""

    def __init__(
        self,
        memory: StreamMemory,
        *,
        playback_rate: int,
        write_rate: int,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._memory = memory
        self.rate = playback_rate  # Hz, of what the server sends
        self._session = 0  # what is fed belongs to
        self._write_rate = write_rate
        self.playout = Playout(memory, LOW_MS, HIGH_MS)
        self._utterances: list[Utterance] = []
        self._beginnings = TokenBucket(MAX_UTTERANCES, UTTERANCES_PER_S)
        self._conversions = TokenBucket(MAX_CONVERSIONS, CONVERSIONS_PER_S)
        self._clock = clock
        self._ledger = HeardLedger()
        self._open: tuple[str | None, ItemPart | None] | None = None  # what was fed last, while nothing came after it
        self._open_start = 0  # source position
        self._cuts: list[Cut] = []
        self._played: list[Played] = []
        self._cut_short: list[Heard] = []
        self.muted = False
        self.cuts = 0
        """How often something was cut short."""
        self._heard_before_us = 0  # at other rates of the channel
        self._heard_from = memory.played_samples  # what an engine before this one has played is its own
        memory.discard_playback(write_rate)
        self._start_run()

    # -- from the server

    def feed(
        self, pcm: bytes, response: str | None, part: ItemPart | None = None, *, interruptible: bool = True
    ) -> bool:
        """Queue pcm16 at the playback rate; it goes on its way at once, as far as the ring has room. False where it was
        dropped, because too much is waiting. `interruptible` counts where a response begins. Raises LimitExceededError
        where too many wait, or begin."""
        samples = len(pcm) // 2
        if samples == 0:
            return True
        if self.playout.queued + samples > self.most_queued or self.playout.full:
            return False
        if self._open != (response, part):
            self._begin(response, part, interruptible)
        self.playout.feed(pcm)
        return True

    def is_open(self, response: str | None, part: ItemPart | None) -> bool:
        """Whether what is fed of these now goes on with what was fed last."""
        return self._open == (response, part)

    def _begin(self, response: str | None, part: ItemPart | None, interruptible: bool) -> None:
        """Note what the audio belongs to that is about to be queued."""
        self._close()
        end = self.playout.end
        last = self._utterances[-1] if self._utterances else None
        if last is not None and self._continues(last, response):
            last.finished = False
        else:
            if last is not None:
                last.finished = True
            self._admit()
            self._utterances.append(Utterance(response, self._session, interruptible, end, end))
        self._open, self._open_start = (response, part), end

    def _admit(self) -> None:
        """One more utterance."""
        if len(self._utterances) >= MAX_UTTERANCES:
            raise LimitExceededError(f"more than {MAX_UTTERANCES} responses with audio wait to be played")
        admit(self._beginnings, self._clock(), f"responses with audio begin faster than {UTTERANCES_PER_S} a second")

    def _continues(self, last: Utterance, response: str | None) -> bool:
        """Whether audio of this response goes on with what was queued last."""
        if last.doomed or last.session != self._session:
            return False
        return last.response == response if response is not None else not last.finished

    def _close(self) -> None:
        """What was queued since _begin() is all there is of it for now."""
        if self._open is None:
            return
        _, part = self._open
        self._open = None
        end = self.playout.end
        self._utterances[-1].source_end = end
        if part is not None:
            self._ledger.add(part, self._open_start, end - self._open_start)

    @property
    def most_queued(self) -> int:
        """Samples that may wait."""
        return MAX_QUEUE_S * self.rate

    @property
    def is_half_empty(self) -> bool:
        return 2 * self.playout.queued <= self.most_queued

    def finish(self) -> None:
        """The server has sent all audio of the response that is queued last."""
        self._close()
        if self._utterances:
            self._utterances[-1].finished = True
            self.playout.finish()

    def begin_session(self, number: int) -> None:
        """Nothing more comes of what is queued; what is fed from now on is of another session."""
        self.finish()
        self._session = number

    def responses(self, session: int) -> set[str | None]:
        """Of which responses of a session something is being played or queued."""
        return {each.response for each in self._utterances if each.session == session and not each.doomed}

    def responses_of_item(self, item_id: str, session: int) -> set[str | None]:
        """The same, of those that this item is in; empty once it was heard to its end."""
        self._close()
        reach = self._ledger.reach(item_id, session)
        if reach is None:
            return set()
        position = self.playout.source_at(self._memory.playback_tail)
        return {
            each.response
            for each in self._utterances
            if each.source_start < reach[1]
            and reach[0] < each.source_end
            # Where the ring has run dry, more of it is to come.
            and (reach[1] > position or (reach[1] == each.source_end and not each.finished))
        }

    def disown(self, item_id: str, session: int) -> None:
        """How much of this item was heard before the barge-ins so far is not to be told."""
        for cut in self._cuts:
            cut.told.remove(item_id, session)

    def barge_in(self, chosen: Chosen | None = None, *, tell: bool = True) -> list[Speech]:
        """Silence at once: drop what is queued and what is in the ring, and forget resampler state. With `chosen`, only
        of these utterances; where others stand before them, those are heard first.

        What of it was heard is known when the media thread has answered, a frame later: interrupted() tells then,
        unless `tell` is False.
        """
        self._close()
        events = self._progress() if chosen is not None else []
        doomed = [each for each in self._utterances if not each.doomed and (chosen is None or chosen(each))]
        for utterance in doomed:
            utterance.doomed = True
        self.cuts += bool(doomed)
        return events + self._cut(tell=tell)

    def _cut(self, *, tell: bool = True) -> list[Speech]:
        """Drop the doomed utterances if they stand first. Others behind them are queued again."""
        if not self._utterances or not self._utterances[0].doomed:
            return []
        self._close()  # something may have come since they were doomed
        doomed = [each for each in self._utterances if each.doomed]
        kept = [each for each in self._utterances if not each.doomed]
        unfinished = self._utterances[-1].doomed and not self._utterances[-1].finished
        tail = self._memory.playback_tail
        run_source, run_ring = self.playout.run_source, self.playout.run_ring
        again = self._contents_of(kept) if kept else []
        target = self._memory.discard_playback(self._write_rate)
        ledger, self._ledger = self._ledger, HeardLedger()
        self._clear()
        self._utterances.clear()
        for utterance, pcm in zip(kept, again, strict=True):
            start = self.playout.end
            ledger.move(utterance.source_start, utterance.source_end, self._ledger, start)
            utterance.source_start, utterance.source_end = start, start + len(pcm) // 2
            self._utterances.append(utterance)
            self.playout.feed(pcm)
        if kept and kept[-1].finished:
            self.playout.finish()
        told = ledger.copy() if tell else HeardLedger()
        if len(self._cuts) >= MAX_CUTS:
            self.interrupted(final=True)
        self._cuts.append(Cut(target, tail, run_source, run_ring, self._write_rate, ledger, told, doomed, unfinished))
        return [Speech.STOPPED] if any(utterance.started for utterance in doomed) else []

    def _contents_of(self, utterances: list[Utterance]) -> list[bytes]:
        """All of their audio, as it was fed; none of them has begun."""
        self._take_back()
        start, pcm = self.playout.start, self.playout.contents()
        return [pcm[2 * max(0, each.source_start - start) : 2 * (each.source_end - start)] for each in utterances]

    def set_rate(self, rate: int) -> None:
        """What is fed from now on is at `rate` Hz; what waits is converted, and positions with it. Raises
        LimitExceededError where that is too often."""
        old = self.rate
        if rate == old:
            return
        if self._utterances:
            admit(self._conversions, self._clock(), "the rate of the agent's audio changes too often")

        def scaled(position: int) -> int:
            return position * rate // old

        self._close()
        if self._utterances:
            self._convert(rate, scaled)
        self._ledger.scale(scaled)
        for cut in self._cuts:
            cut.scale(scaled)
        for utterance in self._utterances:
            utterance.scale(scaled)
        self.rate = rate
        if not self._utterances:
            self._start_run()

    def playing(self) -> dict[str, Any]:
        """JSON: what is being played, for heard_of_kept() of an engine that comes after this one."""
        spans = self._ledger.spans()
        if self._open is not None and (part := self._open[1]) is not None:
            spans.append((part.item_id, part.content_index, self._open_start, self.playout.end))
        return {
            "rate": self.rate,
            "write_rate": self._write_rate,
            "source": self.playout.run_source,
            "ring": self.playout.run_ring,
            "spans": spans,
        }

    # -- from the media clock

    def tick(self) -> list[Speech]:
        """Keep the ring filled; tell what has begun and ended in the caller's ear since the last tick."""
        if not self._utterances:
            return []
        write_rate = self._memory.write_rate
        if write_rate and write_rate != self._write_rate:
            self._change_rate(write_rate)
        self.playout.fill()
        return self._progress()

    def interrupted(self, *, final: bool = False) -> list[Heard]:
        """Once a tick: the item parts that a barge-in has cut short, when it is certain how much of them was heard.
        `final`: no frame comes any more that could tell."""
        if not self._cuts:
            return []
        cut = self._cuts[0]
        position = cut.look(self._memory, self.rate, final=final)
        if position is None:
            return []
        del self._cuts[0]
        for utterance in cut.utterances:
            self._end(utterance, position, interrupted=True)
        cut_short, told = cut.heard(position)
        self._cut_short += cut_short
        return told

    def cut_short(self) -> list[Heard]:
        """All item parts that were cut short since the last call, also those that interrupted() has not told of."""
        cut_short, self._cut_short = self._cut_short, []
        return cut_short

    def played(self) -> list[Played]:
        """The responses that are over since the last call, heard to their end or interrupted."""
        played, self._played = self._played, []
        return played

    def _end(self, utterance: Utterance, position: int, *, interrupted: bool) -> None:
        heard = max(0, min(position, utterance.source_end) - utterance.source_start) if utterance.started else 0
        heard_ms = heard * 1000 // self.rate
        received_ms = (utterance.source_end - utterance.source_start) * 1000 // self.rate
        heard_at_ns, session = utterance.heard_at_ns, utterance.session
        played = Played(utterance.response, heard_at_ns, heard_ms, interrupted, session, received_ms)
        self._played.append(played)

    def next_due(self) -> tuple[int, int]:
        """What StreamMemory.watch wants to know: the ring position at which there is something to do, and the rate."""
        if self._cuts or self._played:
            return 0, 0
        if not self._utterances:
            return NEVER, 0
        first = self._utterances[0]
        if not first.started:
            return 0, 0
        if not first.finished:
            return NEVER, self._write_rate
        playout = self.playout
        end = playout.run_ring + (first.source_end - playout.run_source) * self._write_rate // self.rate
        return end if playout.queued else min(end, self._memory.playback_head), self._write_rate

    @property
    def heard_ms(self) -> int:
        """What the channel has sent of agent audio, by the media thread's own count."""
        return (self._heard_before_us + self._heard_us()) // 1000

    def _heard_us(self) -> int:
        return (self._memory.played_samples - self._heard_from) * 1_000_000 // self._write_rate

    @property
    def cutting(self) -> bool:
        """Something was cut short, and interrupted() has not told of it yet."""
        return bool(self._cuts)

    @property
    def whole(self) -> bool:
        """What was queued last goes on no more, as far as is known."""
        return not self._utterances or self._utterances[-1].finished

    @property
    def interruptible(self) -> bool:
        """Something is being heard, or is next, that the caller may interrupt."""
        return bool(self._utterances) and self._utterances[0].interruptible

    @property
    def idle(self) -> bool:
        """Nothing is queued and all that was has been played."""
        return not self._utterances

    # -- inner

    def _start_run(self) -> None:
        resampler = make_resampler(self.rate, self._write_rate, aligned=True)
        self.playout.start_run(self.rate, self._write_rate, resampler)

    def _clear(self) -> None:
        self.playout.clear()
        self._start_run()

    def _progress(self) -> list[Speech]:
        tail = self._memory.playback_tail
        source = self.playout.source_at(tail)
        events: list[Speech] = []
        while self._utterances:
            utterance = self._utterances[0]
            if utterance.doomed:
                events += self._cut()
                source = self.playout.source_at(tail)
                continue
            if not utterance.started and not self.muted and source > utterance.source_start:
                utterance.started = True
                utterance.heard_at_ns = self._memory.write_time_ns
                events.append(Speech.STARTED)
            drained = utterance.finished and source >= utterance.source_end
            if drained and len(self._utterances) == 1:
                # The very last samples: proportional positions round down, the ring does not.
                drained = self.playout.settled and tail >= self._memory.playback_head
            if not drained:
                break
            if utterance.started:
                events.append(Speech.STOPPED)
            self._end(utterance, utterance.source_end, interrupted=False)
            del self._utterances[0]
        if not self._utterances:
            self._ledger.forget()
            self._clear()
        return events

    def _change_rate(self, write_rate: int) -> None:
        """The channel's codec has changed: what has not been played yet goes into the ring again, at the new rate."""
        self._take_back()
        # Nothing is played between the channel's change and this one.
        self._heard_before_us += self._heard_us()
        self._heard_from = self._memory.played_samples
        self._write_rate = write_rate
        self._memory.discard_playback(write_rate)
        self._start_run()

    def _take_back(self) -> None:
        """What lies in the ring and has not been played waits in the queue again."""
        playout = self.playout
        ring, unplayed = self._memory.unplayed(playout.run_ring)
        source = playout.source_at(ring)
        playout.rewind(source)
        gone = playout.source - source  # samples that are in the ring alone
        if gone > 0:
            again = _resampled(unplayed, self._write_rate, self.rate, gone)
            playout.replace(self.rate, None, source, source, source, again + playout.contents())

    def _convert(self, rate: int, scaled: Callable[[int], int]) -> None:
        """What waits, and what is kept to go into the ring again, will be at `rate` Hz; the ring stays as it is."""
        playout = self.playout
        playout.flush()
        start, source, end = scaled(playout.start), scaled(playout.source), scaled(playout.end)
        pcm = _resampled(playout.contents(), self.rate, rate, end - start)
        resampler = make_resampler(rate, self._write_rate, aligned=True)
        playout.replace(rate, resampler, scaled(playout.run_source), start, source, pcm)


def heard_of_kept(playing: dict[str, Any], memory: StreamMemory) -> list[Heard]:
    """What was cut short of what another engine was playing: that which had not reached the ring, and what was cut in
    it. `playing`: of Playback.playing(). Raises ValueError, TypeError or KeyError where it is not."""
    source, ring = int(playing["source"]), int(playing["ring"])
    tail = memory.playback_tail
    if memory.cut_until > ring and memory.cut_at >= ring:
        tail = min(tail, memory.cut_at)
    ledger = HeardLedger()
    for item_id, content_index, start, end in playing["spans"]:
        ledger.add(ItemPart(item_id, content_index), int(start), int(end) - int(start))
    return ledger.cut(source + max(0, tail - ring) * int(playing["rate"]) // int(playing["write_rate"]))


def _resampled(pcm: bytes, from_rate: int, to_rate: int, samples: int) -> bytes:
    """The first `samples` of a signal of pcm16 at another rate in Hz, filled up with silence where there are fewer."""
    resampler = make_resampler(from_rate, to_rate, aligned=True)
    if resampler is not None:
        pcm = resampler.process(pcm) + resampler.flush()
    return pcm[: 2 * samples].ljust(2 * samples, b"\0")
