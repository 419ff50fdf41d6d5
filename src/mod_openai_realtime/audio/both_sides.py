"""Both sides of a call on one time line: frames with their times in, interleaved stereo out. No files, no clocks.

Each side has a running sample clock. Its samples follow each other without a seam as long as the clock keeps within
TOLERANCE_MS of the times; where it does not, silence goes in, or, where a clock runs fast, a frame is left out. A frame
that was merely late is told from one before which something is missing by what follows: lateness passes, a gap stays.
So nothing is settled until LOOKAHEAD_MS later.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .._media import Resampler
from .resampling import make_resampler

TOLERANCE_MS = 30  # one and a half frames of 20 ms
LOOKAHEAD_MS = 240
MARGIN_MS = (
    60  # more than a resampler holds back and the tolerance together, so that no settled sample is still awaited
)
BLOCK_MS = 500
LONGEST_BLOCK_MS = 10_000  # a channel that was silent for an hour is caught up with in steps
LONGEST_GAP_NS = 24 * 3600 * 1_000_000_000  # between two frames: a time that is further ahead is none


@dataclass(frozen=True, slots=True)
class Frame:
    """pcm16 mono at `rate` Hz; `broken`: it does not follow upon the frame before it."""

    time_ns: int
    pcm: bytes
    rate: int
    broken: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Stereo pcm16, to lie at sample frame `position` of the recording."""

    position: int
    pcm: bytes


class BothSides:
    """`rate`: Hz of the recording. `origin_ns`: the time of its first sample, of a recording that goes on; None for the
    first time that is seen. `now_ns`: the time now, which the first frame has to be near; None: it may have any."""

    def __init__(self, rate: int, origin_ns: int | None = None, now_ns: int | None = None) -> None:
        self.rate = rate
        self._near_ns = now_ns  # which the next frame has to be near
        self.origin_ns = origin_ns
        self._caller = _Track(rate)
        self._agent = _Track(rate)
        self._newest_ns = 0
        self._position: int | None = None  # all before it has been given out

    def caller(self, frame: Frame) -> None:
        self._add(self._caller, frame)

    def agent(self, frame: Frame) -> None:
        self._add(self._agent, frame)

    def _add(self, track: _Track, frame: Frame) -> None:
        if self._near_ns is not None and frame.time_ns - self._near_ns > LONGEST_GAP_NS:
            return  # it would fill the disk with silence
        track.add(frame)
        self._newest_ns = self._near_ns = max(self._newest_ns, frame.time_ns)

    def advance(self) -> Block | None:
        """What is settled by now, from BLOCK_MS of it on."""
        if self._newest_ns == 0:
            return None
        if self._position is None:
            if not self._first_is_settled():
                return None
            self._begin()
        settled = self._at(self._newest_ns) - self._samples(LOOKAHEAD_MS)
        assert self._position is not None
        if settled - self._samples(MARGIN_MS) - self._position < self._samples(BLOCK_MS):
            return None
        settled = min(settled, self._position + self._samples(LONGEST_BLOCK_MS))
        for track in (self._caller, self._agent):
            track.place(settled, self._origin)
        return self._give(settled - self._samples(MARGIN_MS))

    def finish(self) -> list[Block]:
        """All that is left; the recording ends with the last frame of either side."""
        if self._newest_ns == 0:
            return []
        if self._position is None:
            self._begin()
        assert self._position is not None
        blocks = []
        end = self._at(self._newest_ns)
        while end - self._position > self._samples(LONGEST_BLOCK_MS):
            upto = self._position + self._samples(LONGEST_BLOCK_MS)
            for track in (self._caller, self._agent):
                track.place(upto, self._origin)
            blocks.append(self._give(upto - self._samples(MARGIN_MS)))
        for track in (self._caller, self._agent):
            track.place(None, self._origin)
            track.close()
        last = max(self._caller.end, self._agent.end)
        if last > self._position:
            blocks.append(self._give(last))
        return blocks

    def _first_is_settled(self) -> bool:
        return self._newest_ns - self._oldest_ns() >= LOOKAHEAD_MS * 1_000_000

    def _oldest_ns(self) -> int:
        return min(track.oldest_ns for track in (self._caller, self._agent) if track.oldest_ns is not None)

    def _begin(self) -> None:
        oldest = self._oldest_ns()
        if self.origin_ns is None or self.origin_ns > oldest:
            self.origin_ns = oldest
        self._position = self._at(oldest)
        self._caller.begin(self._position)
        self._agent.begin(self._position)

    @property
    def _origin(self) -> int:
        assert self.origin_ns is not None
        return self.origin_ns

    def _at(self, time_ns: int) -> int:
        return (time_ns - self._origin) * self.rate // 1_000_000_000

    def _samples(self, ms: int) -> int:
        return ms * self.rate // 1000

    def _give(self, until: int) -> Block:
        assert self._position is not None
        stereo = array("h", bytes(4 * (until - self._position)))
        stereo[::2] = self._caller.take(until)
        stereo[1::2] = self._agent.take(until)
        block = Block(self._position, stereo.tobytes())
        self._position = until
        return block


