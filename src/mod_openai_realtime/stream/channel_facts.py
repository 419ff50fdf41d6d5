"""What a stream has to know of its channel, and what follows for the audio formats that it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .audio_format import choose
from .command import Start
from .negotiation import Negotiation, Side, Wish
from .settings import Settings


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """Of the channel, when the media bug was added: rates in Hz, codecs by their IANA names ("" if not known)."""

    read_rate: int
    write_rate: int
    ptime_ms: int
    read_codec: str = ""
    write_codec: str = ""


def negotiation(start: Start, settings: Settings, facts: ChannelFacts, warn: Callable[[str], None]) -> Negotiation:
    wishes = {}
    if start.send_rate is not None:
        encoding = choose(settings.audio_format, facts.read_codec, facts.read_rate)
        wishes[Side.CAPTURE] = Wish(encoding, start.send_rate)
    if start.playback_rate is not None:
        encoding = choose(settings.audio_format, facts.write_codec, facts.write_rate)
        wishes[Side.PLAYBACK] = Wish(encoding, start.playback_rate)
    return Negotiation(wishes, warn, session=not settings.raw)
