"""Sounds of the application's own, played to the caller through the same queue as the model's voice."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..conversation.turn import Played
from ..limits import LimitExceededError
from .playback import Playback
from .sound_file import SoundError, read_sound, resampled

logger = logging.getLogger(__name__)

PCM_RATE = 24_000  # Hz, of a file that is nothing but pcm16
MAX_WAITING = 32
"""Sounds that wait for their turn."""


class OwnName(str):
    """Names such a sound where a response has its id. It equals nothing but itself, whatever ids a server gives."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class SoundPlayed:
    """How much of a sound was heard, in ms. `error`: why it could not be played."""

    heard_ms: int = 0
    interrupted: bool = False
    error: str | None = None


@dataclass(slots=True)
class _Sound:
    path: Path
    pcm: bool
    interruptible: bool
    done: Callable[[SoundPlayed], None]
    samples: bytes = b""
    rate: int = 0  # Hz, of the samples; 0 until they have been read


class Soon(Protocol):
    """Has a function called on the event loop, from another thread."""

    def __call__(self, function: Callable[[], None], /) -> object: ...


class OwnSounds:
    """Each waits until what was queued before it is whole, so that a response is never cut in two."""

    def __init__(self, playback: Playback, executor: Executor, soon: Soon, changed: Callable[[], None]) -> None:
        """Files are read by `executor`, which has one thread. `changed`: the media clock is to look at the playback."""
        self._playback = playback
        self._executor = executor
        self._soon = soon
        self._changed = changed
        self._waiting: deque[_Sound] = deque()
        self._playing: dict[OwnName, _Sound] = {}
        self._ended = False

    def play(
        self,
        path: Path,
        done: Callable[[SoundPlayed], None],
        *,
        pcm: bool = False,
        remove: bool = False,
        interruptible: bool = True,
    ) -> None:
        """`done` is called once, also where nothing can be played. `pcm`: the file is bare pcm16, mono, 24 kHz; else a
        WAV. `remove`: it goes once it has been read."""
        if self._ended or len(self._waiting) >= MAX_WAITING:
            done(SoundPlayed(error="too many sounds wait" if not self._ended else "the stream has ended"))
            return
        sound = _Sound(path, pcm, interruptible, done)
        self._waiting.append(sound)
        self._read(sound, remove=remove)

    def _read(self, sound: _Sound, *, remove: bool) -> None:
        rate, pcm_rate = self._playback.rate, PCM_RATE if sound.pcm else None

        def read() -> bytes:
            try:
                return read_sound(sound.path, rate, pcm_rate=pcm_rate)
            finally:
                if remove:
                    sound.path.unlink(missing_ok=True)

        self._work(sound, read, rate)

    def _convert(self, sound: _Sound) -> None:
        """The server has changed its rate since it was read."""
        samples, old_rate, rate = sound.samples, sound.rate, self._playback.rate
        sound.rate = 0
        self._work(sound, lambda: resampled(samples, old_rate, rate), rate)

    def _work(self, sound: _Sound, make: Callable[[], bytes], rate: int) -> None:
        def work() -> None:
            samples, error = b"", None
            try:
                samples = make()
            except SoundError as wrong:
                error = str(wrong)
            except Exception:
                logger.exception("a sound could not be read")
                error = "it can't be read"
            self._soon(lambda: self._was_read(sound, samples, rate, error))

        self._executor.submit(work)

    def _was_read(self, sound: _Sound, samples: bytes, rate: int, error: str | None) -> None:
        if sound not in self._waiting:
            return
        if error is not None:
            self._waiting.remove(sound)
            sound.done(SoundPlayed(error=error))
        else:
            sound.samples, sound.rate = samples, rate
        self.look()

    def look(self) -> None:
        """The first that waits is queued if it may be. To be called when a response's audio is whole, and each tick."""
        playback = self._playback
        while self._waiting and self._waiting[0].rate and playback.whole:
            if self._waiting[0].rate != playback.rate:
                self._convert(self._waiting[0])
                return
            sound = self._waiting.popleft()
            name = OwnName("sound")
            try:
                taken = playback.feed(sound.samples, name, interruptible=sound.interruptible)
            except LimitExceededError as error:
                sound.done(SoundPlayed(error=str(error)))
                continue
            if not taken or not sound.samples:
                sound.done(SoundPlayed(error=None if taken else "too much audio is waiting to be played"))
                continue
            playback.finish()
            self._playing[name] = sound
            sound.samples = b""
            self._changed()

    @property
    def waiting(self) -> bool:
        """Some wait, or are being read."""
        return bool(self._waiting)

    def played(self, played: Played) -> bool:
        """Whether what is over in the caller's ear was one of these."""
        if not isinstance(played.response, OwnName):
            return False
        sound = self._playing.pop(played.response, None)
        if sound is not None:
            sound.done(SoundPlayed(played.heard_ms, played.interrupted))
        return True

    def silence(self) -> None:
        """What waits is not played."""
        waiting, self._waiting = self._waiting, deque()
        for sound in waiting:
            sound.done(SoundPlayed(interrupted=True))

    def end(self) -> None:
        """The stream is over, and everything that was playing has been told of."""
        self._ended = True
        self.silence()
        for sound in self._playing.values():
            sound.done(SoundPlayed(interrupted=True))
