"""Finding sent audio in received audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audio.g711 import Pcm16


@dataclass(frozen=True)
class Alignment:
    """``received[offset]`` lies on ``reference[0]``; ``similarity`` is the normalised correlation there, 1 at best."""

    offset: int
    similarity: float


def align(reference: Pcm16, received: Pcm16) -> Alignment:
    """Best place of ``reference`` as a whole within ``received``. Raises ValueError if it doesn't fit or is silent."""
    if len(received) < len(reference):
        raise ValueError("received audio is shorter than the reference")
    wanted, heard = reference.astype(np.float64), received.astype(np.float64)
    energy = float(np.sum(wanted**2))
    if energy == 0:
        raise ValueError("a silent reference lies everywhere")
    size = 1 << (len(heard) + len(wanted)).bit_length()
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size)), size)
    products = products[: len(heard) - len(wanted) + 1]
    sums = np.concatenate(([0.0], np.cumsum(heard**2)))
    heard_energy = np.maximum(sums[len(wanted) :] - sums[: -len(wanted)], 1.0)
    scores = products / np.sqrt(energy * heard_energy)
    offset = int(np.argmax(scores))
    return Alignment(offset, float(scores[offset]))


def places(needles: Sequence[bytes], haystack: bytes) -> list[int]:
    """Byte offset of each needle in turn, looked for behind the end of the one before; -1 for one not found there."""
    found, at = [], 0
    for needle in needles:
        place = haystack.find(needle, at)
        found.append(place)
        at = place + len(needle) if place >= 0 else at
    return found


def missing(needles: Sequence[bytes], haystack: bytes) -> list[int]:
    """Numbers of the needles that don't come in ``haystack`` in their order."""
    return [number for number, place in enumerate(places(needles, haystack)) if place < 0]
