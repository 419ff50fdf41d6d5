"""Voice activity detection: Silero's network through onnxruntime, at its native 8 kHz."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .g711 import Samples
from .parts import VOICE_ACTIVITY, MissingPartsError, require
from .settings import TurnDetection

Frame = NDArray[np.float32]
RATE = 8000
FRAME_SAMPLES = 256
FRAME_MS = FRAME_SAMPLES * 1000 // RATE
_CONTEXT_SAMPLES = 32
# Speech goes on down to this much below the threshold that began it, so that soft syllables don't end a turn.
_HYSTERESIS = 0.15
# One frame alone is a click; two in a row are speech.
_FRAMES_TO_START = 2
# The network goes on to hear speech for a while after its end, where the line is already as quiet as it will be: what
# it was late by counts for the silence, up to this much.
_LATE_MS = FRAME_MS
_FAINT = 0.05  # of the loudest frame of the turn: 26 dB less
# Where the network has heard nothing for so many frames, it is not asked about one that is fainter than -50 dB.
_SURELY_NONE_FRAMES = 32
_SURELY_NONE = 0.1
_INAUDIBLE = 0.003


class SpeechModel(Protocol):
    """Says how likely a frame is speech."""

    def start(self) -> Any:
        """The state before the first frame."""

    def probability(self, state: Any, frame: Frame) -> tuple[float, Any]:
        """Of `FRAME_SAMPLES` samples at 8 kHz within -1 and 1: the probability of speech, and the next state."""


class Asking(Protocol):
    """Asks a model, and may take its time."""

    async def probability(self, state: Any, frame: Frame) -> tuple[float, Any]: ...


class SileroModel:
    """The network; it is loaded once, and serves all sessions. It keeps no state of its own."""

    def __init__(self) -> None:
        require("onnxruntime", "voice activity detection")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._network = onnxruntime.InferenceSession(str(_network_file()), options, providers=["CPUExecutionProvider"])
        self._rate = np.array(RATE, np.int64)

    def start(self) -> Any:
        return np.zeros((2, 1, 128), np.float32), np.zeros(_CONTEXT_SAMPLES, np.float32), 0

    def probability(self, state: Any, frame: Frame) -> tuple[float, Any]:
        return self.probabilities([state], [frame])[0]

    def probabilities(self, states: list[Any], frames: list[Frame]) -> list[tuple[float, Any]]:
        """What `probability` says of each; they may be of different sessions, and are not of one."""
        found: list[tuple[float, Any] | None] = [
            _unasked(state, frame) for state, frame in zip(states, frames, strict=True)
        ]
        asked = [index for index, each in enumerate(found) if each is None]
        if asked:
            windows = np.stack([np.concatenate([states[index][1], frames[index]]) for index in asked])
            memory = np.concatenate([states[index][0] for index in asked], axis=1)
            output, memory = self._network.run(None, {"input": windows, "state": memory, "sr": self._rate})
            for place, index in enumerate(asked):
                probability = float(output[place, 0])
                frames_without = 0 if probability >= _SURELY_NONE else states[index][2] + 1
                state = (memory[:, place : place + 1], frames[index][-_CONTEXT_SAMPLES:], frames_without)
                found[index] = probability, state
        return [each for each in found if each is not None]


def _unasked(state: Any, frame: Frame) -> tuple[float, Any] | None:
    """The answer, where the network need not be asked for it."""
    memory, _, frames_without = state
    if frames_without < _SURELY_NONE_FRAMES or np.abs(frame).max() >= _INAUDIBLE:
        return None
    return 0.0, (memory, frame[-_CONTEXT_SAMPLES:], frames_without)


def _network_file() -> Path:
    # Found without importing the package, since importing it needs torch.
    require("silero_vad", "voice activity detection", VOICE_ACTIVITY)
    spec = find_spec("silero_vad")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder) / "data" / "silero_vad.onnx"
        if file.is_file():
            return file
    raise MissingPartsError(f"silero-vad is installed without its network. Install it again with: {VOICE_ACTIVITY}")


@lru_cache(maxsize=1)
def silero() -> SileroModel:
    """The one network of this process. Raises MissingPartsError where it is not installed."""
    return SileroModel()


class Decimator:
    """24 kHz to 8 kHz, sample by sample as they come: no delay but half the filter's length (1 ms)."""

    _FACTOR = 3
    _TAPS = 49

    def __init__(self) -> None:
        middle = self._TAPS // 2
        distance = np.arange(self._TAPS) - middle
        # A windowed sinc, cut off at 3.6 kHz of 24 kHz.
        kernel = np.sinc(distance * 2 * 3600 / 24000) * np.hamming(self._TAPS)
        self._kernel = (kernel / kernel.sum()).astype(np.float32)
        self._kept = np.zeros(self._TAPS - 1, np.float32)

    def feed(self, samples: Frame) -> Frame:
        joined = np.concatenate([self._kept, samples])
        windows = max(0, (len(joined) - self._TAPS) // self._FACTOR + 1)
        self._kept = joined[windows * self._FACTOR :]
        if not windows:
            return np.zeros(0, np.float32)
        # All of them and then every third costs half of what only those do that are wanted. The kernel is symmetric.
        result: Frame = np.convolve(joined, self._kernel, "valid")[:: self._FACTOR][:windows]
        return result


@dataclass(frozen=True)
class SpeechStarted:
    """`start_ms` includes the prefix padding."""

    start_ms: int


@dataclass(frozen=True)
class SpeechStopped:
    """`end_ms` includes the silence that was waited for."""

    end_ms: int


class SpeechDetector:
    """Turns one session's audio into starts and stops of speech; positions in ms from the session's first audio."""

    def __init__(self, model: SpeechModel, settings: TurnDetection, rate: int, begin_ms: float = 0.0) -> None:
        """`rate` is 8000 or 24000; `begin_ms` is the position of the first sample to be fed."""
        self._model = model
        self._state = model.start()
        self.settings = settings
        self._decimator = Decimator() if rate != RATE else None
        self._waiting: Frame = np.zeros(0, np.float32)
        self._position_ms = begin_ms
        self._loud_frames = 0
        self._silent_ms = self._faint_ms = 0
        self._loudest = 0.0
        self.speaking = False

    def feed(self, samples: Samples) -> list[SpeechStarted | SpeechStopped]:
        found = []
        for frame in self._frames(samples):
            probability, self._state = self._model.probability(self._state, frame)
            found.append(self._judge(frame, probability))
        return [change for change in found if change]

    async def feed_to(self, batch: Asking, samples: Samples) -> list[SpeechStarted | SpeechStopped]:
        """As `feed`, where the network is asked together with others."""
        found = []
        for frame in self._frames(samples):
            probability, self._state = await batch.probability(self._state, frame)
            found.append(self._judge(frame, probability))
        return [change for change in found if change]

    def _frames(self, samples: Samples) -> list[Frame]:
        """The whole ones that there are with these samples."""
        incoming: Frame = samples.astype(np.float32) / np.float32(32768)
        if self._decimator:
            incoming = self._decimator.feed(incoming)
        waiting = np.concatenate([self._waiting, incoming])
        whole = len(waiting) // FRAME_SAMPLES
        self._waiting = waiting[whole * FRAME_SAMPLES :]
        return [waiting[index * FRAME_SAMPLES : (index + 1) * FRAME_SAMPLES] for index in range(whole)]

    def reset(self) -> None:
        """Forgets speech that has begun, because its audio was taken away."""
        self.speaking = False
        self._loud_frames = self._silent_ms = self._faint_ms = 0

    def _judge(self, frame: Frame, probability: float) -> SpeechStarted | SpeechStopped | None:
        self._position_ms += FRAME_MS
        peak = float(np.abs(frame).max())
        if not self.speaking:
            self._loud_frames = self._loud_frames + 1 if probability >= self.settings.threshold else 0
            if self._loud_frames < _FRAMES_TO_START:
                return None
            self.speaking, self._loud_frames, self._silent_ms, self._faint_ms = True, 0, 0, 0
            self._loudest = peak
            begin = self._position_ms - _FRAMES_TO_START * FRAME_MS - self.settings.prefix_padding_ms
            return SpeechStarted(round(max(begin, 0)))
        self._loudest = max(self._loudest, peak)
        if probability >= max(self.settings.threshold - _HYSTERESIS, 0.01):
            self._faint_ms = self._faint_ms + FRAME_MS if peak < self._loudest * _FAINT else 0
            self._silent_ms = 0
            return None
        if not self._silent_ms:
            self._silent_ms, self._faint_ms = min(self._faint_ms, _LATE_MS), 0
        self._silent_ms += FRAME_MS
        if self._silent_ms < self.settings.silence_duration_ms:
            return None
        self.speaking = False
        return SpeechStopped(round(self._position_ms))
