"""WAV files, and speech made by espeak-ng."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from audio.g711 import Pcm16


def read_wav(path: Path) -> tuple[Pcm16, int]:
    """Samples and rate of a 16-bit WAV; several channels stay interleaved. Raises ValueError on other widths."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path.name}: {8 * file.getsampwidth()} bits a sample")
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16), file.getframerate()


def write_wav(path: Path, samples: Pcm16, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def can_speak() -> bool:
    """Whether espeak-ng and sox are here."""
    return all(shutil.which(tool) for tool in ("espeak-ng", "sox"))


def speech(text: str, rate: int = 8000, volume: float = 0.7) -> Pcm16:
    """``text`` spoken by espeak-ng, brought to ``rate`` by sox. Raises CalledProcessError if one of them fails."""
    with tempfile.TemporaryDirectory() as folder:
        spoken, resampled = Path(folder, "spoken.wav"), Path(folder, "resampled.wav")
        subprocess.run(["espeak-ng", "-w", str(spoken), text], check=True, capture_output=True)
        subprocess.run(
            ["sox", "-v", str(volume), str(spoken), "-r", str(rate), "-b", "16", str(resampled)],
            check=True,
            capture_output=True,
        )
        return read_wav(resampled)[0]
