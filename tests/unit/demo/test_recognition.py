"""The transcriber of the demo knows its lines by their sound."""

import numpy as np
import pytest
import soxr

from mod_openai_realtime.demo.recognition import LineRecogniser
from mod_openai_realtime.local.g711 import Samples

LINES = ("one", "two")


class NoiseVoice:
    async def speak(self, text: str, rate: int) -> Samples:
        random = np.random.default_rng(LINES.index(text))
        at_8k = (random.normal(0, 3000, 8000)).clip(-32768, 32767)
        return soxr.resample(at_8k, 8000, rate).astype(np.int16)  # type: ignore[no-any-return]


async def heard(text: str) -> Samples:
    return np.concatenate([np.zeros(7200, np.int16), await NoiseVoice().speak(text, 24000)])


async def test_a_line_is_recognised_at_another_rate_and_after_silence() -> None:
    recogniser = LineRecogniser(NoiseVoice(), LINES)
    assert [await recogniser(await heard(line), 24000) for line in LINES] == list(LINES)


async def test_a_damaged_line_is_not() -> None:
    samples = await heard("one")
    with pytest.raises(LookupError, match="likeness"):
        await LineRecogniser(NoiseVoice(), LINES)(np.concatenate([samples[:15000], samples[19000:]]), 24000)
