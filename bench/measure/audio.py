"""What callers and agent say: noise around a tone, which neither compresses well nor is ever silent."""

from __future__ import annotations

import json

import numpy as np
import pybase64

LOOP_S = 2
_TONE_HZ = 400
_TONE_LEVEL = 4000
_NOISE_LEVEL = 1500


def speech(rate: int, seconds: int = LOOP_S, seed: int = 0) -> bytes:
    """pcm16 that can be repeated without a step."""
    samples = rate * seconds
    noise = np.random.default_rng(seed).normal(0, _NOISE_LEVEL, samples)
    # Low-pass, so that a channel at 8 kHz gets all of it from 24 kHz.
    smooth = np.convolve(np.concatenate((noise, noise[:7])), np.ones(8) / 8, "valid")
    tone = _TONE_LEVEL * np.sin(2 * np.pi * _TONE_HZ * np.arange(samples) / rate)
    return (tone + smooth).clip(-32768, 32767).astype("<i2").tobytes()


def deltas(rate: int, delta_ms: int, response: str = "resp_bench") -> list[bytes]:
    """The audio deltas of one loop of agent audio, as a server writes them."""
    pcm = speech(rate, seed=1)
    size = rate * delta_ms // 1000 * 2
    return [delta(pcm[at : at + size], response) for at in range(0, len(pcm), size)]


def delta(pcm: bytes, response: str) -> bytes:
    message = {
        "type": "response.output_audio.delta",
        "event_id": "event_" + "0" * 21,
        "response_id": response,
        "item_id": "item_" + response,
        "output_index": 0,
        "content_index": 0,
        "delta": pybase64.b64encode(pcm).decode(),
    }
    return json.dumps(message, separators=(",", ":")).encode()


def done(response: str) -> bytes:
    return json.dumps({"type": "response.output_audio.done", "response_id": response}).encode()
