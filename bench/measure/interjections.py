"""The corpus `interjections`: what comes from a caller's side while an agent speaks, made anew from a seed.

Words are said by espeak-ng; all else is made of numbers. Half of it (`tune`) is there to choose by, the other (`test`)
to measure with: other voices, other words, other seeds.
"""

from __future__ import annotations

import io
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

RATE = 8000
Half = Literal["tune", "test"]
Signal = NDArray[np.float64]
"""At RATE; a sine of full scale has the amplitude 1."""

SPEECH_DB = -22.0
"""Of ordinary speech while it sounds, under full scale."""
QUIET_DB = -38.0
LINE_DB = -62.0
"""Of the noise that every line has."""

_VOICES = {
    "tune": ("en-us", "en-us+f2", "en-gb+m3", "en-us+m7", "en-gb+f4", "en-us+Andrea"),
    "test": ("en-gb", "en-us+f3", "en-gb-scotland+m2", "en-us+f5", "en-gb-x-rp+m5", "en-us+Michael"),
}
_BACKCHANNELS = {"tune": ("uh-huh", "yeah", "okay", "right"), "test": ("yes", "I see", "sure", "oh okay")}
_WORDS = {"tune": ("stop", "no", "wait"), "test": ("stop", "halt", "hello")}
_PHRASES = {
    "tune": ("no wait", "stop please", "hold on a moment", "that is wrong", "excuse me"),
    "test": ("no wait", "stop it now", "just a moment please", "I don't want that", "can I ask something"),
}
_SENTENCES = {
    "tune": (
        "Sorry, could you say that again, I did not understand the last part.",
        "No, I wanted to know when you are open on Saturday.",
        "Please put me through to somebody in the workshop.",
    ),
    "test": (
        "Actually my order number is forty two, not twenty four.",
        "Let me stop you there, I have changed my mind about the date.",
        "I would rather speak with a person about this bill.",
    ),
}


@dataclass(frozen=True)
class Sound:
    """`wanted`: whether it is to interrupt the agent."""

    kind: str
    name: str
    half: Half
    samples: NDArray[np.int16]
    wanted: bool

    @property
    def duration_ms(self) -> int:
        return len(self.samples) * 1000 // RATE


@dataclass(frozen=True)
class Echo:
    """Of the agent's own voice: it depends on what is played. `loss_db` and `delay_ms` are the telephone's."""

    loss_db: float
    delay_ms: int
    half: Half

    kind = "echo of the agent"
    wanted = False

    @property
    def name(self) -> str:
        return f"{self.loss_db:.0f} dB less, {self.delay_ms} ms later"


def sounds(half: Half) -> Iterator[Sound]:
    """All but the echoes."""
    seeds = np.random.SeedSequence(["tune", "test"].index(half) + 20_26)
    rng = np.random.default_rng(seeds)

    def sound(kind: str, name: str, signal: Signal, *, wanted: bool = False) -> Sound:
        return Sound(kind, name, half, _on_a_line(signal, rng), wanted)

    for number in range(12):
        yield sound("cough", f"{number}", _at(_cough(rng), rng.uniform(-30, -14)))
    for number in range(12):
        yield sound("mhm", f"{number}", _at(_hum(rng, syllables=2 if number % 3 else 1), rng.uniform(-32, -22)))
    for at, voice in enumerate(_VOICES[half]):
        words = _BACKCHANNELS[half]
        for text in (words[at % len(words)], words[(at + 1) % len(words)]):
            yield sound("backchannel", f"{text} ({voice})", _at(said(text, voice), rng.uniform(-30, -22)))
    for number in range(12):
        yield sound("key tones", f"{number}", _keys(rng))
    for number in range(8):
        yield sound("music", f"{number}", _at(_music(rng), rng.uniform(-36, -18)))
    for number in range(10):
        yield sound("line noise", f"{number}", _noise(rng, number))
    for number in range(8):
        yield sound("breath", f"{number}", _at(_breath(rng), rng.uniform(-42, -28)))
    for number in range(6):
        yield sound("knocks", f"{number}", _at(_knocks(rng), rng.uniform(-30, -16)))
    for kind, texts in (("one word", _WORDS[half]), ("a few words", _PHRASES[half]), ("a sentence", _SENTENCES[half])):
        for at, voice in enumerate(_VOICES[half]):
            for text in (texts[at % len(texts)], texts[(at + 1) % len(texts)]):
                signal = said(text, voice)
                loud = rng.uniform(SPEECH_DB - 4, SPEECH_DB + 4)
                yield sound(kind, f"{text} ({voice})", _at(signal, loud), wanted=True)
    for at, voice in enumerate(_VOICES[half]):
        for texts in (_PHRASES[half], _SENTENCES[half]):
            text = texts[at % len(texts)]
            yield sound("words, quiet", f"{text} ({voice})", _at(said(text, voice), QUIET_DB), wanted=True)
            signal = _at(said(text, voice), SPEECH_DB)
            distance_db = rng.uniform(8, 16)
            noise = _at(_coloured(rng, len(signal), rng.uniform(0, 2)), SPEECH_DB - distance_db)
            yield sound("words in noise", f"{text} ({voice}), {distance_db:.0f} dB", signal + noise, wanted=True)


