"""Formats of audio on the WebSocket, and which of them a stream is set to use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

G711_RATE = 8000


class Encoding(StrEnum):
    """The values are those of STREAM_AUDIO_FORMAT, and of the law where it is G.711 (ITU-T)."""

    PCM = "pcm"
    PCMU = "pcmu"
    PCMA = "pcma"


class Side(StrEnum):
    """A direction of audio, as the session names it."""

    CAPTURE = "input"
    PLAYBACK = "output"


AUTO = "auto"
"""Of STREAM_AUDIO_FORMAT: as the channel has it."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Audio of one direction: `rate` is in Hz, and 8000 where the encoding is G.711."""

    encoding: Encoding
    rate: int

    @property
    def law(self) -> str | None:
        """For the codec; None where samples are pcm16."""
        return None if self.encoding is Encoding.PCM else self.encoding.value


def make_format(encoding: Encoding, pcm_rate: int) -> AudioFormat:
    """`pcm_rate` in Hz is for pcm alone; G.711 has but one rate."""
    return AudioFormat(encoding, pcm_rate if encoding is Encoding.PCM else G711_RATE)


def choose(setting: str, codec: str, rate: int) -> Encoding:
    """What STREAM_AUDIO_FORMAT means on a channel whose codec has that name and `rate` Hz; "" for a name not known."""
    if setting != AUTO:
        return Encoding(setting)
    if codec.lower() in (Encoding.PCMU, Encoding.PCMA):
        return Encoding(codec.lower())
    return Encoding.PCMU if rate == G711_RATE else Encoding.PCM
