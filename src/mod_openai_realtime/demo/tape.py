"""What both sides of the call really carried, sample by sample, and when."""

import threading
import time
import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ..local.g711 import Samples
from ..standin import Call, CallGoneError

PTIME_MS = 20
RATE = 8000
FRAME_SAMPLES = RATE * PTIME_MS // 1000
_WATCH_S = 1.0


class Tape:
    """Records a call of the stand-in under its real clock, on a thread of its own, while it is entered (`with`).

    Frame n leaves the channel at `origin_ns + n * PTIME_MS`, never before: the clock of the stand-in keeps to this
    grid, and only ever is late on it. So the earliest of all observations gives the origin.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._sent: list[bytes] = []
        self._said: list[tuple[int, Samples]] = []
        self._origin_ns: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._record, name="tape", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def say(self, samples: Samples) -> int:
        """Lets the caller say this from the next frame on; returns the sample it begins at.

        Raises CallGoneError, TimeoutError if the clock stands still.
        """
        pcm = samples.astype("<i2").tobytes()
        while True:
            self._call.wait_steps(1)
            step = self._call.steps
            self._call.feed(pcm)
            # No step in between: it is certain which frame will be the first. The next try overwrites this one.
            if self._call.steps == step:
                break
        self._said.append((step * FRAME_SAMPLES, samples))
        return step * FRAME_SAMPLES

    @property
    def origin_ns(self) -> int:
        """When frame 0 left (CLOCK_MONOTONIC); now, if none has."""
        return time.monotonic_ns() if self._origin_ns is None else self._origin_ns

    def levels(self) -> tuple[float, float]:
        """How loud the caller and the agent are in the newest frame, 0 to 1."""
        at = (time.monotonic_ns() - self.origin_ns) * RATE // 1_000_000_000
        caller = next((said[at - begin :] for begin, said in reversed(self._said) if 0 <= at - begin < len(said)), None)
        newest = np.frombuffer(self._sent[-1][-2 * FRAME_SAMPLES :], "<i2") if self._sent else None
        return _level(caller), _level(newest)

    def agent(self) -> Samples:
        """What the channel sent."""
        return np.frombuffer(b"".join(self._sent), "<i2").astype(np.int16)

    def caller(self, length: int) -> Samples:
        """What the caller said, `length` samples of it."""
        track = np.zeros(length, np.int16)
        for begin, samples in self._said:
            part = samples[: max(0, length - begin)]
            track[begin : begin + len(part)] = part
        return track

    def _record(self) -> None:
        while not self._stopping.is_set():
            try:
                self._call.wait_steps(1, _WATCH_S)
            except TimeoutError:
                continue
            except CallGoneError:
                return
            # The count first: a step in between makes this origin late, and the earliest counts.
            steps = self._call.steps
            origin_ns = time.monotonic_ns() - (steps - 1) * PTIME_MS * 1_000_000
            if self._origin_ns is None or origin_ns < self._origin_ns:
                self._origin_ns = origin_ns
            self.take()

    def take(self) -> None:
        """Takes what the channel has sent; for what came between leaving and the clock's halt."""
        pcm = self._call.sent()
        if pcm:
            self._sent.append(pcm)


def _level(samples: Samples | None) -> float:
    if samples is None or not len(samples):
        return 0.0
    return float(np.sqrt(np.mean(np.square(samples[:FRAME_SAMPLES].astype(np.float64)))) / 32768)


def write_wave(path: Path, left: Samples, right: Samples, rate: int) -> None:
    """Two tracks of one length as a stereo file of 16 bit. Raises OSError."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.column_stack([left, right]).astype("<i2").tobytes())
