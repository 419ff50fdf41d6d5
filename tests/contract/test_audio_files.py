"""Section 5: the files of what was played."""

from __future__ import annotations

import stat
import wave
from pathlib import Path

import pytest
from audio.tones import noise
from contract import FarEnd, Switch
from contract.far_end import delta


@pytest.mark.rule("5.15", "5.16", "5.17", "5.18")
def test_audio_files_hold_what_was_played_and_go_with_the_stream(switch: Switch, far: FarEnd) -> None:
    leg = switch.call()
    leg.start(f"{far.url} mono 8k 16k stream=voice_1")
    speech = noise(100, 16000)
    raw = speech.tobytes()
    far.send(delta(raw[:1001]), delta(raw[1001:]))
    files = [Path(leg.event("play").json()["file"]) for _ in range(2)]
    assert [path.name for path in files] == [f"{leg.uuid}_voice_1_{number}.tmp.wav" for number in range(2)]
    assert [str(path) in switch.temp_files() for path in files] == [True, True]
    frames = []
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
            frames.append(file.readframes(file.getnframes()))
    assert [len(each) for each in frames] == [1000, len(raw) - 1000]
    assert b"".join(frames) == raw
    leg.ok("stop stream=voice_1")
    leg.until(lambda: not any(path.exists() for path in files))


@pytest.mark.rule("5.16", "5.18")
def test_files_of_the_default_stream_bear_no_name_and_go_with_the_call(switch: Switch, far: FarEnd) -> None:
    leg = switch.call()
    leg.start(f"{far.url} recv")
    far.speak(noise(100, 24000), piece_ms=20, rate=24000)
    files = [Path(leg.event("play").json()["file"]) for _ in range(5)]
    assert [path.name for path in files] == [f"{leg.uuid}_{number}.tmp.wav" for number in range(5)]
    leg.hangup()
    far.until_closed()
    for _ in range(200):
        if not any(path.exists() for path in files):
            break
        switch.collect(0.05)
    assert [path for path in switch.temp_files() if leg.uuid in path] == []


@pytest.mark.rule("4.16")
def test_audio_files_can_be_switched_off(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_DISABLE_AUDIOFILES": "true"})
    leg.start(f"{far.url} recv 8k")
    speech = noise(200, 8000)
    far.speak(speech, piece_ms=40)
    leg.until(lambda: speech.tobytes() in leg.heard().tobytes())
    assert leg.events("play") == []
    assert [path for path in switch.temp_files() if leg.uuid in path] == []
