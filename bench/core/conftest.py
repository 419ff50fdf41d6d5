"""Audio and memory for the steps of the pipeline."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable

import pytest

from mod_openai_realtime._media import StreamMemory, SwitchSide


@pytest.fixture(scope="session")
def noise() -> Callable[[int, int], bytes]:
    """`noise(rate, ms)`: pcm16 that does not compress."""
    dice = random.Random(1)

    def make(rate: int, ms: int) -> bytes:
        return array("h", (dice.randrange(-8000, 8000) for _ in range(rate * ms // 1000))).tobytes()

    return make


@pytest.fixture
def switch() -> SwitchSide:
    """One stream's memory, as the module holds it."""
    return SwitchSide()


@pytest.fixture
def memory(switch: SwitchSide) -> StreamMemory:
    """The same, as the engine holds it."""
    return StreamMemory(switch.fd)
