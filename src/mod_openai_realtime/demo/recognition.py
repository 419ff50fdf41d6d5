"""The demo's transcriber: it knows the script, and recognises by the sound which line has arrived."""

from collections.abc import Sequence

from ..local.g711 import Samples
from ..local.voice import Voice, resampled
from .sound import likeness

LEAST_LIKENESS = 0.7
_RATE = 8000


class LineRecogniser:
    """A transcriber for the local endpoint, which has none of its own.

    Unlike a speech model it tells a damaged sound from a whole one: samples lost or repeated in the middle of a line
    make it unlike its original.
    """

    def __init__(self, voice: Voice, lines: Sequence[str]) -> None:
        self._voice = voice
        self._lines = tuple(lines)

    async def __call__(self, samples: Samples, rate: int) -> str:
        """Raises LookupError if it sounds like no line of the script."""
        heard = resampled(samples, rate, _RATE)
        found = [(likeness(heard, await self._voice.speak(line, _RATE))[0], line) for line in self._lines]
        best, line = max(found)
        if best < LEAST_LIKENESS:
            raise LookupError(f"no line of the script; the nearest has likeness {best:.2f}")
        return line
