"""Section 2: who hears the agent, when several streams tap one channel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from audio.tones import tone, tone_amplitude
from contract import FarEnd, Leg


@pytest.mark.rule("2.8")
@pytest.mark.parametrize("listener_first", [True, False], ids=["listener-first", "agent-first"])
def test_a_stereo_stream_hears_the_agent_of_another_stream(leg: Leg, far: FarEnd, listener_first: bool) -> None:
    with FarEnd() as listener:
        starts: list[Callable[[], object]] = [
            lambda: leg.start(f"{listener.url} stereo 8k send stream=ear"),
            lambda: leg.start(f"{far.url} recv 8k stream=mouth"),
        ]
        for start in starts if listener_first else reversed(starts):
            start()
        far.speak(tone(700, 3000, 8000))
        far.finish()
        leg.say(tone(400, 4000, 8000, 6000))

        def agent_heard() -> bool:
            pairs = listener.audio()[-16000:]
            return len(pairs) >= 8000 and tone_amplitude(pairs[1::2], 700, 8000) > 1000

        leg.until(agent_heard)
