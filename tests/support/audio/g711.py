"""G.711: mu-law and A-law by table, from the definition in ITU-T G.711 (16-bit scale, as FreeSWITCH decodes it)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pcm16 = npt.NDArray[np.int16]

ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5
_ULAW_BIAS = 0x84


def _ulaw_value(code: int) -> int:
    code = ~code & 0xFF
    segment, step = (code >> 4) & 7, code & 15
    magnitude = (((step << 3) + _ULAW_BIAS) << segment) - _ULAW_BIAS
    return -magnitude if code & 0x80 else magnitude


def _alaw_value(code: int) -> int:
    code ^= 0x55
    segment, step = (code >> 4) & 7, code & 15
    magnitude = (step << 4) + 8 if segment == 0 else ((step << 4) + 0x108) << (segment - 1)
    return magnitude if code & 0x80 else -magnitude


def _nearest_codes(values: Pcm16) -> npt.NDArray[np.uint8]:
    """For each 16-bit sample (indexed as uint16) the code whose value is nearest."""
    # Of the two zeros of mu-law, the one named silence (0xFF) comes last among equals.
    order = np.lexsort((np.arange(256), values))
    ordered = values[order].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    above = np.clip(np.searchsorted(ordered, samples, side="left"), 1, 255)
    below = above - 1
    nearer = np.where(np.abs(ordered[above] - samples) < np.abs(samples - ordered[below]), above, below)
    last = np.clip(np.searchsorted(ordered, ordered[nearer], side="right") - 1, 0, 255)
    return np.roll(order[last].astype(np.uint8), 32768)


_ULAW_TO_PCM: Pcm16 = np.array([_ulaw_value(code) for code in range(256)], dtype=np.int16)
_ALAW_TO_PCM: Pcm16 = np.array([_alaw_value(code) for code in range(256)], dtype=np.int16)
_PCM_TO_ULAW = _nearest_codes(_ULAW_TO_PCM)
_PCM_TO_ALAW = _nearest_codes(_ALAW_TO_PCM)


def ulaw_decode(payload: bytes) -> Pcm16:
    return _ULAW_TO_PCM[np.frombuffer(payload, dtype=np.uint8)]


def alaw_decode(payload: bytes) -> Pcm16:
    return _ALAW_TO_PCM[np.frombuffer(payload, dtype=np.uint8)]


def ulaw_encode(samples: Pcm16) -> bytes:
    return _PCM_TO_ULAW[samples.view(np.uint16)].tobytes()


def alaw_encode(samples: Pcm16) -> bytes:
    return _PCM_TO_ALAW[samples.view(np.uint16)].tobytes()
