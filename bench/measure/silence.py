"""What a caller hears after an interruption: agent audio, the fade of its cut, silence; and how soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FRAME_MS = 20
FADE_MS = 5  # native/ring/playback_ring.h
QUIET = 300  # G.711 and dither stay below, the agent's tone far above


@dataclass(frozen=True)
class Frame:
    """One frame as the channel sent it, in ns of CLOCK_MONOTONIC: taken no earlier than `earliest_ns`, gone by
    `sent_ns`. `faded`: sound in its first FADE_MS; `loud`: sound after that."""

    earliest_ns: int
    sent_ns: int
    faded: bool
    loud: bool

    @classmethod
    def of(cls, samples: npt.NDArray[np.int16], earliest_ns: int, sent_ns: int) -> Frame:
        head = len(samples) * FADE_MS // FRAME_MS
        level = np.abs(samples.astype(np.int32))
        faded, loud = level[:head].max(initial=0) > QUIET, level[head:].max(initial=0) > QUIET
        return cls(earliest_ns, sent_ns, bool(faded), bool(loud))


@dataclass(frozen=True)
class Cut:
    """One interruption. Times in ms; silence begins with the first frame that has nothing but, at most, the fade."""

    send_to_silence_ms: float
    send_to_event_ms: float
    event_to_silence_ms: float
    """Negative where the silence was there first."""
    frames_after_send: int
    """Frames of agent audio that left after the server's send."""
    frames_after_event: int
    """Frames of agent audio that the channel took after the event was fired; the contract allows one."""
    faded: bool
    """Whether the silence began with the fade."""
    late_audio: bool
    """Whether agent audio was heard again, before the next answer."""


def cuts(
    sends_ns: Sequence[int], ends_ns: Sequence[int], events_ns: Sequence[int], frames: Sequence[Frame]
) -> list[Cut | None]:
    """For each `speech_started` at `sends_ns`, with what was heard until the next answer began at `ends_ns`.

    `events_ns` are those of openai_speech_stop. None where the agent was not heard at the time, or no stop was told: a
    failure, and the caller counts it as one.
    """
    return [
        _cut(
            sent,
            next((at for at in events_ns if sent <= at < end), None),
            [frame for frame in frames if sent - 100_000_000 < frame.sent_ns < end],
        )
        for sent, end in zip(sends_ns, ends_ns, strict=True)
    ]


def _cut(sent_ns: int, event_ns: int | None, frames: list[Frame]) -> Cut | None:
    before = [frame for frame in frames if frame.sent_ns <= sent_ns]
    after = frames[len(before) :]
    silence = next((number for number, frame in enumerate(after) if not frame.loud), None)
    if event_ns is None or silence is None or not before or not before[-1].loud:
        return None
    first = after[silence]
    return Cut(
        send_to_silence_ms=(first.sent_ns - sent_ns) / 1e6,
        send_to_event_ms=(event_ns - sent_ns) / 1e6,
        event_to_silence_ms=(first.sent_ns - event_ns) / 1e6,
        frames_after_send=sum(frame.loud for frame in after),
        frames_after_event=sum(frame.loud and frame.earliest_ns > event_ns for frame in after),
        faded=first.faded,
        late_audio=any(frame.loud for frame in after[silence:]),
    )
