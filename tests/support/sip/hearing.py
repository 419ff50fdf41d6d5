"""What a far end has to have heard of a party, and a party of a far end."""

from __future__ import annotations

from collections.abc import Sequence

from audio.g711 import Pcm16
from audio.segments import Segment, gaps, sounding
from audio.tones import dominant_frequency, tone_amplitude

from mod_openai_realtime.sip.media_format import MediaFormat
from mod_openai_realtime.sip.rtp import RtpParty


def decoded(media_format: MediaFormat, payloads: Sequence[bytes]) -> list[bytes]:
    """Each payload as pcm16, which is what the far end of a stream gets where nothing is resampled."""
    return [media_format.decode(payload).astype("<i2").tobytes() for payload in payloads]


def has_ended(audio: Pcm16, rate: int, quiet_ms: int = 200) -> bool:
    """Whether something sounded, and has been over for that long."""
    parts = sounding(audio, rate, bridge_ms=quiet_ms)
    return bool(parts) and len(audio) - parts[-1].end > quiet_ms * rate // 1000


def the_tone(audio: Pcm16, rate: int) -> tuple[float, Segment]:
    """Frequency and extent of the one tone in ``audio``. Raises AssertionError if it has gaps or isn't alone."""
    assert gaps(audio, rate) == []
    (segment,) = sounding(audio, rate)
    return dominant_frequency(segment.of(audio), rate), segment


def sounded_ms(audio: Pcm16, hertz: float) -> int:
    """For how long a tone was there, in whole frames of 20 ms; `audio` is of 8 kHz."""
    frames = (audio[at : at + 160] for at in range(0, len(audio) - 159, 160))
    return 20 * sum(tone_amplitude(frame, hertz, 8000) > 1000 for frame in frames)


def wait_tone(party: RtpParty, hertz: float, ms: int = 200, since: int = 0) -> Pcm16:
    """Returns once so much of it has been heard, from packet `since` on: what has."""
    return party.wait_heard(lambda audio: sounded_ms(audio, hertz) >= ms, since=since)
