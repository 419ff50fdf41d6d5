"""Whether what the server takes for the caller's speech is a barge-in. Synchronous: frames and times come in, and what
follows for the agent's voice goes out. Times are in ms, of a monotonic clock.

The server hears something: the agent waits. It is a barge-in where the caller still speaks FIRST_MS to LAST_MS later,
by what their side sounds like: for long enough, with a voice, and not with the steady tones of music or keys. Where
the sound is over before, or is none of a voice, the agent goes on. The figures were chosen with the corpus of
docs/topics/barge-in.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from ..audio.caller_voice import FRAME_MS, VoiceFrame

FIRST_MS, LAST_MS = 500, 1000
"""Since the agent waits: no barge-in is confirmed before, and none after."""
PAUSE_MS = 200
"""Silence of so much is a pause in speech."""
OVER_MS = 240
"""Silence of so much ends it."""
LEAD_MS = 100
"""What was heard so long before the server noticed counts as well."""
RECENT_MS = 500
"""A sound that was over so long before the server noticed is what it has noticed."""
LEAD_FRAMES = LEAD_MS // FRAME_MS + 1
"""With the frame before, by which it is known what is steady."""
SOUNDING_MS, VOICED_MS = 500, 240
"""The least of a barge-in: that sounded, and of it what was a voice."""
STEADY_SHARE = 0.4
"""Of what is periodic, more than so much with the same pitch and level as before it is music, or a tone."""

VOICED = 0.5
"""The least periodicity of a voice."""
STEADY_PITCH, STEADY_DB = 0.02, 2.0
ABOVE_FLOOR_DB = 8.0
QUIETEST_DB, LOUDEST_DB = -56.0, -30.0
"""What sounds is louder than the line's noise by so much, and than these: at least, and at most."""
USUAL_FLOOR_DB = -62.0

ALARM_MS = 10_000
"""A wait that came to nothing is remembered for so long."""
ALARMS = 2
"""After so many the agent does not wait any more before it is known that there is a voice: an echo is none of its own
accord, and music would have the agent stutter."""
NEED_MS, MOST_NEED_MS = 160, 1280
"""So much voice it has to be then; twice as much after each further false alarm."""
LONGEST_MS = 60_000
"""A server that never tells the end of speech has missed it."""


class Act(Enum):
    """What the agent's voice is to do."""

    WAIT = auto()
    GO_ON = auto()
    STOP = auto()
    """It is a barge-in: what waits was not heard."""


class _State(Enum):
    QUIET = auto()  # the server hears nobody
    WAITING = auto()
    PLAYING = auto()  # the server hears somebody, and the agent goes on
    INTERRUPTED = auto()


class Confirmation:
    """Of one stream."""

    def __init__(self) -> None:
        self._state = _State.QUIET
        self._since_ms = 0.0  # what began in this state, or with the server's word
        self._alarms: list[float] = []
        self._evidence = _Evidence()

    @property
    def listening(self) -> bool:
        """heard() is to be called, some 25 times a second."""
        return self._state in (_State.WAITING, _State.PLAYING)

    @property
    def waiting(self) -> bool:
        """The agent waits."""
        return self._state is _State.WAITING

    def speech_started(self, before: Sequence[VoiceFrame], now_ms: float, *, interruptible: bool) -> Act | None:
        """By the server's word. `before`: what had been heard by then, oldest first; the last LEAD_FRAMES count.
        `interruptible`: there is an answer that the caller may interrupt."""
        if self._state is _State.WAITING:
            return None
        self._evidence = _Evidence()
        self._evidence.begin(before, now_ms)
        self._state, self._since_ms = _State.PLAYING, now_ms
        if interruptible and len(self._recent(now_ms)) < ALARMS:
            return self._wait(now_ms)
        return None

    def speech_stopped(self, now_ms: float) -> Act | None:
        """By the server's word."""
        waited, self._state = self._state is _State.WAITING, _State.QUIET
        if not waited:
            return None
        self._alarms.append(now_ms)
        return Act.GO_ON

    def lost(self) -> Act | None:
        """The connection: nobody will say when speech has stopped."""
        waited, self._state = self._state is _State.WAITING, _State.QUIET
        return Act.GO_ON if waited else None

    def heard(self, frames: Sequence[VoiceFrame], now_ms: float, *, interruptible: bool) -> Act | None:
        """What has come since the last call; none where the caller's side sends nothing. `interruptible`: as above."""
        self._evidence.add(frames, now_ms)
        if self._state is _State.WAITING:
            return self._decide(now_ms)
        if self._state is _State.PLAYING:
            if now_ms - self._since_ms >= LONGEST_MS:
                self._state = _State.QUIET
            elif interruptible and self._evidence.is_voice(self._needed_ms(now_ms), now_ms):
                return self._wait(now_ms)
        return None

    def _decide(self, now_ms: float) -> Act | None:
        evidence, waited_ms = self._evidence, now_ms - self._since_ms
        if waited_ms >= FIRST_MS and evidence.convinces(now_ms):
            self._state = _State.INTERRUPTED
            return Act.STOP
        if waited_ms >= LAST_MS and not evidence.anything:
            self._state = _State.INTERRUPTED  # the server hears what is too faint for us
            return Act.STOP
        if waited_ms >= LAST_MS or evidence.is_over(now_ms):
            self._state = _State.PLAYING
            self._alarms.append(now_ms)
            evidence.forget()
            return Act.GO_ON
        return None

    def _wait(self, now_ms: float) -> Act:
        self._state, self._since_ms = _State.WAITING, now_ms
        return Act.WAIT

    def _recent(self, now_ms: float) -> list[float]:
        self._alarms = [each for each in self._alarms if now_ms - each < ALARM_MS]
        return self._alarms

    def _needed_ms(self, now_ms: float) -> int:
        return min(MOST_NEED_MS, NEED_MS << max(0, min(8, len(self._recent(now_ms)) - 1)))


