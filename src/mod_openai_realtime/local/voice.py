"""The voice of the endpoint: text to 24 kHz samples, off the event loop, and kept for the next time."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import soxr

from .g711 import Samples
from .parts import require

RATE = 24000
_KEPT_TEXTS = 256
_ANY_TEXT = "Hello."  # what is spoken to have the model loaded


class Voice(Protocol):
    async def speak(self, text: str, rate: int, speed: float = 1.0) -> Samples:
        """The text spoken at `rate` Hz; `speed` 2 is twice as fast as usual."""


class HibariVoice:
    """hibari-tts with its default voice. One for all endpoints of the process; used from any loop and thread.

    The newest texts are kept. A text always sounds the same, sample for sample. Speaking raises MissingPartsError where
    hibari-tts is not installed.
    """

    def __init__(self) -> None:
        # One thread: texts are spoken one after the other, so the engine and the memory need no lock.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice")
        self._engine: Any = None
        self._warming: list[Future[Samples]] = []
        self._spoken: OrderedDict[tuple[str, int, float], Samples] = OrderedDict()

    async def speak(self, text: str, rate: int, speed: float = 1.0) -> Samples:
        kept = self._spoken.get((text, rate, speed))
        if kept is not None:
            return kept
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._say, text, rate, speed)

    def speak_now(self, text: str, rate: int = RATE) -> Samples:
        """As `speak`, for callers without an event loop; blocks until it is spoken."""
        return self._thread.submit(self._say, text, rate).result()

    def warm(self, texts: Iterable[str], rates: Iterable[int] = (RATE,)) -> None:
        """Loads the model, and speaks these texts for later; returns at once."""
        wanted = [(text, rate) for text in texts for rate in rates] or [(_ANY_TEXT, RATE)]
        new = [each for each in wanted[:_KEPT_TEXTS] if (*each, 1.0) not in self._spoken]
        self._warming = [self._thread.submit(self._say, *each) for each in new]

    async def load(self) -> None:
        """Returns once the model is loaded."""
        await self.speak(_ANY_TEXT, RATE)

    def warm_no_more(self) -> None:
        """Leaves the texts unspoken that `warm` was given and nobody has asked for: the process would wait for them."""
        for each in self._warming:
            each.cancel()

    def _say(self, text: str, rate: int, speed: float = 1.0) -> Samples:
        kept = self._spoken.get((text, rate, speed))
        if kept is not None:
            return kept
        if rate != RATE:
            samples = resampled(self._say(text, RATE, speed), RATE, rate)
        else:
            if self._engine is None:
                require("hibari", "its voice")
                from hibari import Hibari

                self._engine = Hibari()
            samples = np.round(np.clip(self._engine(text, speed, seed=0), -1, 1) * 32767).astype(np.int16)
        self._spoken[text, rate, speed] = samples
        if len(self._spoken) > _KEPT_TEXTS:
            self._spoken.popitem(last=False)
        return samples


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """A whole sound at another rate."""
    if rate == wanted or not len(samples):
        return samples
    result: Samples = soxr.resample(samples, rate, wanted)
    return result


@lru_cache(maxsize=1)
def hibari() -> HibariVoice:
    """The one voice of this process; its model is loaded when it first speaks."""
    return HibariVoice()
