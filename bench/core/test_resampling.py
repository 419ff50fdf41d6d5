"""20 ms between the channel's rate and the stream's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from mod_openai_realtime.audio.resampling import make_resampler


@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(8000, 24000), (24000, 8000), (16000, 24000), (24000, 16000), (48000, 24000)]
)
def test_resample_20_ms(
    benchmark: BenchmarkFixture, noise: Callable[[int, int], bytes], from_rate: int, to_rate: int
) -> None:
    resampler = make_resampler(from_rate, to_rate)
    assert resampler is not None
    frame = noise(from_rate, 20)
    assert len(benchmark(resampler.process, frame)) == to_rate // 50 * 2