class _Evidence:
    """What the caller's side has sounded like since it was quiet."""

    def __init__(self) -> None:
        self._gate_db = LOUDEST_DB
        self._last: VoiceFrame | None = None
        self._sounded_at_ms: float | None = None
        self._sounding_ms = self._voiced_ms = self._steady_ms = 0

    def begin(self, before: Sequence[VoiceFrame], now_ms: float) -> None:
        levels = sorted(each.level_db for each in before)
        floor = levels[len(levels) // 5] if len(levels) >= 10 else USUAL_FLOOR_DB
        self._gate_db = min(max(floor + ABOVE_FLOOR_DB, QUIETEST_DB), LOUDEST_DB)
        for frames_ago, frame in enumerate(reversed(before[-(RECENT_MS // FRAME_MS) :])):
            if frame.level_db >= self._gate_db:
                self._sounded_at_ms = now_ms - frames_ago * FRAME_MS
                break
        lead = list(before[-LEAD_FRAMES:])
        self._last = lead.pop(0) if len(lead) == LEAD_FRAMES else None
        self.add(lead, now_ms)

    def forget(self) -> None:
        """From here on it counts anew."""
        self._sounding_ms = self._voiced_ms = self._steady_ms = 0

    def add(self, frames: Sequence[VoiceFrame], now_ms: float) -> None:
        for frame in frames:
            if frame.level_db >= self._gate_db:
                self._sounded_at_ms = now_ms
                self._sounding_ms += FRAME_MS
                if frame.periodicity >= VOICED:
                    steady = self._last is not None and _is_steady(self._last, frame)
                    self._steady_ms += FRAME_MS * steady
                    self._voiced_ms += FRAME_MS * (not steady)
            self._last = frame

    @property
    def anything(self) -> bool:
        return self._sounded_at_ms is not None

    def is_over(self, now_ms: float) -> bool:
        return self._sounded_at_ms is not None and now_ms - self._sounded_at_ms >= OVER_MS

    def is_voice(self, needed_ms: int, now_ms: float) -> bool:
        """There is one, of so much by now. Where it has been quiet, what was before that counts no more."""
        if self.is_over(now_ms):
            self.forget()
        return self._voiced_ms >= needed_ms and self._is_varied

    def convinces(self, now_ms: float) -> bool:
        """It is speech, and goes on."""
        return (
            self._sounded_at_ms is not None
            and now_ms - self._sounded_at_ms < PAUSE_MS
            and self._sounding_ms >= SOUNDING_MS
            and self._voiced_ms >= VOICED_MS
            and self._is_varied
        )

    @property
    def _is_varied(self) -> bool:
        return self._steady_ms <= STEADY_SHARE * (self._steady_ms + self._voiced_ms)


def _is_steady(before: VoiceFrame, frame: VoiceFrame) -> bool:
    return (
        before.periodicity >= VOICED
        and abs(frame.period - before.period) <= max(1.0, STEADY_PITCH * frame.period)
        and abs(frame.level_db - before.level_db) < STEADY_DB
    )
