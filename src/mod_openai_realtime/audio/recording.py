"""A stream's recording: from the rings, where both sides are heard, to its file, off the event loop."""

from __future__ import annotations

import asyncio
import os
import time
from array import array
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

from .._media import is_sound_rate
from ..switch.command import Mix
from ..switch.log_level import LOG_INFO, LOG_WARNING
from .both_sides import Block, BothSides, Frame
from .recording_file import RecordingFile
from .recording_place import Spot

# A disk that is slower than the call: a minute of it waits, then the recording stops.
MAX_WAITING = 120
# Of half a second usually, and several where silence is caught up with: other streams wait meanwhile.
BLOCKS_A_TICK = 2
# Words of the stream's memory, for an engine that comes after this one.
ORIGIN_WORD, RATE_WORD, NUMBER_WORD = 0, 1, 2


class RecordedMemory(Protocol):
    """What a recording needs of a stream's memory; _media.StreamMemory is one."""

    def read_played(self) -> tuple[bytes, int, int, int] | None: ...
    def get_word(self, index: int, /) -> int: ...
    def set_word(self, index: int, value: int, /) -> None: ...


class CallerSide(Protocol):
    """Who reads the caller's audio, and copies it for us; _media.Packetizer is one."""

    def take_copies(self) -> list[tuple[bytes, int, int, int, int]]: ...
    def skip(self) -> int: ...


class Recording:
    """The caller is recorded whether the audio is sent or not. Never fails a call: the first trouble gives one warning
    and ends the recording."""

    def __init__(
        self,
        memory: RecordedMemory,
        find_spot: Callable[[], Spot],
        executor: Executor,
        log: Callable[[int, str], None],
        finished: Callable[[], None],
        *,
        rate: int,
        ptime_ms: int,
        mix: Mix | None,
    ) -> None:
        """`find_spot` may look at the disk, and raise OSError. `rate`: Hz. `mix`: the stream's; `mixed` is captured
        with the directions apart. `ptime_ms`: of the channel. `finished`: the file is closed, and logged.
        """
        self._memory = memory
        self._executor = executor
        self._log = log
        self._finished = finished
        self._mix = mix
        # A frame is read when its last sample has been said, and written when its first one is heard.
        self._ptime_ns = ptime_ms * 1_000_000
        self._loop = asyncio.get_running_loop()
        kept = memory.get_word(RATE_WORD)
        rate = kept if is_sound_rate(kept) else rate
        self._recorder = BothSides(rate, memory.get_word(ORIGIN_WORD) or None, time.monotonic_ns())
        self._known_origin = self._recorder.origin_ns
        self._played_frame = 0
        self._file: RecordingFile | None = None  # the executor's thread alone uses it
        self._path: Path | None = None  # that thread sets it, as soon as it is known
        self._waiting = 0
        self._failed = False
        self._ended = False
        number = memory.get_word(NUMBER_WORD)
        memory.set_word(RATE_WORD, self._recorder.rate)
        self._executor.submit(self._open, find_spot, number)

    def begin(self, caller_side: CallerSide) -> None:
        """Before the first tick()."""
        self._caller_side = caller_side

    def _callers(self, pcm: bytes, channels: int) -> bytes:
        if self._mix is Mix.MONO or self._mix is None:
            return _mean(pcm) if channels == 2 else pcm
        return array("h", pcm)[::2].tobytes() if channels == 2 else pcm

    # -- from the media clock

    def tick(self) -> None:
        """Record what was read, then what was played."""
        for pcm, rate, channels, time_ns, lost in self._caller_side.take_copies():
            if not self._failed:
                said = self._callers(pcm, channels)
                self._recorder.caller(Frame(time_ns - self._ptime_ns, said, rate, broken=lost > 0))
        while (slot := self._memory.read_played()) is not None:
            pcm, rate, time_ns, number = slot
            if not self._failed:
                broken = number not in (self._played_frame, self._played_frame + 1)
                self._recorder.agent(Frame(time_ns, pcm, rate, broken))
            self._played_frame = number
        if self._failed:
            return
        for _ in range(BLOCKS_A_TICK):
            if (block := self._recorder.advance()) is None:
                break
            if self._recorder.origin_ns is not None and self._recorder.origin_ns != self._known_origin:
                self._known_origin = self._recorder.origin_ns
                self._memory.set_word(ORIGIN_WORD, self._known_origin)
            self._put(block)

    def finish(self) -> None:
        """The stream ends: all that the rings still hold is recorded. The memory is not used any more."""
        if self._ended:
            return
        self._caller_side.skip()
        self.tick()
        self._ended = True
        if not self._failed:
            for block in self._recorder.finish():
                self._put(block)
            if self._recorder.origin_ns is not None:
                self._memory.set_word(ORIGIN_WORD, self._recorder.origin_ns)
        self._executor.submit(self._close)

    def _put(self, block: Block) -> None:
        if self._failed:
            return
        if self._waiting >= MAX_WAITING and not self._ended:
            self._fail("the disk is too slow")
            return
        self._waiting += 1
        self._executor.submit(self._write, block)

    # -- on the executor's thread

    def _open(self, find_spot: Callable[[], Spot], number: int) -> None:
        try:
            spot = find_spot()
            try:
                self._path = spot.path
                self._file = RecordingFile(spot, self._recorder.rate, number)
                self._path = self._file.path
            finally:
                os.close(spot.folder_fd)
        except (OSError, ValueError) as error:
            if self._path is None and isinstance(error, OSError) and error.filename:
                self._path = Path(error.filename)
            self._loop.call_soon_threadsafe(self._fail, _reason(error))
        else:
            self._loop.call_soon_threadsafe(self._opened, self._file.number)

    def _write(self, block: Block) -> None:
        reason = None
        if self._file is not None and not self._failed:
            try:
                self._file.write(block.position, block.pcm)
            except OSError as error:
                reason = _reason(error)
        self._loop.call_soon_threadsafe(self._written, reason)

    def _close(self) -> None:
        text = None
        if self._file is not None:
            text = f"recorded {self._file.path} ({self._file.seconds:.1f} s)"
            self._file.close()
        self._loop.call_soon_threadsafe(self._closed, text)

    # -- back on the loop

    def _opened(self, number: int) -> None:
        if not self._ended:
            self._memory.set_word(NUMBER_WORD, number)

    def _written(self, reason: str | None) -> None:
        self._waiting -= 1
        if reason is not None:
            self._fail(reason)

    def _closed(self, text: str | None) -> None:
        if text is not None:
            self._log(LOG_INFO, text)
        self._finished()

    def _fail(self, reason: str) -> None:
        if not self._failed:
            self._failed = True
            path = f" {self._path}" if self._path is not None else ""
            self._log(LOG_WARNING, f"recording{path} stops: {reason}")


def _mean(pcm: bytes) -> bytes:
    """A channel whose codec is stereo."""
    samples = array("h", pcm)
    return array("h", [(a + b) >> 1 for a, b in zip(samples[::2], samples[1::2], strict=True)]).tobytes()


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
