"""How audio is carried in RTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..local.g711 import decode, encode

Pcm16 = NDArray[np.int16]


@dataclass(frozen=True)
class MediaFormat:
    """A codec on the wire. `silence` is one sample of it."""

    name: str
    payload_type: int
    rate: int
    silence: bytes
    encode: Callable[[Pcm16], bytes]
    decode: Callable[[bytes], Pcm16]
    ptime_ms: int = 20

    @property
    def packet_samples(self) -> int:
        return self.rate * self.ptime_ms // 1000

    @property
    def packet_bytes(self) -> int:
        return self.packet_samples * len(self.silence)

    @property
    def rtpmap(self) -> str:
        return f"{self.payload_type} {self.name}/{self.rate}"


def _l16_encode(samples: Pcm16) -> bytes:
    return samples.astype(">i2").tobytes()


def _l16_decode(payload: bytes) -> Pcm16:
    return np.frombuffer(payload, dtype=">i2").astype(np.int16)


def _mulaw_encode(samples: Pcm16) -> bytes:
    """With one zero of the two: what a switch decodes and encodes again is the same."""
    return encode("mulaw", samples).replace(b"\x7f", b"\xff")


PCMU = MediaFormat("PCMU", 0, 8000, b"\xff", _mulaw_encode, partial(decode, "mulaw"))
PCMA = MediaFormat("PCMA", 8, 8000, b"\xd5", partial(encode, "alaw"), partial(decode, "alaw"))
L16_8K = MediaFormat("L16", 96, 8000, b"\0\0", _l16_encode, _l16_decode)
L16_16K = MediaFormat("L16", 97, 16000, b"\0\0", _l16_encode, _l16_decode)
