"""Formats and rates between the engine and the server: a call as it is heard at both ends."""

from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pytest
from audio.g711 import Pcm16, alaw_decode, ulaw_decode
from audio.segments import sounding
from audio.tones import dominant_frequency, tone, tone_amplitude
from contract import Leg, Switch

from mod_openai_realtime.local.thread import LocalEndpointThread

DECODE: dict[str, Callable[[bytes], Pcm16]] = {
    "pcmu": ulaw_decode,
    "pcma": alaw_decode,
    "pcm": lambda data: np.frombuffer(data, "<i2").astype(np.int16),
}
RESPOND = base64.b64encode(b'{"type":"response.create"}').decode()


def is_told(leg: Leg, kind: str) -> None:
    """A stepped clock stands still until then, so that nothing is sent or played before."""
    while leg.event("json", still=True).json()["type"] != kind:
        pass


def goes_both_ways(leg: Leg, arguments: str, sent_as: str, rate: int, *, agreed: str = "session.updated") -> list[str]:
    """One tone to the server and another one back, each measured at its far end, once `agreed` has come; -> warnings
    of the log until then."""
    with LocalEndpointThread(vad=False, agent=[{"tone_hz": 400, "ms": 1500}]) as endpoint:
        leg.start(f"{endpoint.url} {arguments}")
        is_told(leg, agreed)
        before = len(endpoint.snapshot()[0].received)
        leg.tell(tone(700, 1000, 8000))

        def said() -> Pcm16:
            return DECODE[sent_as](endpoint.snapshot()[0].received_audio())

        leg.until(lambda: sounding(said(), rate) and sounding(said(), rate)[-1].end < len(said()) - rate // 20)
        [spoken] = sounding(said(), rate)
        assert len(spoken) == pytest.approx(rate, rel=0.02)
        assert dominant_frequency(spoken.of(said()), rate) == pytest.approx(700, abs=2)
        assert tone_amplitude(spoken.of(said()), 700, rate) == pytest.approx(8000, rel=0.05)
        sizes = {len(message.audio) for message in endpoint.snapshot()[0].received[before + 1 :] if message.audio}
        assert sizes == {rate // 50 * (2 if sent_as == "pcm" else 1)}

        leg.ok(f"send_json {RESPOND}")
        is_told(leg, "response.done")
        leg.event("openai_speech_stop")
        leg.run(100)
        [heard] = sounding(leg.heard(), leg.rate)
        assert len(heard) == pytest.approx(1.5 * leg.rate, rel=0.02)
        assert dominant_frequency(heard.of(leg.heard()), leg.rate) == pytest.approx(400, abs=2)
        sent = DECODE[sent_as](endpoint.snapshot()[0].sent_audio())
        assert tone_amplitude(heard.of(leg.heard()), 400, leg.rate) == pytest.approx(
            tone_amplitude(sent, 400, rate), rel=0.05
        )
        return leg.warnings()  # before the endpoint ends


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_g711_carries_a_call_both_ways(switch: Switch, law: str) -> None:
    leg = switch.call(variables={"STREAM_AUDIO_FORMAT": law})
    assert not goes_both_ways(leg, "mono 24k 24k", law, 8000)


def test_g711_carries_a_wide_band_call_too(switch: Switch) -> None:
    leg = switch.call(16000, variables={"STREAM_AUDIO_FORMAT": "pcmu"})
    with LocalEndpointThread(vad=False, agent=[{"tone_hz": 400, "ms": 1000}]) as endpoint:
        leg.start(f"{endpoint.url} mono")
        is_told(leg, "session.updated")
        leg.ok(f"send_json {RESPOND}")
        is_told(leg, "response.done")
        leg.event("openai_speech_stop")
        leg.run(100)
    [heard] = sounding(leg.heard(), 16000)
    assert len(heard) == pytest.approx(16000, rel=0.02)
    assert dominant_frequency(heard.of(leg.heard()), 16000) == pytest.approx(400, abs=2)


def test_auto_is_g711_on_a_telephone_call(switch: Switch) -> None:
    leg = switch.call(variables={"STREAM_AUDIO_FORMAT": "auto"})
    assert not goes_both_ways(leg, "mono", "pcmu", 8000)


@pytest.mark.rule("9.rates")
@pytest.mark.parametrize("rate", ["8k", "16k", "48000"])
def test_a_pcm_rate_that_the_server_states_is_spoken_both_ways(switch: Switch, rate: str) -> None:
    leg = switch.call()
    warnings = goes_both_ways(leg, f"mono {rate} {rate}", "pcm", 24000, agreed="session.created")
    for side, warning in zip(("input", "output"), warnings, strict=True):
        assert f"the server states pcm at 24000 Hz for its {side}, and is followed" in warning


@pytest.mark.stepped
def test_the_first_words_are_not_lost_while_the_format_is_being_agreed(switch: Switch) -> None:
    leg = switch.call(variables={"STREAM_AUDIO_FORMAT": "pcmu"})
    with LocalEndpointThread(vad=False) as endpoint:
        leg.ok(f"start {endpoint.url} mono send")
        leg.event("connect", still=True)
        words = tone(700, 600, 8000)
        leg.tell(words)
        leg.until(lambda: len(endpoint.snapshot()[0].received_audio()) >= 4800)
        first = ulaw_decode(endpoint.snapshot()[0].received_audio()[:4800])
    assert np.max(np.abs(first.astype(int) - words)) <= 256  # half a step of mu-law, at this level