def echoes(half: Half) -> Iterator[Echo]:
    for loss_db in (6.0, 12.0, 18.0, 24.0) if half == "tune" else (8.0, 14.0, 20.0, 26.0):
        for delay_ms in (40, 120) if half == "tune" else (60, 180):
            yield Echo(loss_db, delay_ms, half)


@cache
def said(text: str, voice: str) -> Signal:
    """By espeak-ng, without the silence around it, in the band of a telephone."""
    words = ["espeak-ng", "-v", voice, "-s", "165", "--stdout", text]
    done = subprocess.run(words, check=True, capture_output=True, timeout=20)
    with wave.open(io.BytesIO(done.stdout)) as file:
        rate, raw = file.getframerate(), file.readframes(1 << 30)
    signal = np.frombuffer(raw[: len(raw) & ~1], "<i2") / 32768
    signal = _band(soxr.resample(signal, rate, RATE), 250, 3500)
    loud = np.flatnonzero(np.abs(signal) > 0.01 * np.abs(signal).max())
    return signal[loud[0] : loud[-1] + 1]


# -- what is no word


def _cough(rng: np.random.Generator) -> Signal:
    """One to three bursts: an explosion, noise that fades, often a voiced end."""
    bursts = []
    for _ in range(rng.integers(1, 4)):
        ms = rng.uniform(120, 260)
        noise = _coloured(rng, _samples(ms), rng.uniform(0, 1)) * _decay(ms, rng.uniform(30, 70))
        voice = _voice(
            _samples(ms), rng.uniform(140, 280), rng.uniform(90, 150), ((550, 120), (1300, 200), (2500, 300))
        )
        share = rng.uniform(0, 0.8)
        voice *= _decay(ms, rng.uniform(50, 90)) * np.minimum(1, np.arange(_samples(ms)) / _samples(40))
        bursts += [_unit(noise) + share * _unit(voice), np.zeros(_samples(rng.uniform(60, 220)))]
    return np.concatenate(bursts[:-1])


def _hum(rng: np.random.Generator, syllables: int) -> Signal:
    """«Mhm»: a closed mouth, so that little is left above 500 Hz."""
    pitch = rng.uniform(95, 230)
    parts = []
    for number in range(syllables):
        ms = rng.uniform(130, 240) if syllables > 1 else rng.uniform(250, 480)
        rise = 1.0 + (0.25 if number else -0.05) * rng.uniform(0.5, 1)
        part = _voice(_samples(ms), pitch, pitch * rise, ((260, 60), (1000, 300), (2200, 400)))
        parts += [part * np.hanning(len(part)) ** 0.5, 0.03 * _coloured(rng, _samples(rng.uniform(30, 80)), 0)]
    return np.concatenate(parts[:-1])


def _keys(rng: np.random.Generator) -> Signal:
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    parts = []
    for _ in range(rng.integers(1, 5)):
        time = np.arange(_samples(rng.choice([80, 120, 200, 400, 900]))) / RATE
        key = [np.sin(2 * np.pi * rng.choice(tones) * time) for tones in (rows, columns)]
        parts += [10 ** (rng.uniform(-22, -10) / 20) * (key[0] + key[1]) / 2, np.zeros(_samples(rng.uniform(60, 150)))]
    return np.concatenate(parts[:-1])


def _music(rng: np.random.Generator) -> Signal:
    """3 s of chords and a melody over a beat."""
    length = _samples(3000)
    signal, beat = np.zeros(length), int(_samples(rng.uniform(220, 420)))
    root = rng.uniform(110, 220)
    scale = root * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    for start in range(0, length - beat, beat):
        notes = [rng.choice(scale) * 2, rng.choice(scale)] + (
            [root, root * 1.26, root * 1.5] if rng.random() < 0.4 else []
        )
        time = np.arange(min(2 * beat, length - start)) / RATE
        for note in notes:
            for harmonic in range(1, 6):
                if note * harmonic < 3400:
                    fall = np.exp(-time * rng.uniform(1.5, 5))
                    signal[start : start + len(time)] += (
                        fall * np.sin(2 * np.pi * note * harmonic * time) / harmonic**1.3
                    )
        drum = _coloured(rng, min(_samples(60), length - start), 0) * _decay(60, 15)[: length - start]
        signal[start : start + len(drum)] += rng.uniform(0, 1.5) * drum
    return signal


