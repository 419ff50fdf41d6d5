"""What the caller's voice does to the agent's."""

from __future__ import annotations

from pathlib import Path

import pytest
from agent.talk import Talks, do, wait_outputs
from audio.files import write_wav
from audio.g711 import Pcm16
from audio.tones import tone
from sip.hearing import sounded_ms, wait_tone
from sip.telephone import TelephoneCall

from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.local.voice import hibari

LONG: dict[str, object] = {"tone_hz": 440, "ms": 3000}


@pytest.fixture(scope="module")
def words() -> Pcm16:
    return hibari().speak_now("No, wait a moment please, I do not want that.", 8000)


def speak_into(call: TelephoneCall, words: Pcm16) -> None:
    """The caller has heard half a second of what sounds, and speaks."""
    wait_tone(call.party, 440, 500)
    call.party.say(words)


def speech_started(endpoint: LocalEndpointThread) -> int:
    kind = "input_audio_buffer.speech_started"
    return endpoint.call(lambda it: sum(len(each.sent_events(kind)) for each in it.connections))


@pytest.mark.parametrize(
    ("parameters", "whole"),
    [("", False), ("barge_in=off", True), ("greeting=whole", True), ("barge_in=confirm", False)],
    ids=["server", "off", "uninterruptible", "confirm"],
)
def test_a_greeting_is_stopped_by_the_callers_voice_only_where_it_may(
    talk: Talks, words: Pcm16, parameters: str, whole: bool
) -> None:
    call, endpoint = talk(LONG, {"tone_hz": 880, "ms": 400}, vad=True, parameters=parameters)
    speak_into(call, words)
    wait_tone(call.party, 880)  # what the caller said is answered, then or later
    ms = sounded_ms(call.party.audio(), 440)
    assert abs(ms - 3000) <= 40 if whole else ms < 2600
    assert speech_started(endpoint) >= 1


def test_an_announcement_is_heard_whole_whoever_speaks(talk: Talks, words: Pcm16, tmp_path: Path) -> None:
    path = tmp_path / "notice.wav"
    write_wav(path, tone(440, 3000, 8000), 8000)
    announce = do("play", audio=str(path), interruptible=False)
    call, endpoint = talk(announce, {"tone_hz": 880, "ms": 400}, vad=True)
    speak_into(call, words)
    assert wait_outputs(endpoint) == ["Heard(text='', ms=3000, interrupted=False)"]
    assert abs(sounded_ms(call.party.audio(), 440) - 3000) <= 40
    assert speech_started(endpoint) >= 1


@pytest.mark.parametrize("unless", [False, True])
def test_a_caller_who_speaks_into_a_goodbye(talk: Talks, words: Pcm16, unless: bool) -> None:
    goodbye = {**LONG, **do("hang_up", unless_interrupted=unless)}
    call, endpoint = talk(goodbye, {"tone_hz": 880, "ms": 400}, vad=True)
    speak_into(call, words)
    if unless:
        assert wait_outputs(endpoint) == ["Interrupted: the caller spoke"]
        wait_tone(call.party, 880)
    else:
        call.wait_end()
        talk.wait_notes(["helper", "hang_up"])
    assert sounded_ms(call.party.audio(), 440) < 2600
