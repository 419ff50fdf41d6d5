"""The three audio formats of the Realtime API."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import g711
from .g711 import Samples


@dataclass(frozen=True)
class AudioFormat:
    """One wire format; `law` is None for pcm16."""

    name: str
    rate: int
    sample_bytes: int
    law: str | None = None

    def decode(self, data: bytes) -> Samples:
        """Whole samples only: a caller keeps back the half of a sample."""
        if self.law is None:
            return np.frombuffer(data, "<i2").astype(np.int16, copy=False)
        return g711.decode(self.law, data)

    def encode(self, samples: Samples) -> bytes:
        if self.law is None:
            return samples.astype("<i2", copy=False).tobytes()
        return g711.encode(self.law, samples)

    def ms(self, data_bytes: int) -> float:
        """Duration of so many bytes."""
        return data_bytes * 1000 / (self.rate * self.sample_bytes)

    def as_json(self) -> dict[str, Any]:
        """As the session shows it."""
        return {"type": self.name} if self.law else {"type": self.name, "rate": self.rate}


PCM = AudioFormat("audio/pcm", 24000, 2)
PCMU = AudioFormat("audio/pcmu", 8000, 1, "mulaw")
PCMA = AudioFormat("audio/pcma", 8000, 1, "alaw")
FORMATS = {each.name: each for each in (PCM, PCMU, PCMA)}


def format_of(stated: Mapping[str, Any]) -> AudioFormat:
    """The one that a session states. Other servers than OpenAI's have pcm at other rates, too."""
    known = FORMATS[stated["type"]]
    return replace(known, rate=stated.get("rate", known.rate)) if known.law is None else known