def _noise(rng: np.random.Generator, number: int) -> Signal:
    """3 s: hiss, rumble, hum of the mains, or crackling, that begins of a sudden."""
    length, loud = _samples(3000), rng.uniform(-46, -26)
    if number % 5 == 3:
        time = np.arange(length) / RATE
        hum = sum(np.sin(2 * np.pi * 50 * k * time + rng.uniform(0, 6)) / k for k in range(3, 12, 2))
        return _at(np.asarray(hum), loud)
    if number % 5 == 4:
        clicks = np.where(rng.random(length) < 0.003, rng.normal(0, 1, length), 0)
        return _at(np.convolve(clicks, _decay(8, 2), "same"), loud)
    return _at(_coloured(rng, length, number % 5), loud)


def _breath(rng: np.random.Generator) -> Signal:
    ms = rng.uniform(400, 1200)
    low = rng.uniform(300, 700)
    return _band(rng.normal(0, 1, _samples(ms)), low, rng.uniform(1800, 3200)) * np.hanning(_samples(ms))


def _knocks(rng: np.random.Generator) -> Signal:
    """A hand-set put down, a door, a dog's claws: short and without a voice."""
    signal = np.zeros(_samples(rng.uniform(500, 1500)))
    for _ in range(rng.integers(1, 6)):
        ms = rng.uniform(20, 70)
        knock = _coloured(rng, _samples(ms), rng.uniform(0, 2)) * _decay(ms, rng.uniform(5, 20))
        start = rng.integers(0, len(signal) - len(knock))
        signal[start : start + len(knock)] += _unit(knock)
    return signal


# -- of what it is all made


def _samples(ms: float) -> int:
    return int(ms * RATE / 1000)


def _decay(ms: float, constant_ms: float) -> Signal:
    return np.exp(-np.arange(_samples(ms)) / (constant_ms * RATE / 1000))


def _voice(length: int, from_hz: float, to_hz: float, formants: tuple[tuple[float, float], ...]) -> Signal:
    """Pulses of a glottis, and resonances (frequency and width in Hz)."""
    phase = np.cumsum(np.linspace(from_hz, to_hz, length)) / RATE
    pulses = np.diff(np.floor(phase), prepend=0.0)
    spectrum = np.fft.rfft(pulses, 2 * length)
    hz = np.fft.rfftfreq(2 * length, 1 / RATE)
    shape = sum(10 ** (-at / 4) / (1 + ((hz - centre) / width) ** 2) for at, (centre, width) in enumerate(formants))
    return np.asarray(np.fft.irfft(spectrum * shape)[:length])


def _coloured(rng: np.random.Generator, length: int, slope: float) -> Signal:
    """Noise whose power falls with frequency to the power of `slope`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.normal(0, 1, max(length, 16)))
    hz = np.maximum(np.fft.rfftfreq(max(length, 16), 1 / RATE), 100)
    return _unit(np.fft.irfft(spectrum * hz ** (-slope / 2), max(length, 16))[:length])


def _band(signal: Signal, low_hz: float, high_hz: float) -> Signal:
    spectrum = np.fft.rfft(signal)
    hz = np.fft.rfftfreq(len(signal), 1 / RATE)
    edge = 1 / (1 + np.exp(-(hz - low_hz) / 30)) / (1 + np.exp((hz - high_hz) / 50))
    return np.asarray(np.fft.irfft(spectrum * edge, len(signal)))


def _unit(signal: Signal) -> Signal:
    return signal / max(1e-9, float(np.sqrt(np.mean(signal**2))))


def _at(signal: Signal, decibel: float) -> Signal:
    """As loud as that, in those of its parts that sound."""
    frames = [signal[at : at + 160] for at in range(0, len(signal), 160)]
    power = np.array([np.mean(frame**2) for frame in frames])
    loud = power[power > 0.01 * power.max()]
    return signal * 10 ** (decibel / 20) / np.sqrt(2 * loud.mean()) * np.sqrt(2)


def _on_a_line(signal: Signal, rng: np.random.Generator) -> NDArray[np.int16]:
    noise = 10 ** (LINE_DB / 20) * rng.normal(0, 1, len(signal))
    return np.round(32768 * (signal + noise)).clip(-32768, 32767).astype(np.int16)
