"""The audio between a page and its call: at the browser's rate on one side, at the call's on the other."""

from __future__ import annotations

from .._media import Resampler
from ..audio.resampling import make_odd_resampler
from ..standin import Call

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000  # Hz, of a browser
CUSHION_MS = 40
"""So much waits before the caller is heard: a browser sends when it comes to it, the call takes a frame every 20 ms."""
MAX_WAITING_MS = 160
"""Of the caller's audio. What is over that is dropped: a browser that was held up must not leave a delay behind."""


class Line:
    """pcm16, mono. Both directions go by the call's own time: the stand-in takes and gives a frame every 20 ms."""

    def __init__(self, call: Call, page_rate: int) -> None:
        """Blocking where the rates are odd: their filter may take seconds to make, the first time.

        Raises ValueError for a rate that no browser has.
        """
        self._call = call
        rate = call.codec.read_rate
        self._cushion = bytes(2 * rate * CUSHION_MS // 1000)
        self._most_bytes = 2 * rate * MAX_WAITING_MS // 1000
        self._to_call = _resampler(page_rate, rate)
        self._to_page = _resampler(rate, page_rate)
        self.dropped_bytes = 0
        """Of the caller's audio, at the call's rate."""

    def hear(self, pcm: bytes) -> None:
        """The microphone."""
        said = self._to_call.process(pcm) if self._to_call is not None else pcm
        waiting = self._call.feed_more(b"")
        if waiting == 0:
            said = self._cushion + said
        elif waiting > self._most_bytes:
            self.dropped_bytes += len(said)
            return
        self._call.feed_more(said)

    def take(self) -> bytes:
        """For the loudspeaker: what the channel has sent since the last time."""
        sent = self._call.sent()
        return self._to_page.process(sent) if self._to_page is not None else sent


def _resampler(from_rate: int, to_rate: int) -> Resampler | None:
    if not LOWEST_RATE <= from_rate <= HIGHEST_RATE or not LOWEST_RATE <= to_rate <= HIGHEST_RATE:
        raise ValueError(f"no browser has {from_rate} or {to_rate} Hz")
    return make_odd_resampler(from_rate, to_rate)
