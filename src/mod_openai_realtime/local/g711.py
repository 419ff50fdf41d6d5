"""G.711 (ITU-T, 11/1988) mu-law and A-law, by table: 8 bits a sample, companded.

Samples are int16; the code words' 14-bit (mu-law) and 13-bit (A-law) values are scaled to 16 bits.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
_BIAS = 132  # 33 at the 14 bits of the standard: makes the mu-law segments begin at powers of two
_CLIP = 32635


def _decode_mulaw() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    segment, step = (code >> 4) & 7, code & 15
    magnitude = (((step << 3) + _BIAS) << segment) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _decode_alaw() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55  # the standard inverts the even bits
    segment, step = (code >> 4) & 7, code & 15
    magnitude = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encode_mulaw(sample: NDArray[np.int32]) -> NDArray[np.uint8]:
    biased = np.minimum(np.abs(sample), _CLIP) + _BIAS
    segment = np.floor(np.log2(biased)).astype(np.int32) - 7
    step = (biased >> (segment + 3)) & 15
    words: NDArray[np.int32] = ~(np.where(sample < 0, 0x80, 0) | (segment << 4) | step) & 0xFF
    return words.astype(np.uint8)


def _encode_alaw(sample: NDArray[np.int32]) -> NDArray[np.uint8]:
    # Negative values are taken as one's complement, so that both signs use their intervals alike.
    magnitude = np.where(sample < 0, ~sample, sample) >> 3
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    step = (magnitude >> np.maximum(segment, 1)) & 15
    words: NDArray[np.int32] = (np.where(sample < 0, 0, 0x80) | (segment << 4) | step) ^ 0x55
    return words.astype(np.uint8)


@lru_cache(maxsize=1)
def _tables() -> dict[str, tuple[Samples, NDArray[np.uint8]]]:
    # Indexed by the sample's bits taken as unsigned, so the negative half comes second.
    every = np.concatenate([np.arange(0, 32768), np.arange(-32768, 0)]).astype(np.int32)
    return {
        "mulaw": (_decode_mulaw(), _encode_mulaw(every)),
        "alaw": (_decode_alaw(), _encode_alaw(every)),
    }


def decode(law: str, data: bytes) -> Samples:
    """Code words to samples; `law` is `mulaw` or `alaw`."""
    words = np.frombuffer(data, np.uint8)
    decoded: Samples = _tables()[law][0][words]
    return decoded


def encode(law: str, samples: Samples) -> bytes:
    """Samples to code words; `law` is `mulaw` or `alaw`."""
    words: NDArray[Any] = _tables()[law][1][np.ascontiguousarray(samples).view(np.uint16)]
    return words.tobytes()
