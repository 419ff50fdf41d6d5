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


class SpeechModel(Protocol):
    """Says how likely a frame is speech."""

    def start(self) -> Any:
        """The state before the first frame."""

    def probability(self, state: Any, frame: Frame) -> tuple[float, Any]:
        """Of `FRAME_SAMPLES` samples at 8 kHz within -1 and 1: the probability of speech, and the next state."""


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
        return np.zeros((2, 1, 128), np.float32), np.zeros(_CONTEXT_SAMPLES, np.float32)

    def probability(self, state: Any, frame: Frame) -> tuple[float, Any]:
        memory, context = state
        window = np.concatenate([context, frame])[np.newaxis]
        output, memory = self._network.run(None, {"input": window, "state": memory, "sr": self._rate})
        return float(output[0, 0]), (memory, frame[-_CONTEXT_SAMPLES:])


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
        view = np.lib.stride_tricks.sliding_window_view(joined, self._TAPS)[:: self._FACTOR]
        result: Frame = view @ self._kernel
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
        self._silent_ms = 0
        self.speaking = False

    def feed(self, samples: Samples) -> list[SpeechStarted | SpeechStopped]:
        incoming: Frame = samples.astype(np.float32) / np.float32(32768)
        if self._decimator:
            incoming = self._decimator.feed(incoming)
        self._waiting = np.concatenate([self._waiting, incoming])
        found = []
        while len(self._waiting) >= FRAME_SAMPLES:
            frame, self._waiting = self._waiting[:FRAME_SAMPLES], self._waiting[FRAME_SAMPLES:]
            change = self._frame(frame)
            if change:
                found.append(change)
        return found

    def reset(self) -> None:
        """Forgets speech that has begun, because its audio was taken away."""
        self.speaking = False
        self._loud_frames = self._silent_ms = 0

    def _frame(self, frame: Frame) -> SpeechStarted | SpeechStopped | None:
        probability, self._state = self._model.probability(self._state, frame)
        self._position_ms += FRAME_MS
        if not self.speaking:
            self._loud_frames = self._loud_frames + 1 if probability >= self.settings.threshold else 0
            if self._loud_frames < _FRAMES_TO_START:
                return None
            self.speaking, self._loud_frames, self._silent_ms = True, 0, 0
            begin = self._position_ms - _FRAMES_TO_START * FRAME_MS - self.settings.prefix_padding_ms
            return SpeechStarted(round(max(begin, 0)))
        quiet = probability < max(self.settings.threshold - _HYSTERESIS, 0.01)
        self._silent_ms = self._silent_ms + FRAME_MS if quiet else 0
        if self._silent_ms < self.settings.silence_duration_ms or not quiet:
            return None
        self.speaking = False
        return SpeechStopped(round(self._position_ms))