class _Track:
    """One side. Positions count samples of the recording."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._tolerance = TOLERANCE_MS * rate // 1000
        self._waiting: deque[Frame] = deque()
        self._pcm = bytearray()  # placed, from `_taken` on
        self._taken = 0
        # The stretch under way, without a seam: where it starts, what has gone in; a rate of 0: there is none.
        self._from_rate = 0
        self._start = 0
        self._fed = 0
        self._resampler: Resampler | None = None

    def begin(self, position: int) -> None:
        self._taken = position

    @property
    def oldest_ns(self) -> int | None:
        return self._waiting[0].time_ns if self._waiting else None

    @property
    def end(self) -> int:
        """Behind the last sample placed."""
        return self._taken + len(self._pcm) // 2

    def add(self, frame: Frame) -> None:
        self._waiting.append(frame)

    def place(self, until: int | None, origin_ns: int) -> None:
        """Give each frame of before `until` its place; None: each."""
        while self._waiting:
            frame = self._waiting[0]
            at = (frame.time_ns - origin_ns) * self._rate // 1_000_000_000
            if until is not None and at > until:
                return
            self._place(frame, at, origin_ns, settled=until is not None)
            self._waiting.popleft()

    def _place(self, frame: Frame, at: int, origin_ns: int, *, settled: bool) -> None:
        """`settled`: what follows upon the frame is known."""
        clock = self._clock()
        if self._from_rate == 0 or frame.broken:
            self._open(frame.rate, max(self.end, clock, self._tell(min, origin_ns)))
        elif at - clock > self._tolerance and (true := self._tell(min, origin_ns)) - clock > self._tolerance:
            self._open(frame.rate, true)
        elif settled and clock - at > self._tolerance and clock - self._tell(max, origin_ns) > self._tolerance:
            return  # this side's clock runs faster than the channel's
        elif frame.rate != self._from_rate:
            self._open(frame.rate, clock)
        self._fed += len(frame.pcm) // 2
        self._pcm += frame.pcm if self._resampler is None else self._resampler.process(frame.pcm)

    def _tell(self, choose: Callable[[list[int]], int], origin_ns: int) -> int:
        """Where the first frame that waits belongs, as those that follow upon it tell. Times are only ever late, so the
        smallest is right; if even the largest lies before the clock, the clock is wrong."""
        places: list[int] = []
        ahead = 0
        for frame in self._waiting:
            if places and frame.broken:
                break
            places.append((frame.time_ns - origin_ns) * self._rate // 1_000_000_000 - ahead)
            ahead += len(frame.pcm) // 2 * self._rate // frame.rate
        return choose(places)

    def _clock(self) -> int:
        """Where the next sample belongs if it follows upon the last."""
        return self._start + self._fed * self._rate // self._from_rate if self._from_rate else self._taken

    def _open(self, from_rate: int, position: int) -> None:
        self.close()
        position = max(position, self.end)
        self._pcm += bytes(2 * (position - self.end))
        self._start, self._fed, self._from_rate = position, 0, from_rate
        self._resampler = make_resampler(from_rate, self._rate, aligned=True)

    def close(self) -> None:
        """End the stretch under way, with what the resampler has kept, to the sample."""
        if self._resampler is not None:
            clock = self._clock()
            self._pcm += self._resampler.flush()
            wanted = 2 * max(0, clock - self._taken)
            del self._pcm[wanted:]
        self._from_rate = 0
        self._resampler = None

    def take(self, until: int) -> array[int]:
        """The samples from the last take to `until`, with silence where there are none."""
        if self.end < until:
            self.close()
        wanted = 2 * (until - self._taken)
        pcm = bytes(self._pcm[:wanted]).ljust(wanted, b"\0")
        del self._pcm[:wanted]
        self._taken = until
        return array("h", pcm)
