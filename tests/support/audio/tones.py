"""Tones: made, and found again."""

from __future__ import annotations

import numpy as np

from audio.g711 import Pcm16


def tone(frequency_hz: float, duration_ms: float, rate: int, amplitude: int = 8000) -> Pcm16:
    """A sine that starts at phase 0."""
    time = np.arange(round(duration_ms * rate / 1000)) / rate
    return np.round(amplitude * np.sin(2 * np.pi * frequency_hz * time)).astype(np.int16)


def silence(duration_ms: float, rate: int) -> Pcm16:
    return np.zeros(round(duration_ms * rate / 1000), dtype=np.int16)


def noise(duration_ms: float, rate: int, amplitude: int = 8000, seed: int = 1) -> Pcm16:
    """White noise, the same for the same seed: each frame of it is unique, which makes order and loss visible."""
    generator = np.random.default_rng(seed)
    return generator.integers(-amplitude, amplitude, round(duration_ms * rate / 1000), dtype=np.int16, endpoint=True)


def level(samples: Pcm16) -> float:
    """Root mean square; 0 for no samples."""
    return float(np.sqrt(np.mean(np.square(samples.astype(np.float64))))) if len(samples) else 0.0


def tone_amplitude(samples: Pcm16, frequency_hz: float, rate: int) -> float:
    """Amplitude of the sine of that frequency (one bin of a Fourier transform, under a Hann window)."""
    window = np.hanning(len(samples))
    turns = np.exp(-2j * np.pi * frequency_hz * np.arange(len(samples)) / rate)
    return float(2 * np.abs(np.sum(samples * window * turns)) / np.sum(window))


def dominant_frequency(samples: Pcm16, rate: int) -> float:
    """Frequency in Hz of the strongest spectral line, to about a tenth of ``rate / len(samples)``.

    Raises ValueError on silence.
    """
    if level(samples) < 1:
        raise ValueError("silence has no frequency")
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    spectrum[0] = 0
    peak = int(np.argmax(spectrum))
    if 0 < peak < len(spectrum) - 1:
        # Parabola through the logarithms of three bins: exact for a Gaussian line, close for Hann's.
        left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-9)
        offset = 0.5 * (left - right) / (left - 2 * middle + right)
    else:
        offset = 0.0
    return float((peak + offset) * rate / len(samples))
